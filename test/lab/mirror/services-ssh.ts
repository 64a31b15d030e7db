/** The OpenRC service and the settings of the OpenSSH server: our own words for what Alpine's do. */

/** Makes missing host keys and checks the settings before it starts or reloads. */
export const SSHD_INITD = `#!/sbin/openrc-run

description="OpenSSH server"
command="/usr/sbin/sshd"
command_args="\${SSHD_OPTS}"
pidfile="/run/\${RC_SVCNAME}.pid"
required_files="/etc/ssh/sshd_config"
extra_commands="checkconfig"
extra_started_commands="reload"

depend() {
	need net
	use logger dns
	after entropy firewall
}

checkconfig() {
	# Debian's sshd leaves its privileges in there.
	checkpath -d -m 0755 /run/sshd || return 1
	/usr/bin/ssh-keygen -A >/dev/null || return 1
	/usr/sbin/sshd -t \${SSHD_OPTS}
}

start_pre() {
	checkconfig
}

reload() {
	checkconfig || return 1
	ebegin "Reloading sshd"
	start-stop-daemon --signal HUP --pidfile "\${pidfile}"
	eend $?
}
`;

export const SSHD_CONFD = `# Options of sshd; see sshd(8).
SSHD_OPTS=""
`;

export const SSHD_CONFIG = `# See sshd_config(5). The first value found for a setting is used.
Include /etc/ssh/sshd_config.d/*.conf

AuthorizedKeysFile .ssh/authorized_keys
AllowTcpForwarding no
GatewayPorts no
X11Forwarding no
PidFile /run/sshd.pid
Subsystem sftp internal-sftp
`;

export const SSHD_USER = `#!/bin/sh
addgroup -S -g 22 sshd 2>/dev/null
adduser -S -D -H -h /dev/null -s /sbin/nologin -G sshd -g sshd -u 22 sshd 2>/dev/null
exit 0
`;
