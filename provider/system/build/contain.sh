#!/bin/sh
# Starts a program and kills it, with everything below it, as soon as we are told to end.
# usage: contain.sh PROGRAM [ARGUMENT...]
# Why: unshare(1) blocks SIGTERM while it waits for its child; only SIGKILL ends it, and then --kill-child ends the namespace.
child=
trap '[ -z "$child" ] || kill -KILL "$child" 2>/dev/null' TERM INT HUP
exec 3<&0 # a shell gives what it starts in the background an empty input, unless told
"$@" <&3 3<&- &
child=$!
wait "$child"
