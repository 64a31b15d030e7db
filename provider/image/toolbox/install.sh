#!/bin/sh
# Installs packages into the folder /run/tree, by apk. Runs in the apk tree or the toolbox, as root of a namespace.
# usage: install.sh ARCH PACKAGE-FILE...   (below /run/packages; keys in /run/keys)
set -eu
arch=$1
shift
cd /run/tree
mkdir -p usr/bin usr/sbin usr/lib usr/lib64 etc/apk/keys etc/mkinitfs dev proc sys tmp run
chmod 1777 tmp
# One /usr: packages still come with both.
for d in bin sbin lib lib64; do ln -s usr/$d $d; done
# We make the initramfs ourselves.
echo 'disable_trigger="yes"' >etc/mkinitfs/mkinitfs.conf
cp /run/keys/* etc/apk/keys/
# Packages' scripts run with the tree as their root.
mount --rbind /dev dev
mount --rbind /proc proc
apk=$(command -v apk)
# no log, no cache, no network; no sync either, which would wait for everything else on this machine
"$apk" add --root /run/tree --initdb --arch "$arch" --keys-dir /run/keys --repositories-file /dev/null \
	--no-network --no-cache --no-progress --no-logfile --sync=no "$@" </dev/null
# lazily, with the mounts inside them, which are locked there
umount -l proc
umount -l dev
rmdir usr/lib64 2>/dev/null && rm lib64
# apk's own leftovers
rm -rf var/cache/apk var/log/apk.log lib/apk/db/lock
mkdir -p var/cache
