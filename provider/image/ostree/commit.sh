#!/bin/sh
# Commits the tree at /run/tree into /run/repo: owners, modes and file capabilities, no other extended attribute, no
# time. Runs in the toolbox.
# usage: commit.sh OPTION...   (of ostree commit); prints the checksum
# Why through tar: ostree reads every attribute of a folder or none, and this machine's security labels stay out.
set -eu
umask 022
fifo=/run/work/tree.tar
mkfifo "$fifo"
tar -C /run/tree --format=posix --pax-option=delete=atime,delete=ctime,hdrcharset:=BINARY --sort=name --numeric-owner --mtime=@0 \
	--xattrs --xattrs-include=security.capability -cf "$fifo" . &
tar=$!
checksum=$(ostree commit --repo=/run/repo "--tree=tar=$fifo" "$@") || {
	kill "$tar" 2>/dev/null || true
	exit 1
}
wait "$tar"
echo "$checksum"
