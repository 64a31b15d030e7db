#!/bin/sh
# What a commit of /run/repo has, by OSTree's own word. Runs in the toolbox.
#   asked.sh list COMMIT           every entry, as `ostree ls` has it
#   asked.sh read COMMIT PATH...   the files, a line "@ PATH" before each; then "@ sum" and the SHA-256 of those that standard input names, one behind the other
set -eu
command=$1 commit=$2
shift 2
if [ "$command" = list ]; then
	exec ostree --repo=/run/repo ls -R "$commit"
fi
for path; do
	echo "@ $path"
	ostree --repo=/run/repo cat "$commit" "$path"
	echo
done
echo "@ sum"
tr '\n' '\0' | xargs -0 -r ostree --repo=/run/repo cat "$commit" | sha256sum
