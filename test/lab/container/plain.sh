#!/bin/sh
# Second half of a plain container: makes TREE the root of this process and starts the container's init in it. usage:
# plain.sh TREE ro|rw PROGRAM [ARGUMENT...], as text (sh -c): this root may not be able to read a file of the machine's
# Runs as pid 1 and root of new user, mount, pid, net, ipc, uts and cgroup namespaces; TREE is a mount. "ro": its /usr
# is read-only. Exit code 125 and a last line "container: ..." say that it could not be set up.
set -u
fail() {
	echo "container: $*" >&2
	exit 125
}
# In a user namespace the flags a mount came with are locked: a remount has to name them all.
readonly_mount() {
	flags=$(findmnt -rn -o VFS-OPTIONS --mountpoint "$PWD/$1" | tail -n 1)
	mount -o "remount,bind,${flags:+$flags,}ro" "$1" || fail "cannot make $1 read-only"
}
tree=$1 usr=$2
shift 2
umask 022
# Once more by ourselves: mounts that came along are locked in place.
mount --rbind "$tree" "$tree" || fail "cannot mount $tree"
cd "$tree" || fail "cannot enter $tree"
for d in dev proc sys run; do
	if [ ! -d "$d" ] || [ -L "$d" ]; then fail "$tree/$d is missing"; fi
done
hostname localhost
ip link set lo up || fail "cannot set the loopback device up"

mount -t proc -o nosuid,nodev,noexec proc proc || fail "cannot mount /proc"
# The machine's settings are not this root's to write anyway; read-only says so before a script tries.
for p in sys sysrq-trigger irq bus; do
	[ -e "proc/$p" ] || continue
	mount --bind "proc/$p" "proc/$p" || fail "cannot bind /proc/$p"
done
mount --bind proc/sys/net proc/sys/net || fail "cannot bind /proc/sys/net"
for p in sys sysrq-trigger irq bus; do
	[ ! -e "proc/$p" ] || readonly_mount "proc/$p"
done
mount -t sysfs -o ro,nosuid,nodev,noexec sysfs sys || fail "cannot mount /sys"
# The machine may have the old groups only: then there are none here.
mount -t cgroup2 -o nosuid,nodev,noexec cgroup2 sys/fs/cgroup 2>/dev/null

mount -t tmpfs -o nosuid,mode=755 tmpfs dev || fail "cannot mount /dev"
for d in null zero full random urandom tty; do
	: >"dev/$d"
	mount --bind "/dev/$d" "dev/$d" || fail "cannot bind /dev/$d"
done
# What init and its services say goes to our own output.
: >dev/console
mount --bind /dev/null dev/console || fail "cannot bind /dev/console"
mkdir dev/pts
mount -t devpts -o nosuid,noexec,newinstance,ptmxmode=0666,mode=620,gid=5 devpts dev/pts || fail "cannot mount /dev/pts"
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
ln -s fd/0 dev/stdin
ln -s fd/1 dev/stdout
ln -s fd/2 dev/stderr
mkdir -m 1777 dev/shm
mount -t tmpfs -o nosuid,nodev,mode=1777 tmpfs dev/shm || fail "cannot mount /dev/shm"
mount -t tmpfs -o nosuid,nodev,mode=755 tmpfs run || fail "cannot mount /run"
if [ "$usr" = ro ]; then
	mount --bind usr usr || fail "cannot bind /usr"
	readonly_mount usr
fi
# The old root is stacked on the new one and taken away: nothing outside of the tree stays reachable.
pivot_root . . || fail "cannot make $tree the root"
PATH=/usr/sbin:/usr/bin:/sbin:/bin
export PATH
hash -r
umount -l / || fail "cannot take the old root away"
cd / || exit 126
exec "$@"
