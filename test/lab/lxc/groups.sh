#!/bin/sh
# Removes the control groups of LXC containers of the lab: those of NAME, or without it those whose test process is
# gone.
#   groups.sh [NAME]          names begin with pine-PID-
set -u
for group in /sys/fs/cgroup/*/lxc.*.pine-* /sys/fs/cgroup/lxc.*.pine-*; do
  [ -d "$group" ] || continue
  name=${group##*.pine-}
  if [ $# -gt 0 ]; then
    case pine-$name in "$1" | "$1"-*) ;; *) continue ;; esac
  elif [ -d "/proc/${name%%-*}" ]; then
    continue
  fi
  find "$group" -depth -type d -exec rmdir {} + 2>/dev/null
done
# where LXC's monitors go at their end, for whoever uses it no more
rmdir /sys/fs/cgroup/*/lxc.pivot /sys/fs/cgroup/lxc.pivot 2>/dev/null
exit 0
