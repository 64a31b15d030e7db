#!/bin/sh
# Turns the tree at /run/tree into one that OSTree deploys: kernel and initramfs beside the modules, /etc in /usr, /var in the factory.
# Runs in the toolbox. usage: layout.sh [KERNEL-RELEASE FLAVOUR]   (/run/initramfs.img)
set -eu
cd /run/tree

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
rm -rf boot

# what is different at every build, or of no use
rm -rf etc/machine-id etc/mkinitfs run dev proc sys tmp usr/lib/apk/db/lock .dockerenv
find var/cache var/log var/tmp -type f -exec rm -f {} + 2>/dev/null || true
find . -name '*.apk-new' -exec rm -f {} +
find usr/lib usr/share -name __pycache__ -type d -prune -exec rm -rf {} +

# /var and what links to it are the server's own; what is in them now is put there where it is missing
mkdir -p usr/share/factory
mv var usr/share/factory/var
rm -rf usr/share/factory/var/roothome
mv root usr/share/factory/var/roothome
for d in home opt srv mnt; do
	rm -rf "usr/share/factory/var/$d"
	if [ -d "$d" ]; then mv "$d" usr/share/factory/var/; else mkdir "usr/share/factory/var/$d"; fi
	ln -s "var/$d" "$d"
done
ln -s var/roothome root
rm -rf media
ln -s run/media media
mv etc usr/etc
mkdir boot dev proc run sys sysroot tmp var
chmod 1777 tmp
ln -s sysroot/ostree ostree
chmod 755 .

# BYTES PATH
find . -type f -exec stat -c '%s %n' {} +
