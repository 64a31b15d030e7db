#!/bin/sh
# Checks whether the repository /run/repo is what was written. Runs in the toolbox; /run/prune.sh. What is wrong comes
# on standard error. usage: fsck.sh [--delete]   --delete: objects and commits that are damaged go
set -eu
repo=/run/repo
# where a folder is missing, OSTree's own look ends at once and names no commit
broken=
for file in "$repo"/objects/??/*.commit; do
	[ -e "$file" ] || continue
	head=${file%/*}
	name=${file##*/}
	commit=${head##*/}${name%.commit}
	said=$(ostree ls --repo="$repo" -R "$commit" 2>&1 >/dev/null) || {
		echo "In commits $commit: ${said#error: }" >&2
		broken="$broken $commit"
	}
done
if [ "${1:-}" = --delete ] && [ -n "$broken" ]; then
	# shellcheck disable=SC2086 # a list of checksums
	sh /run/prune.sh $broken
	ostree fsck --repo="$repo" --quiet --all --delete
	exit 1
fi
ostree fsck --repo="$repo" --quiet --all "$@"
