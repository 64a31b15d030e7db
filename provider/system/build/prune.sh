#!/bin/sh
# Removes commits from /run/repo, with the branches that name them and every object that no other commit has. Runs in the toolbox.
# usage: prune.sh CHECKSUM...
set -eu
for ref in $(ostree refs --repo=/run/repo); do
	case " $* " in
	*" $(ostree rev-parse --repo=/run/repo "$ref") "*) ostree refs --repo=/run/repo --delete "$ref" ;;
	esac
done
for commit; do
	tail=${commit#??}
	rm -f "/run/repo/objects/${commit%"$tail"}/$tail.commit"
done
ostree prune --repo=/run/repo >/dev/null
