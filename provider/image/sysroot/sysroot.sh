#!/bin/sh
# Makes the physical root of an installed system out of a commit: what belongs beside an old system, and nothing else.
# Runs in the toolbox. /run/repo: the store's repository. /run/work: an empty folder, gets root/. /run/init: what starts
# a container. usage: sysroot.sh CHECKSUM Prints for every entry its inode, raw mode (hex) and size; a blank line, then
# the same of what lies in boot/ostree; a blank line, then OSTree's boot entry.
set -eu
root=/run/work/root
# as root: deployments that can be read back and removed without chattr
export OSTREE_SYSROOT_DEBUG=mutable-deployments
mkdir -m 755 "$root"
{
	ostree admin init-fs "$root"
	ostree admin os-init pine --sysroot="$root"
	# boot entries are Pine's own slots; "auto" would run the old system's grub-mkconfig
	ostree config --repo="$root/ostree/repo" set sysroot.bootloader none
	# not the default 3 % of a disk that is the old system's too; enough to write a boot slot and to log in
	ostree config --repo="$root/ostree/repo" set core.min-free-space-size 16MB
	# untrusted: every object is read against its checksum
	ostree pull-local --untrusted --disable-fsync --repo="$root/ostree/repo" /run/repo "$1"
	# these were copied with the owners and modes that they have in the store, whoever that belongs to
	find "$root/ostree/repo/objects" \( -name '*.commit' -o -name '*.dirtree' -o -name '*.dirmeta' \) \
		-exec chown 0:0 {} + -exec chmod 644 {} +
	ostree refs --repo="$root/ostree/repo" --create=pine/current "$1"
	ostree admin deploy --sysroot="$root" --os=pine --karg=rw pine/current
} >&2
cd "$root"
rm -rf ostree/repo/tmp/cache ostree/repo/.lock
# folders for a system without Pine's initramfs, and boot/boot -> . which OSTree makes for another layout
find . -mindepth 1 -maxdepth 1 ! -name ostree ! -name boot -exec rm -rf {} +
rm -f boot/boot
deployment=ostree/deploy/pine/deploy/$1.0
if [ -e "$deployment/usr/lib/modules/0-container" ]; then
	# the wrapper runs by the deployment's own shell; links: not a byte more, and there when that deployment is gone
	mkdir -m 755 ostree/pine
	ln "$deployment"/usr/lib/ld-musl-*.so.1 ostree/pine/ld.so
	ln "$deployment/usr/bin/busybox" ostree/pine/busybox
	ln ostree/pine/busybox ostree/pine/sh
	cp /run/init ostree/pine/init
	chmod 755 ostree/pine/init
fi
# the same bytes every time; but not 0 for ostree/deploy, which libostree takes for "loaded already" and then asserts
find . -exec touch -h -d @0 {} +
touch -d @1 ostree/deploy
find ostree boot/ostree boot/loader* -exec stat -c '%i %f %s' {} +
echo
find boot/ostree -exec stat -c '%i %f %s' {} +
echo
cat boot/loader/entries/*.conf
