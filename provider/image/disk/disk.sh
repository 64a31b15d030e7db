#!/bin/sh
# Makes a disk image out of a sysroot: no loop device, no mount. Runs in the toolbox, with SOURCE_DATE_EPOCH and TZ=UTC.
# /run/work: root/ (the sysroot; is used up), boot/ (files for /boot), etc/ (files for the deployment's /etc), fstab
# (lines for its fstab), early.cfg (GRUB's first commands), table.sfdisk. It gets disk.raw, without GRUB's boot sector,
# and core.img for it. MAKER is empty for ext4. Otherwise it is the command that makes an empty root.img, and root.tar,
# vmlinuz and initrd are for filling that (image/disk/fill.ts).
# usage: disk.sh DEPLOYMENT gpt|mbr DISK_MIB HASH_SEED BYTES_PER_INODE MAKER
#   ROOT_START_MIB ROOT_MIB ROOT_UUID ROOT_JOURNAL_MIB
#   BOOT_START_MIB BOOT_MIB BOOT_UUID BOOT_JOURNAL_MIB (empty: no such partition)
#   and of gpt: ESP_START_MIB ESP_MIB ESP_SERIAL FAT_BITS CLUSTER_SECTORS
set -eu
deployment=$1 label=$2 disk=$3 seed=$4 ratio=$5 maker=$6
shift 6
cd /run/work
cp -R boot/. root/boot/
dir=/run/work/root/boot/grub/pine
# shellcheck source=/dev/null
. /run/boot-part
checksum=${deployment##*/}
bring_part "/run/work/root$deployment" "${checksum%.*}" >>"$dir/a.cfg"
chown -R 0:0 root/boot/grub
for file in etc/*; do
	[ -f "$file" ] || continue
	rm -f "root$deployment/$file"
	cp "$file" "root$deployment/$file"
	chown 0:0 "root$deployment/$file"
	chmod 644 "root$deployment/$file"
done
if [ -e fstab ]; then cat fstab >>"root$deployment/etc/fstab"; fi
# OSTree's files have the time 0 wherever they are checked out; mke2fs takes change times from SOURCE_DATE_EPOCH
find root -exec touch -h -d @0 {} +
touch -d @1 root/ostree/deploy # libostree takes 0 for "loaded already"

# linux and all that grub.cfg uses are built in: only configuration, kernel and initramfs are loaded from the disk. This
# GRUB is never changed on a server: with chain and linux16 a later boot part may start its own.
modules="ext2 fat search search_fs_uuid normal configfile test echo loadenv linux serial terminal
	ls cat minicmd reboot halt sleep true chain"
if [ "$label" = gpt ]; then modules="part_gpt $modules"; else modules="part_msdos $modules"; fi
# shellcheck disable=SC2086 # a list of words
grub-mkimage -O i386-pc -d /usr/lib/grub/i386-pc -p /boot/grub -c early.cfg -o core.img biosdisk linux16 $modules

truncate -s "${disk}M" disk.raw
# Features by name: mke2fs.conf and its defaults differ. No metadata_csum_seed and orphan_file, which GRUB 2.06 cannot
# read.
features=none,has_journal,ext_attr,resize_inode,dir_index,filetype,extent,64bit,flex_bg,sparse_super,large_file,huge_file,dir_nlink,extra_isize,metadata_csum
ext4() { # FOLDER LABEL START_MIB MIB UUID JOURNAL_MIB
	mke2fs -q -F -t ext4 -b 4096 -I 256 -i "$ratio" -m 0 -O "$features" -J "size=$6" -L "$2" -U "$5" \
		-E "nodiscard,root_owner=0:0,hash_seed=$seed,offset=$(($3 * 1048576))" -d "$1" disk.raw "${4}M"
}
if [ -n "$5" ]; then
	# nothing of it is hidden below the partition that is mounted there
	mv root/boot boot-root
	mkdir -m 755 root/boot
	touch -d @0 root/boot root
	ext4 boot-root pine-boot "$5" "$6" "$7" "$8"
fi
if [ -z "$maker" ]; then
	ext4 root pine "$1" "$2" "$3" "$4"
else
	cp boot-root/ostree/pine-*/vmlinuz-* vmlinuz
	cp boot-root/ostree/pine-*/initramfs-* initrd
	tar --sort=name --numeric-owner --format=posix --xattrs --xattrs-include=security.capability -cf root.tar -C root .
	truncate -s "${2}M" root.img
	# shellcheck disable=SC2086 # a list of words
	$maker root.img
fi
shift 8

if [ "$label" = gpt ]; then
	esp=$1 esp_mib=$2 serial=$3 bits=$4 cluster=$5
	# shellcheck disable=SC2086
	grub-mkimage -O x86_64-efi -d /usr/lib/grub/x86_64-efi -p /boot/grub -c early.cfg -o BOOTX64.EFI efi_gop efi_uga $modules
	mkfs.vfat -F "$bits" -s "$cluster" -i "$serial" -n ESP --invariant --offset $((esp * 2048)) disk.raw $((esp_mib * 1024)) >/dev/null
	mmd -i "disk.raw@@${esp}M" ::/EFI ::/EFI/BOOT
	mcopy -i "disk.raw@@${esp}M" BOOTX64.EFI ::/EFI/BOOT/BOOTX64.EFI
fi

sfdisk --quiet --no-reread --no-tell-kernel disk.raw <table.sfdisk
rm -rf root boot-root
