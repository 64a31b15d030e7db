#!/bin/sh
# Starts a program and kills it, with everything below it, as soon as we are told to end.
# usage: contain.sh PROGRAM [ARGUMENT...]
# Why: unshare(1) blocks SIGTERM while it waits for its child; only SIGKILL ends it, and then --kill-child ends the namespace.
child=
# its children too: the one that unshare has for the id maps is not --kill-child's, and waits for ever when unshare is gone
end() {
	[ -n "$child" ] || return 0
	children=$(cat "/proc/$child/task/$child/children" 2>/dev/null)
	# shellcheck disable=SC2086 # a list of numbers
	kill -KILL "$child" $children 2>/dev/null
}
trap end TERM INT HUP
# a session of its own: no terminal that somebody could type into
exec 3<&0 # a shell gives what it starts in the background an empty input, unless told
setsid "$@" <&3 3<&- &
child=$!
wait "$child"
