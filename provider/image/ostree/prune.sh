#!/bin/sh
# Removes commits from a repository, $REPO or /run/repo, with the branches that name them and every object that no other
# commit has. Runs in the toolbox. usage: prune.sh CHECKSUM...
set -eu
repo=${REPO:-/run/repo}
for ref in $(ostree refs --repo="$repo"); do
	case " $* " in
	*" $(ostree rev-parse --repo="$repo" "$ref") "*) ostree refs --repo="$repo" --delete "$ref" ;;
	esac
done
for commit; do
	tail=${commit#??}
	rm -f "$repo/objects/${commit%"$tail"}/$tail.commit"
done
ostree prune --repo="$repo" >/dev/null
