/** OpenRC services and settings of the packages that Debian's programs fill: our own words for what Alpine's do. */

/** Makes missing host keys when it starts, as Alpine's does; takes its options from conf.d. */
export const DROPBEAR_INITD = `#!/sbin/openrc-run

description="dropbear SSH server"
command="/usr/sbin/dropbear"
command_args="\${DROPBEAR_OPTS}"
pidfile="/run/\${RC_SVCNAME}.pid"
command_args="\${command_args} -P \${pidfile}"

depend() {
	need net
	use logger dns
	after firewall
}

start_pre() {
	checkpath -d -m 0755 /etc/dropbear || return 1
	local type
	for type in rsa ecdsa ed25519; do
		[ -s "/etc/dropbear/dropbear_\${type}_host_key" ] && continue
		einfo "Generating \${type} host key"
		/usr/bin/dropbearkey -t "\${type}" -f "/etc/dropbear/dropbear_\${type}_host_key" >/dev/null || return 1
	done
}
`;

export const DROPBEAR_CONFD = `# Options of dropbear; see "dropbear -h".
DROPBEAR_OPTS=""
`;

/** Provides \`dev\`, which hwdrivers needs: scans once before it returns, then listens for the kernel's events. */
export const MDEV_INITD = `#!/sbin/openrc-run

description="busybox device manager"
command="/sbin/mdev"
command_args="-df"
command_background="yes"
pidfile="/run/mdev.pid"

depend() {
	provide dev
	need sysfs dev-mount
	before checkfs fsck hwdrivers modules
	keyword -docker -lxc -podman -prefix -vserver -systemd-nspawn
}

start_pre() {
	# Kernels that still call a helper for each event must not do so besides the daemon.
	[ -w /proc/sys/kernel/hotplug ] && echo > /proc/sys/kernel/hotplug
	/sbin/mdev -s
}
`;

export const LIGHTTPD_USER = `#!/bin/sh
addgroup -S -g 82 www-data 2>/dev/null
addgroup -S lighttpd 2>/dev/null
adduser -S -D -H -h /var/www/localhost/htdocs -s /sbin/nologin -G lighttpd -g lighttpd lighttpd 2>/dev/null
addgroup lighttpd www-data 2>/dev/null
exit 0
`;

export const LIGHTTPD_CONF = `var.basedir = "/var/www/localhost"
var.logdir = "/var/log/lighttpd"

server.modules = ("mod_accesslog")
server.username = "lighttpd"
server.groupname = "lighttpd"
server.document-root = var.basedir + "/htdocs"
server.pid-file = "/run/lighttpd.pid"
server.errorlog = var.logdir + "/error.log"
server.indexfiles = ("index.html")
accesslog.filename = var.logdir + "/access.log"
mimetype.assign = (
  ".html" => "text/html; charset=utf-8",
  ".css" => "text/css",
  ".js" => "text/javascript",
  ".json" => "application/json",
  ".svg" => "image/svg+xml",
  ".png" => "image/png",
  ".txt" => "text/plain; charset=utf-8",
  "" => "application/octet-stream"
)
`;

export const LIGHTTPD_CONFD = `LIGHTTPD_CONF="/etc/lighttpd/lighttpd.conf"
LIGHTTPD_PID="/run/lighttpd.pid"
`;

export const LIGHTTPD_INITD = `#!/sbin/openrc-run

description="lighttpd web server"
command="/usr/sbin/lighttpd"
command_args="-f \${LIGHTTPD_CONF}"
pidfile="\${LIGHTTPD_PID}"
required_files="\${LIGHTTPD_CONF}"
extra_started_commands="reload"

depend() {
	need net
	use logger dns
	after firewall
}

checkconfig() {
	/usr/sbin/lighttpd -t -f "\${LIGHTTPD_CONF}" >/dev/null
}

start_pre() {
	checkpath -d -m 0750 -o lighttpd:lighttpd /var/log/lighttpd && checkconfig
}

reload() {
	checkconfig || return 1
	ebegin "Reopening lighttpd's logs"
	start-stop-daemon --signal HUP --pidfile "\${LIGHTTPD_PID}"
	eend $?
}
`;
