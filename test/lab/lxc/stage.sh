#!/bin/sh
# Prepares new network and mount namespaces for one LXC container: a bridge, control groups, LXC's own folders.
#   stage.sh GATEWAY/PREFIX FIRST-ID
# Nothing of it shows on the machine but control groups, and those are named after the test process. Of killed runs they
# are removed here. Exit code 1 and a last line "lxc: ..." say what is missing.
set -eu
fail() {
  echo "lxc: $*" >&2
  exit 1
}
groups=/sys/fs/cgroup
# true when controllers can be used below $groups
usable() {
  if [ -e $groups/cgroup.controllers ]; then
    grep -qw memory $groups/cgroup.controllers || return 1
    probe=$groups/pine-lxc-probe.$$
  else
    [ -e $groups/memory/memory.limit_in_bytes ] && [ -d $groups/devices ] && [ -e $groups/unified/cgroup.procs ] || return 1
    probe=$groups/memory/pine-lxc-probe.$$
  fi
  mkdir "$probe" 2>/dev/null && rmdir "$probe"
}
# the old controllers that LXC uses, each on its own, with the new hierarchy beside them; or that alone
mount_groups() {
  mount -t tmpfs -o mode=755 tmpfs $groups || return 1
  for c in systemd cpu cpuacct cpuset memory devices freezer blkio pids; do
    mkdir $groups/$c
    case $c in systemd) o=none,name=systemd ;; *) o=$c ;; esac
    mount -t cgroup -o $o cgroup $groups/$c 2>/dev/null || rmdir $groups/$c
  done
  if [ -d $groups/memory ]; then
    # a container's own hierarchy begins where LXC put it: where it was not mounted, that would be the machine's root
    mkdir $groups/unified
    mount -t cgroup2 cgroup2 $groups/unified
    return
  fi
  umount -R $groups && mount -t cgroup2 cgroup2 $groups
}

mount --make-rslave / || fail "cannot keep mounts to itself"
# /sys of the new network, with the machine's control groups
mkdir -p /run/lxc
mount -t tmpfs -o mode=755 tmpfs /run/lxc || fail "cannot mount a tmpfs"
mkdir /run/lxc/groups
if [ -d $groups ]; then mount --rbind $groups /run/lxc/groups; fi
mount -t sysfs -o nosuid,nodev,noexec sysfs /sys || fail "cannot mount /sys"
[ -d $groups ] || fail "the kernel has no control groups"
mount --rbind /run/lxc/groups $groups
umount -l /run/lxc/groups
usable || { mount_groups && usable; } || fail "no control groups to limit memory with, and none can be mounted at $groups"

sh "${0%/*}/groups.sh"

mkdir -p /var/lib/lxc
mount -t tmpfs -o mode=755 tmpfs /var/lib/lxc
# subordinate ids of root, for LXC's helpers. In a copy of /etc: a mount on the file itself goes when useradd renames
# another one over it
cp -a /etc /run/lxc/etc
for f in subuid subgid; do
  rm -f /run/lxc/etc/$f
  echo "root:$2:65536" >/run/lxc/etc/$f
done
mount --bind /run/lxc/etc /etc

ip link set lo up
ip link add br0 type bridge || fail "the kernel has no bridge"
ip address add "$1" dev br0
ip link set br0 up
ip link add pine0 type veth peer name pine1 || fail "the kernel has no veth"
ip link delete pine0
