#!/bin/sh
# Makes a sysroot one server's, for a rehearsal: its files and the service that tells how the boot goes. Runs in the
# toolbox. /run/work: root/ (the sysroot); files/list, lines of NUMBER MODE USER:GROUP PATH, and files/NUMBER with the
# contents; settings, for the service. /run/guest.sh, /run/service.sh: its parts.
# usage: dress.sh DEPLOYMENT
set -eu
cd /run/work
top=$PWD/root deployment=$PWD/root$1
var=${deployment%/deploy/*}/var
sh "$deployment/usr/libexec/pine/factory" "${deployment##*/}" "$deployment" "$var"

fail() {
	echo "pine: $*" >&2
	exit 1
}

# Where a path of the system lies in the sysroot: / has links into /var, which all deployments share.
place() { # PATH
	case $1 in
		/etc/*) echo "$deployment$1" ;;
		/var/*) echo "$var${1#/var}" ;;
		/root/*) echo "$var/roothome${1#/root}" ;;
		/home/* | /opt/* | /srv/* | /mnt/*) echo "$var$1" ;;
		*) fail "$1: no place for a server's file" ;;
	esac
}

# The number of a user or group in the new system.
number() { # passwd|group NAME
	case $2 in
		*[!0-9]*)
			found=$(sed -n "s/^$2:[^:]*:\([0-9]*\):.*/\1/p" "$deployment/etc/$1" | head -n 1)
			[ -n "$found" ] || fail "the system has no entry $2 in /etc/$1"
			echo "$found"
			;;
		*) echo "$2" ;;
	esac
}

put() { # FILE TARGET MODE OWNER
	folder=${2%/*}
	mkdir -p "$folder"
	case $(readlink -f "$folder")/ in "$top"/*) ;; *) fail "$2: its folder is a link that leads out of the system" ;; esac
	rm -rf "$2"
	cp "$1" "$2"
	chmod "$3" "$2"
	user=$(number passwd "${4%%:*}")
	group=$(number group "${4##*:}")
	chown "$user:$group" "$2"
}

while IFS='	' read -r n mode owner path; do
	target=$(place "$path")
	put "files/$n" "$target" "$mode" "$owner"
done <files/list

# A server has host keys. Without any the system makes its own, which takes an emulated processor minutes.
host_keys() { # PROGRAM PATH_BEFORE PATH_AFTER ARGUMENT…
	program=$1 before=$2 after=$3
	shift 3
	[ -x "$deployment$program" ] || return 0
	mkdir -p "$deployment${before%/*}"
	for kind in rsa ecdsa ed25519; do
		[ -e "$deployment$before$kind$after" ] ||
			chroot "$deployment" "$program" "$@" -t $kind -f "$before$kind$after" >/dev/null </dev/null
	done
}
host_keys /usr/bin/dropbearkey /etc/dropbear/dropbear_ _host_key
host_keys /usr/bin/ssh-keygen /etc/ssh/ssh_host_ _key -q -N ''

put /run/guest.sh "$deployment/etc/pine-rehearsal/guest" 755 0:0
put /run/service.sh "$deployment/etc/init.d/pine-rehearsal" 755 0:0
put settings "$deployment/etc/conf.d/pine-rehearsal" 644 0:0
mkdir -p "$deployment/etc/runlevels/boot"
ln -s /etc/init.d/pine-rehearsal "$deployment/etc/runlevels/boot/pine-rehearsal"
rm -rf files settings
