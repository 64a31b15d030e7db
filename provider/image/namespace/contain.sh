#!/bin/sh
# Starts a program and kills it, with everything below it, as soon as we are told to end.
# usage: contain.sh PROGRAM [ARGUMENT...]
# Why: unshare(1) blocks SIGTERM while it waits for its child; only SIGKILL ends it, and then --kill-child ends the
# namespace.
child='' ended=''
# its group too: --kill-child misses the process that unshare has for the id maps, which waits for ever when unshare is
# gone
end() {
	ended=1
	[ -n "$child" ] || return 0
	# setsid may be about to make the group, so again behind the process itself
	for who in "-$child" "$child" "-$child"; do
		kill -s KILL -- "$who" 2>/dev/null || :
	done
}
trap end TERM INT HUP
# a session of its own: no terminal that somebody could type into
exec 3<&0 # a shell gives what it starts in the background an empty input, unless told
setsid "$@" <&3 3<&- &
child=$!
# the signal came before we knew whom to kill
[ -z "$ended" ] || end
wait "$child"
