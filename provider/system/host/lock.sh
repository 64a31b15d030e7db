#!/bin/sh
# Holds the server's one lock for as long as standard input stays open, an hour at most: a connection that ends lets go of it.
#   lock.sh OWNER
# Nobody gets it on a server that is about to reboot (trial.ts).
set -eu
if [ -e /run/pine.rebooting ]; then
  echo "busy $(head -n 1 /run/pine.rebooting), which is rebooting the server"
  exit 75
fi
exec 9>>/run/pine.lock
if ! flock -n 9; then
  echo "busy $(head -n 1 /run/pine.lock)"
  exit 75
fi
echo "$1" >/run/pine.lock
echo locked
# without the lock: busybox' timeout leaves a process that looks each second whether it can end, and would hold it that long
timeout 3600 cat 9>&- >/dev/null || true
