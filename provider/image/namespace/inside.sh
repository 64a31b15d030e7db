#!/bin/sh
# Last step of enter.sh, in the user namespace of the program: TREE and its mounts become the root, nothing else stays.
# usage: inside.sh TREE CWD PROGRAM [ARGUMENT...]
set -u
exec 9<&-
fail() {
	echo "namespace: $*" >&2
	exit 125
}
tree=$1 cwd=$2
shift 2
# once more: a mount that came along is locked in its place, and cannot become the root
mount --rbind "$tree" "$tree" || fail "cannot mount $tree"
cd "$tree" || fail "cannot enter $tree"
# The old root is stacked on the new one and taken away: nothing outside of the tree stays reachable.
pivot_root . . || fail "cannot make $tree the root"
PATH=/usr/sbin:/usr/bin:/sbin:/bin
# programs for a tree that holds only the names of its own (skeleton.sh)
[ ! -d /run/box ] || PATH=/run/box:$PATH
export PATH
hash -r
umount -l / || fail "cannot remove the old root"
cd -- "$cwd" || exit 126
exec "$@"
