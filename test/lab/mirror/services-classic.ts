/** OpenRC services and settings of the clock, the firewall and the rest: our own words for what Alpine's do. */

export const CHRONYD_INITD = `#!/sbin/openrc-run

description="NTP daemon"
command="/usr/sbin/chronyd"
command_args="-u chrony -f \${CFGFILE} \${ARGS}"
pidfile="/run/chrony/chronyd.pid"
required_files="\${CFGFILE}"

depend() {
	need net
	use logger dns
	after entropy firewall
	provide ntp-client ntp-server
}

start_pre() {
	checkpath -d -m 0750 -o chrony:chrony /run/chrony /var/lib/chrony /var/log/chrony
}
`;

export const CHRONYD_CONFD = `CFGFILE="/etc/chrony/chrony.conf"
ARGS=""
`;

export const CHRONY_CONF = `pool pool.ntp.org iburst
initstepslew 10 pool.ntp.org
driftfile /var/lib/chrony/chrony.drift
rtcsync
cmdport 0
`;

export const CHRONY_USER = `#!/bin/sh
addgroup -S chrony 2>/dev/null
adduser -S -D -H -h /var/lib/chrony -s /sbin/nologin -G chrony -g chrony chrony 2>/dev/null
exit 0
`;

export const TCPDUMP_USER = `#!/bin/sh
addgroup -S tcpdump 2>/dev/null
adduser -S -D -H -h /dev/null -s /sbin/nologin -G tcpdump -g tcpdump tcpdump 2>/dev/null
exit 0
`;

/** One text for both: what it is started as says which family of addresses it keeps. */
export const IPTABLES_INITD = `#!/sbin/openrc-run

description="Firewall of the kernel"
extra_commands="save"
extra_started_commands="reload"
rules="/etc/iptables/rules-save"
[ "\${RC_SVCNAME}" = ip6tables ] && rules="/etc/iptables/rules6-save"

depend() {
	need localmount
	before net
	provide firewall
	keyword -jail
}

start_pre() {
	[ -f "\${rules}" ] && return 0
	eerror "There are no rules in \${rules}: set them with \${RC_SVCNAME}, then 'rc-service \${RC_SVCNAME} save'"
	return 1
}

start() {
	ebegin "Loading \${RC_SVCNAME}'s rules"
	"/usr/sbin/\${RC_SVCNAME}-restore" \${SAVE_RESTORE_OPTIONS} <"\${rules}"
	eend $?
}

stop() {
	[ "\${SAVE_ON_STOP}" = yes ] && { save || return 1; }
	ebegin "Taking \${RC_SVCNAME}'s rules away"
	local chain
	for chain in INPUT FORWARD OUTPUT; do
		"/usr/sbin/\${RC_SVCNAME}" -P "\${chain}" ACCEPT
	done
	"/usr/sbin/\${RC_SVCNAME}" -F && "/usr/sbin/\${RC_SVCNAME}" -X
	eend $?
}

reload() {
	start_pre && start
}

save() {
	ebegin "Saving \${RC_SVCNAME}'s rules"
	checkpath -q -d /etc/iptables && checkpath -q -f -m 0600 "\${rules}" &&
		"/usr/sbin/\${RC_SVCNAME}-save" \${SAVE_RESTORE_OPTIONS} >"\${rules}"
	eend $?
}
`;

export const IPTABLES_CONFD = `# Options of both the saving and the restoring program.
SAVE_RESTORE_OPTIONS="-c"
SAVE_ON_STOP="yes"
`;

export const MULTIPATHD_INITD = `#!/sbin/openrc-run

description="Watches the paths to disks that have several"
command="/sbin/multipathd"
command_args="-d \${MULTIPATHD_OPTS}"
command_background="yes"
pidfile="/run/\${RC_SVCNAME}.pid"

depend() {
	need dev localmount
	use logger
	keyword -lxc -vserver -prefix
}

start_pre() {
	modprobe -q dm-multipath
	return 0
}
`;

/** doas reads one file here, without Alpine's folder doas.d: nobody may do anything until a line says so. */
export const DOAS_CONF = `# See doas.conf(5).
#permit persist :wheel
`;

/** Debian's doas asks PAM, Alpine's the shadow file: this asks PAM for just that. */
export const DOAS_PAM = `auth required pam_unix.so
account required pam_unix.so
session required pam_permit.so
`;

export const OTHER_PAM = `auth required pam_deny.so
account required pam_deny.so
password required pam_deny.so
session required pam_deny.so
`;

/** Podman without systemd: no journal, cgroups by itself, networks by netavark. */
export const CONTAINERS_CONF = `[containers]
log_driver = "k8s-file"

[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"

[network]
network_backend = "netavark"
`;
