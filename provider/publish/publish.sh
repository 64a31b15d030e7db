#!/bin/sh
# Publishes a commit of /run/repo in the repository /run/out, which any static web server can serve. Runs in the
# toolbox, with /run/prune.sh. All files are there before the branch, and the branch before the summary, so that a host
# that pulls meanwhile sees the state before or after.
# usage: publish.sh REF CHECKSUM DELTAS EMPTY COMMIT...   DELTAS: so many of the commits (the newest first) get a delta
# to it; EMPTY: 1 for a delta from nothing; COMMIT: a further commit to keep, if the folder or the store has it. Other
# commits are removed.
set -eu
umask 022
out=/run/out
if [ ! -f $out/config ]; then
	ostree init --repo=$out --mode=archive
	ostree config --repo=$out set archive.zlib-level 9
fi
[ $# -gt 0 ] || exit 0
ref=$1 to=$2 deltas=$3 empty=$4
shift 4
# usage: has REPOSITORY COMMIT   whether the commit is whole there
has() {
	tail=${2#??}
	[ -e "$1/objects/${2%"$tail"}/$tail.commit" ] && [ ! -e "$1/state/$2.commitpartial" ]
}
# exit code 3: the error is in the store, not in what is published
pull() {
	if ! ostree pull-local --untrusted --repo=$out /run/repo "$1" >&2; then
		echo "pine: from the store: $1" >&2
		exit 3
	fi
}
pull "$to"
# earlier commits may be published and gone from the store, or in neither
for commit; do
	shift
	if ! has $out "$commit"; then
		has /run/repo "$commit" || continue
		pull "$commit"
	fi
	set -- "$@" "$commit"
done
have=$(ostree static-delta list --repo=$out)
# usage: delta NAME --from=COMMIT|--empty   a delta that holds everything in its own files, in parts that fit into
# little memory
delta() {
	case "
$have
" in
	*"
$1
"*) ;;
	*)
		ostree static-delta generate --repo=$out "$2" --to="$to" --inline --min-fallback-size=0 --max-bsdiff-size=8 --max-chunk-size=4 >&2
		;;
	esac
}
n=0
for from; do
	if [ "$from" = "$to" ] || [ $n -ge "$deltas" ]; then continue; fi
	n=$((n + 1))
	delta "$from-$to" "--from=$from"
done
[ "$empty" = 0 ] || delta "$to" --empty
ostree refs --repo=$out --force --create="$ref" "$to"
ostree summary --repo=$out --update
# each branch lists what it keeps, since two stacks can share a folder
list=$out/pine/$ref.commits
mkdir -p "${list%/*}"
printf '%s\n' "$to" "$@" >"$list.new"
mv "$list.new" "$list"
keep=" $(find $out/pine -name '*.commits' -exec cat {} + | tr '\n' ' ') "
gone=
for head in "$out"/objects/??; do
	for file in "$head"/*.commit; do
		[ -e "$file" ] || continue
		name=${file##*/}
		commit=${head##*/}${name%.commit}
		case $keep in *" $commit "*) ;; *) gone="$gone $commit" ;; esac
	done
done
if [ -n "$gone" ]; then
	# shellcheck disable=SC2086 # a list of checksums
	REPO=$out sh /run/prune.sh $gone
	ostree summary --repo=$out --update
fi
