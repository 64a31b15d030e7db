#!/bin/sh
# A server's folder that a web server serves, for OstreeCommit's `publish` (docs/commits.md). Sent over SSH. as-owner.sh
# runs it as the login, or as the folder's owner if the login is root.
#
#   place.sh   look FOLDER REF   prints state=…, lacks=PROGRAM, commit=CHECKSUM that the branch names,
#                              published=SECONDS; writes nothing
#   place.sh   list FOLDER       one file a line, as `ls -ln` has it
#   place.sh   stamp FOLDER      says which summary is there
#   place.sh   hold FOLDER       prints held, and holds the folder against other publishers until its input ends
#   place.sh   get FOLDER NAME... prints a tar of them
#   place.sh   put FOLDER        input: a tar; each file of it gets to its place whole, whoever reads it meanwhile
#   place.sh   remove FOLDER     input: names
set -eu
umask 022
command=$1 folder=$2

state() {
	if [ ! -e "$folder" ]; then
		echo missing
	elif [ ! -d "$folder" ]; then
		echo file
	elif [ ! -r "$folder" ] || [ ! -x "$folder" ]; then
		echo unreadable
	elif [ ! -w "$folder" ]; then
		echo unwritable
	elif grep -Eqx 'mode=archive(-z2)?' "$folder/config" 2>/dev/null; then
		if [ -e "$folder/objects" ] && [ ! -w "$folder/objects" ]; then echo unwritable; else echo repo; fi
	else
		# files that an interrupted first run left are ours
		for name in "$folder"/* "$folder"/.[!.]*; do
			case ${name##*/} in
			'*' | '.[!.]*' | .pine.* | objects | deltas | refs | tmp | state | extensions) ;;
			*)
				echo other
				return
				;;
			esac
		done
		echo empty
	fi
}

if [ "$command" = look ]; then
	echo "state=$(state)"
	for program in tar find sha256sum; do
		command -v $program >/dev/null || echo "lacks=$program"
	done
	read -r commit 2>/dev/null <"$folder/refs/heads/$3" && echo "commit=$commit"
	sed -n '/^published=[0-9]*$/p' "$folder/pine/$3.manifest" 2>/dev/null | head -n 1
	exit 0
fi

cd "$folder"
case $command in
list)
	for name in objects deltas delta-indexes refs pine summary summary.sig config; do
		[ ! -e $name ] || LC_ALL=C find $name -type f -exec ls -ln {} +
	done
	;;
stamp) if [ -e summary ]; then sha256sum <summary; else echo none; fi ;;
hold)
	exec 9>.pine.held
	n=0
	# without flock on the server, the publisher sees by the summary that somebody else published
	while command -v flock >/dev/null && ! flock -n 9; do
		[ $n -gt 0 ] || echo busy
		n=$((n + 1))
		sleep 1
	done
	echo held
	cat >/dev/null
	;;
get)
	shift 2
	tar -cf - "$@"
	;;
put)
	# OSTree looks for these folders, also empty, when it opens the folder itself
	mkdir -p tmp state extensions refs/heads refs/mirrors refs/remotes
	rm -rf .pine.new
	mkdir .pine.new
	tar -xof - -C .pine.new
	cd .pine.new
	find . -type d | while IFS= read -r dir; do
		set --
		for file in "$dir"/*; do
			[ ! -f "$file" ] || set -- "$@" "$file"
		done
		[ $# -gt 0 ] || continue
		mkdir -p "../$dir"
		mv -f "$@" "../$dir/"
	done
	cd ..
	rm -rf .pine.new
	;;
remove)
	while IFS= read -r name; do
		rm -f "$name"
		rmdir "${name%/*}" 2>/dev/null || true
	done
	;;
esac
