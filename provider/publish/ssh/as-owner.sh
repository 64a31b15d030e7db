#!/bin/sh
# Runs a script in a folder that another user of the server may own. As root it takes that user's rights, so that
# nothing in the folder leads to what is not theirs. It enters the folder before that, and follows only links that root
# alone can have made. Sent after safely.sh.
#
#   as-owner.sh SCRIPT COMMAND FOLDER ARGUMENT...   runs SCRIPT with COMMAND, the folder (as "." where root gave up its rights) and the arguments
set -eu
script=$1 command=$2 folder=$3
shift 3
# shellcheck disable=SC2154 # of safely.sh
if [ "$(id -u)" != 0 ] || ! eval "$safely
walk \"\$folder/.\""; then
	exec sh -c "$script" publish.sh "$command" "$folder" "$@"
fi
uid=$(stat -c %u .)
if [ "$uid" = 0 ]; then
	others=
	[ ! -w . ] || others=$(find . -type d \( ! -user 0 -o -perm -0020 -o -perm -0002 \) | head -n 1)
	if [ -z "$others" ]; then exec sh -c "$script" publish.sh "$command" . "$@"; fi
	[ "$command" != look ] || { echo state=shared && exit 0; }
	refuse "$folder: users other than root may write to $others"
fi
name=$(stat -c %U .)
gid=$(id -g "$name" 2>/dev/null) || gid=$(stat -c %g .)
# shellcheck disable=SC2209 # a program that does nothing
nothing=true
if setpriv --reuid="$uid" --regid="$gid" --clear-groups $nothing 2>/dev/null; then
	exec setpriv --reuid="$uid" --regid="$gid" --clear-groups sh -c "$script" publish.sh "$command" . "$@"
elif chroot --userspec="$uid:$gid" --groups= --skip-chdir / $nothing 2>/dev/null; then
	exec chroot --userspec="$uid:$gid" --groups= --skip-chdir / sh -c "$script" publish.sh "$command" . "$@"
elif su -s /bin/sh "$name" -c $nothing 2>/dev/null; then
	# shellcheck disable=SC2016 # of the other shell
	exec su -s /bin/sh "$name" -c 'exec sh -c "$0" publish.sh "$@"' "$script" "$command" . "$@"
fi
refuse "$folder belongs to $name, and this server has no program by which root works with their rights: log in as that user"
