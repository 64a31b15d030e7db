#!/bin/sh
# Changes a tree, as its root: no link in it leads out of it. Standard input: fields separated by tabs,
#   file MODE UID:GID N PATH   content in /run/files/N
#   dir MODE UID:GID - PATH
#   link TARGET - - PATH
#   remove - - - PATH
set -eu
tab=$(printf '\t')
fail() {
	echo "pine: $1: $2" >&2
	exit 1
}
while IFS=$tab read -r kind a b n path; do
	case $kind in
	remove)
		rm -rf "$path"
		continue
		;;
	esac
	mkdir -p "${path%/*}/" 2>/dev/null || fail "$path" "cannot be put there: ${path%/*} is not a folder"
	case $kind in
	file)
		[ ! -d "$path" ] || fail "$path" "is a folder of the packages"
		rm -f "$path"
		cat "/run/files/$n" >"$path"
		chown "$b" "$path"
		chmod "$a" "$path"
		;;
	dir)
		[ -d "$path" ] || [ ! -e "$path" ] || fail "$path" "is a file of the packages"
		[ -d "$path" ] || mkdir "$path"
		chown "$b" "$path"
		chmod "$a" "$path"
		touch "$path" # overlay.sh looks for what is new
		;;
	link)
		[ ! -d "$path" ] || [ -L "$path" ] || fail "$path" "is a folder of the packages"
		ln -sfn -- "$a" "$path"
		;;
	*) fail "$kind" "is not a change" ;;
	esac
done
