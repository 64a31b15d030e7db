#!/bin/sh
# Makes a container's whole physical root out of a sysroot, and packs it. Runs in the toolbox.
# /run/work: root/ (the sysroot); gets template.FORMAT. Standard input: the skeleton, as apply.sh reads it, /run/files.
# usage: template.sh DEPLOYMENT tar.zst|squashfs TIME   (TIME: seconds since 1970, of the file system)
# Prints for every entry its inode, raw mode (hex) and size.
set -eu
cd /run/work
deployment=root$1 format=$2 time=$3
/bin/sh /run/apply.sh

# managers recognise the distribution by the first ones, and write the others
for file in os-release alpine-release hosts hostname resolv.conf network/interfaces; do
	: >"root/etc/$file"
	# os-release is a link to what a boot makes
	for from in "$deployment/etc/$file" "$deployment/usr/lib/$file"; do
		if [ -f "$from" ]; then
			cat "$from" >"root/etc/$file"
			break
		fi
	done
	chmod 644 "root/etc/$file"
done
# these show what a manager wrote
for file in hostname resolv.conf network/interfaces; do cp -p "root/etc/$file" root/ostree/pine/host/; done
# the name by which programs of the deployment ask for their loader
for loader in "$deployment"/usr/lib/ld-musl-*.so.1; do ln -s ../ostree/pine/ld.so "root/lib/${loader##*/}"; done
/bin/sh /run/factory "${1##*/}" "$PWD/$deployment" "$PWD/root/ostree/deploy/pine/var"

# the same bytes every time; libostree takes 0 of this one for "loaded already"
find root -exec touch -h -d @0 {} +
touch -d @1 root/ostree/deploy
find root -mindepth 1 -exec stat -c '%i %f %s' {} +

# pax for file capabilities, without the times and process ids that it would add
tar --sort=name --numeric-owner --format=posix --pax-option=delete=atime,delete=ctime,exthdr.name=%d/PaxHeaders/%f \
	--xattrs --xattrs-include=security.capability -C root -cf template.tar .
case $format in
tar.zst) zstd -q -T0 -19 template.tar ;;
squashfs)
	# from the archive: its only extended attributes are capabilities, without this machine's security labels. The root's
	# time is that of the run, unless all are set (squashfs-tools 4.5.1); 1 for the sake of libostree, as above
	mksquashfs - template.squashfs -tar -noappend -no-progress -quiet -comp zstd -Xcompression-level 19 -b 256K \
		-root-mode 755 -root-uid 0 -root-gid 0 -all-time 1 -mkfs-time "$time" <template.tar >&2
	;;
esac
