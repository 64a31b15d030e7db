#!/bin/sh
# Takes out of the tree at /run/tree what the packages' installation left and no image needs, before anything that the
# program asks for is in it: what is swept by its name later could be the program's. Runs in the toolbox.
set -eu
cd /run/tree
db=usr/lib/apk/db/installed
[ -e $db ] || db=lib/apk/db/installed

fail() {
	echo "pine: /$1: $2" >&2
	exit 1
}

# what is different at every build, or of no use
rm -rf etc/machine-id etc/mkinitfs .dockerenv
find var/cache var/log var/tmp -type f -exec rm -f {} + 2>/dev/null || true
find . -name '*.apk-new' -exec rm -f {} +
# bytecode that scripts made; a package's own (python3-pyc) stays
find usr/lib usr/share -name __pycache__ -type d -prune | while IFS= read -r folder; do
	grep -qxF "F:$folder" $db || rm -rf "$folder"
done

# What a package has where the image keeps its /etc and the first content of /var belongs there.
merge() { # from to
	[ -d "$1" ] && [ ! -L "$1" ] || return 0
	(cd "$1" && find . ! -type d) | sed 's,^\./,,' | while IFS= read -r name; do
		if [ -e "$2/$name" ] || [ -L "$2/$name" ]; then fail "$1/$name" "is in /$2 too: an image has one of them, as /$2/$name; leave one of the packages out"; fi
	done
	cp -a "$1/." "$2/"
	rm -rf "$1"
}
merge usr/etc etc
merge usr/share/factory/var var
