#!/bin/sh
# Holds the server's one lock for as long as standard input stays open and says something now and then. A connection
# that ends releases it, and so does one that is silent for a quarter of an hour: its other end may be gone without a
# word.
#   server.sh OWNER
# Nobody gets it on a server that is about to reboot (trial/reboot.ts).
set -eu
run=${PINE_RUN:-/run} lease=${PINE_LEASE:-900} # for tests
if rebooting "$run"; then
  echo "busy $(head -n 1 "$run/pine.rebooting"), which is rebooting the server"
  exit 75
fi
exec 9>>"$run/pine.lock"
if ! flock -n 9; then
  echo "busy $(head -n 1 "$run/pine.lock")"
  exit 75
fi
echo "$1" >"$run/pine.lock"
# a step goes on after its connection is gone: end what an earlier holder left running (parts.sh, sent before this)
# shellcheck disable=SC2034 # of parts.sh
receiving=$run/pine.receiving
alone
exec 8>&-
echo locked
# this process does not hold the lock: busybox' timeout leaves a process that checks each second whether it can end, and
# would hold the lock that long
while [ -n "$(exec 9>&-; timeout "$lease" head -c 1)" ]; do :; done
