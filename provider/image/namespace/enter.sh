#!/bin/sh
# Makes a folder the root of this process and starts a program in it. Runs as pid 1 of new mount and pid namespaces,
# with the right to mount. The program may be a stranger's, so it gets an inner user namespace. There the mounts are
# locked: nothing read-only becomes writable, and root there has no device, kernel setting or process of this machine.
# usage: enter.sh TREE ro|rw CWD [bind|robind SOURCE TARGET]... -- PROGRAM [ARGUMENT...]
# TREE has a busybox or another umount. /tmp and /run are empty and in memory; targets in a read-only tree lie below
# them. Exit code 125 and a last line "namespace: ..." say that it could not be set up.
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
# no /dev/tty: what runs here has no terminal to type into
for d in null zero full random urandom; do
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
# The same ids, but not the same rights. An idle process keeps the namespace until we are in it.
unshare --user sleep 60 &
holder=$!
while [ "$(readlink "proc/$holder/ns/user")" = "$(readlink proc/self/ns/user)" ]; do
	kill -0 "$holder" 2>/dev/null || fail "no user namespace can be made"
done
for kind in uid gid; do
	ids=$(while read -r inside _ count; do echo "$inside $inside $count"; done <"proc/self/${kind}_map")
	# one write: the kernel takes no second
	printf '%s\n' "$ids" >"proc/$holder/${kind}_map" || fail "cannot map ${kind}s in a user namespace"
done
exec 9<"proc/$holder/ns/user"
kill -KILL "$holder"
wait "$holder" 2>/dev/null
# sysrq-trigger and the kernel's settings are files that this machine's root may write, whatever its rights are
readonly_mount "$PWD/proc"
[ "$mode" = rw ] || readonly_mount "$tree"
exec nsenter --user=/proc/self/fd/9 unshare --mount --propagation private -- /bin/sh "${0%/*}/inside.sh" "$tree" "$cwd" "$@"
