#!/bin/sh
# Makes a folder the root of this process and starts a program in it. Runs as pid 1 of new mount and pid namespaces.
# usage: enter.sh TREE ro|rw CWD [bind|robind SOURCE TARGET]... -- PROGRAM [ARGUMENT...]
# TREE has a busybox or another umount. /tmp and /run are empty and in memory; targets in a read-only tree lie below them.
# Exit code 125 and a last line "namespace: ..." say that it could not be set up.
set -u
fail() {
	echo "namespace: $*" >&2
	exit 125
}
# In a user namespace the flags a mount came with are locked: a remount has to name them all.
readonly_mount() {
	flags=$(findmnt -rn -o VFS-OPTIONS --mountpoint "$1" | tail -n 1)
	mount -o "remount,bind,${flags:+$flags,}ro" "$1" || fail "cannot make $1 read-only"
}
tree=$1 mode=$2 cwd=$3
shift 3
umask 022
mount --rbind "$tree" "$tree" || fail "cannot mount $tree"
cd "$tree" || fail "cannot enter $tree"
if [ "$mode" = rw ]; then
	mkdir -p dev proc tmp run || fail "cannot make the folders to mount on in $tree"
fi
for d in dev proc tmp run; do
	if [ ! -d "$d" ] || [ -L "$d" ]; then fail "$tree/$d is missing"; fi
done
mount -t proc -o nosuid,nodev,noexec proc proc || fail "cannot mount /proc (a container that hides parts of /proc does not allow it)"
mount -t tmpfs -o nosuid,mode=755 tmpfs dev || fail "cannot mount /dev"
for d in null zero full random urandom tty; do
	[ -e "/dev/$d" ] || continue
	: >"dev/$d"
	mount --bind "/dev/$d" "dev/$d" || fail "cannot bind /dev/$d"
done
ln -s /proc/self/fd dev/fd
ln -s fd/0 dev/stdin
ln -s fd/1 dev/stdout
ln -s fd/2 dev/stderr
mkdir -m 1777 dev/shm
mount -t tmpfs -o nosuid,nodev,mode=1777 tmpfs tmp || fail "cannot mount /tmp"
mount -t tmpfs -o nosuid,nodev,mode=755 tmpfs run || fail "cannot mount /run"
while [ "${1-}" != -- ]; do
	kind=$1 source=$2 target=.$3
	shift 3
	if [ -d "$source" ]; then
		[ -d "$target" ] || mkdir -p "$target"
	else
		[ -e "$target" ] || { mkdir -p "${target%/*}" && : >"$target"; }
	fi || fail "cannot make ${target#.} to bind $source on"
	mount --rbind "$source" "$target" || fail "cannot bind $source on ${target#.}"
	[ "$kind" = bind ] || readonly_mount "$PWD/${target#./}"
done
shift
[ "$mode" = rw ] || readonly_mount "$tree"
# The old root is stacked on the new one and taken away: nothing outside of the tree stays reachable.
pivot_root . . || fail "cannot make $tree the root"
PATH=/usr/sbin:/usr/bin:/sbin:/bin
# programs for a tree that has names of its own alone (skeleton.sh)
[ ! -d /run/box ] || PATH=/run/box:$PATH
export PATH
hash -r
umount -l / || fail "cannot take the old root away"
cd -- "$cwd" || exit 126
exec "$@"
