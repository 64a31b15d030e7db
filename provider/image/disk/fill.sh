#!/bin/sh
# First process of the machine that fills a root filesystem (image/disk/fill.ts), before the commit's own initramfs: the
# first disk is the filesystem, the second one the archive.
export PATH=/bin:/sbin
mount -t devtmpfs dev /dev
mount -t proc proc /proc
mount -t sysfs sys /sys
exec </dev/console >/dev/console 2>&1
read -r line </proc/cmdline
type=${line##* }
# the checksum module first: btrfs asks for it by name, and nothing here answers that
for module in virtio_pci virtio_blk crc32c-cryptoapi crc32c_generic "$type"; do modprobe "$module" 2>/dev/null; done
n=0
until [ -b /dev/vdb ] || [ $n -ge 100 ]; do
	sleep 0.1
	n=$((n + 1))
done
if mount -t "$type" -o noatime /dev/vda /sysroot &&
	tar -xpf /dev/vdb -C /sysroot --numeric-owner --xattrs --xattrs-include=security.capability &&
	umount /sysroot; then
	sync
	echo "pine: filled"
fi
busybox poweroff -f
