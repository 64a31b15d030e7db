#!/bin/sh
# Commits what was changed in the skeleton at /run/tree since /run/work/stamp over a commit that has the rest. Runs in
# the toolbox. usage: overlay.sh BASE-COMMIT OPTION...   (of ostree commit; /run/repo, /run/work/sizes: "BYTES PATH" of
# the base's files) Prints the checksum, and by how many bytes the files grew.
set -eu
umask 022
base=$1
shift
cd /run/tree
find . -newer /run/work/stamp ! -path . >/run/work/changed
tar --no-recursion --verbatim-files-from -T /run/work/changed --format=posix --pax-option=delete=atime,delete=ctime,hdrcharset:=BINARY \
	--numeric-owner --mtime=@0 -cf /run/work/overlay.tar
ostree commit --repo=/run/repo "--tree=ref=$base" --tree=tar=/run/work/overlay.tar "$@"
find . -type f -newer /run/work/stamp -exec stat -c '%s %n' {} + >/run/work/new
awk '{ size = $1; sub(/^[0-9]+ /, "") }
	NR == FNR { was[$0] = size; next }
	{ sum += size - was[$0] }
	END { print sum + 0 }' /run/work/sizes /run/work/new
