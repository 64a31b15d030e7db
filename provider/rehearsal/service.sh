#!/sbin/openrc-run
# Tells a rehearsal how this boot goes (/etc/pine-rehearsal/guest). Started early, in the background: what hangs later
# is to be told, too.
description="Tells a rehearsal how this boot goes"

depend() {
	need localmount
}

start() {
	ebegin "Starting to tell the rehearsal"
	setsid /etc/pine-rehearsal/guest "$ports" "$left_out" "$seconds" "$slow" </dev/null >/dev/null 2>&1 &
	eend 0
}
