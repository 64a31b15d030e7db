#!/bin/sh
# Keeps of the tree at /run/tree what is needed to lay configuration over its commit: folders, links, names of files,
# and the two programs that run there. Runs in the toolbox. usage: skeleton.sh save PATH...|restore
# (/run/work/skeleton.tar, /run/work/files)
set -eu
cd /run/tree
case $1 in
save)
	# configuration laid over a commit cannot remove anything from it
	shift
	for path in "$@"; do rm -rf ".$path"; done
	find . -type f >/run/work/files
	{
		find . ! -type f -print0
		find usr -type f \( -name busybox -o -name 'ld-musl-*.so.1' \) -print0
	} | tar --null --no-recursion -T - --numeric-owner -cf /run/work/skeleton.tar
	;;
restore)
	tar -xpf /run/work/skeleton.tar --numeric-owner
	# empty: they only show that a file has the name
	tr '\n' '\0' </run/work/files | xargs -0 touch
	# other packages than busybox can bring these, of which only the names are here
	mkdir -p /run/work/box
	for applet in sh umount cat chmod chown ln mkdir rm touch; do ln -sf /bin/busybox "/run/work/box/$applet"; done
	# whatever is changed from here on is newer than the stamp
	find . -exec touch -h -d @0 {} +
	touch -d @1 /run/work/stamp
	;;
esac
