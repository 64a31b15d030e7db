#!/bin/sh
# Turns the tree at /run/tree into one that OSTree deploys: kernel and initramfs beside the modules, /etc in /usr, /var
# in the factory. Runs in the toolbox. usage: layout.sh [KERNEL-RELEASE FLAVOUR]   (/run/initramfs.img)
set -eu
cd /run/tree

fail() {
	echo "pine: /$1: $2" >&2
	exit 1
}

if [ $# -gt 0 ]; then
	release=$1 flavour=$2
	modules=usr/lib/modules/$release
	# a copy, for the package has a link to /boot, which is another file system on a server
	rm -f "$modules/vmlinuz"
	cp "boot/vmlinuz-$flavour" "$modules/vmlinuz"
	chmod 644 "$modules/vmlinuz"
	cp /run/initramfs.img "$modules/initramfs.img"
	chmod 644 "$modules/initramfs.img"
fi
# what is mounted over, or made anew at every boot
rm -rf boot run dev proc sys tmp usr/lib/apk/db/lock
# the first entry that no image can hold
odd=$(find . ! -type f ! -type d ! -type l | head -n 1)
if [ -n "$odd" ]; then
	odd=${odd#./}
	if [ -p "$odd" ]; then kind=FIFO; elif [ -S "$odd" ]; then kind=socket; else kind=device; fi
	fail "$odd" "is a $kind, which an image cannot hold: let a service make it at boot, or a hook remove it"
fi
for taken in usr/etc usr/share/factory/var; do
	if [ -e $taken ] || [ -L $taken ]; then fail $taken "is made from /${taken##*/}: put it there"; fi
done

# /var and what links to it are the server's own; what is in them now is put there where it is missing
mkdir -p usr/share/factory
for d in roothome home opt srv mnt; do
	place=$d
	[ $d != roothome ] || place=root
	# empty, as some packages have them
	[ ! -d "var/$d" ] || rmdir "var/$d" 2>/dev/null || true
	if [ -e "var/$d" ] || [ -L "var/$d" ]; then fail "var/$d" "is made from /$place: put it there"; fi
done
mv -T var usr/share/factory/var
mv -T root usr/share/factory/var/roothome
for d in home opt srv mnt; do
	if [ -d "$d" ]; then mv -T "$d" "usr/share/factory/var/$d"; else mkdir "usr/share/factory/var/$d"; fi
	ln -s "var/$d" "$d"
done
ln -s var/roothome root
rm -rf media
ln -s run/media media
# made at every boot, with the version (service pine-version); a program's own file stays
case $(readlink etc/os-release || true) in
../usr/lib/os-release | /usr/lib/os-release) ln -sfn ../run/pine.os-release etc/os-release ;;
esac
mv -T etc usr/etc
mkdir boot dev proc run sys sysroot tmp var
chmod 1777 tmp
ln -s sysroot/ostree ostree
chmod 755 .
[ -f usr/etc/passwd ] || fail etc/passwd "is not there"

# BYTES PATH
find . -type f -exec stat -c '%s %n' {} +
