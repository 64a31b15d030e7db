#!/bin/sh
# Commits the tree at /run/tree into /run/repo as commit.sh does, in parallel parts: compressing takes long, and a part
# of another commit, as the kernel mostly is, is not compressed again. Runs in the toolbox; /run/work: an empty folder.
# usage: commit-parts.sh OPTION...   (of ostree commit); prints the checksum, then the parts' names: branches part/NAME
set -eu
umask 022
cd /run/work
# usage: part FILE NAME-OF-TAR...   leaves FILE, with its name, and FILE.commit
part() {
	file=$1
	shift
	tar -C /run/tree --format=posix --pax-option=delete=atime,delete=ctime,hdrcharset:=BINARY --sort=name --numeric-owner --mtime=@0 \
		--xattrs --xattrs-include=security.capability --anchored -cf "$file.tar" "$@"
	sum=$(sha256sum <"$file.tar")
	sum=${sum%% *}
	commit=$(ostree rev-parse --repo=/run/repo "part/$sum" 2>/dev/null) || commit=
	# partial: it lost a damaged object
	if [ -z "$commit" ] || [ -e "/run/repo/state/$commit.commitpartial" ]; then
		commit=$(ostree commit --repo=/run/repo "--branch=part/$sum" --parent=none --no-bindings --timestamp=@0 "--tree=tar=$file.tar")
		rm -f "/run/repo/state/$commit.commitpartial"
	fi
	rm "$file.tar"
	echo "$commit" >"$file.commit"
	echo "$sum" >"$file"
}
# apk's database is different with every package, and libraries are most of what is left
below() { # NAME FOLDER   a part of /usr/lib, with the folders above it
	part "$1" --no-recursion . ./usr ./usr/lib --recursion "$2"
}
part lib --no-recursion . ./usr --recursion '--exclude=./usr/lib/apk' '--exclude=./usr/lib/modules' ./usr/lib &
running=$!
below apk ./usr/lib/apk &
running="$running $!"
kernel=
if [ -d /run/tree/usr/lib/modules ]; then
	kernel=kernel
	below kernel ./usr/lib/modules &
	running="$running $!"
fi
part bin --no-recursion . ./usr --recursion ./usr/bin &
running="$running $!"
part rest '--exclude=./usr/lib/*' '--exclude=./usr/bin/*' .
for pid in $running; do wait "$pid"; done
for name in lib apk $kernel bin rest; do set -- "$@" "--tree=ref=$(cat "$name.commit")"; done
ostree commit --repo=/run/repo "$@"
cat lib apk $kernel bin rest
