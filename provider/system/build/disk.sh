#!/bin/sh
# Makes a disk image out of a sysroot: no loop device, no mount. Runs in the toolbox, with SOURCE_DATE_EPOCH and TZ=UTC.
# /run/sysroot.tar.zst: the sysroot. /run/work: boot/ (files for the root filesystem's /boot), etc/ (files for the
# deployment's /etc), early.cfg (GRUB's first commands), table.sfdisk; gets disk.raw, without GRUB's boot sector, and
# core.img for it.
# usage: disk.sh DEPLOYMENT DISK_MIB ESP_START_MIB ESP_MIB ESP_SERIAL ROOT_START_MIB ROOT_MIB ROOT_UUID HASH_SEED JOURNAL_MIB BYTES_PER_INODE
set -eu
deployment=$1
shift
disk=$1 esp_start=$2 esp=$3 serial=$4 root_start=$5 root=$6 uuid=$7 seed=$8 journal=$9
shift 9
ratio=$1
cd /run/work
mkdir -m 755 root
zstd -q -d -c /run/sysroot.tar.zst | tar -xpf - --numeric-owner --xattrs --xattrs-include=security.capability -C root
[ -d root/ostree/repo/objects ] && [ -d root/boot/ostree ] # a pipe's failure is its last part's only
cp -R boot/. root/boot/
chown -R 0:0 root/boot/grub
for file in etc/*; do
	[ -f "$file" ] || continue
	rm -f "root$deployment/$file"
	cp "$file" "root$deployment/$file"
	chown 0:0 "root$deployment/$file"
	chmod 644 "root$deployment/$file"
done
# OSTree's files have the time 0 wherever they are checked out; mke2fs takes change times from SOURCE_DATE_EPOCH
find root -exec touch -h -d @0 {} +
touch -d @1 root/ostree/deploy # libostree takes 0 for "loaded already"

# linux and all that grub.cfg uses are built in: nothing is loaded from the disk but configuration, kernel and initramfs
modules="part_gpt ext2 search search_fs_uuid normal configfile test echo loadenv linux serial terminal
	ls cat minicmd reboot halt sleep true"
# shellcheck disable=SC2086 # a list of words
grub-mkimage -O i386-pc -d /usr/lib/grub/i386-pc -p /boot/grub -c early.cfg -o core.img biosdisk $modules
# shellcheck disable=SC2086
grub-mkimage -O x86_64-efi -d /usr/lib/grub/x86_64-efi -p /boot/grub -c early.cfg -o BOOTX64.EFI fat efi_gop efi_uga $modules

truncate -s "${disk}M" disk.raw
# Features by name: mke2fs.conf and its defaults differ. No metadata_csum_seed and orphan_file, which GRUB 2.06 cannot read.
features=none,has_journal,ext_attr,resize_inode,dir_index,filetype,extent,64bit,flex_bg,sparse_super,large_file,huge_file,dir_nlink,extra_isize,metadata_csum
mke2fs -q -F -t ext4 -b 4096 -I 256 -i "$ratio" -m 0 -O "$features" -J "size=$journal" -L pine -U "$uuid" \
	-E "nodiscard,root_owner=0:0,hash_seed=$seed,offset=$((root_start * 1048576))" -d root disk.raw "${root}M"

truncate -s "${esp}M" esp.img
mkfs.vfat -F 16 -s 2 -i "$serial" -n ESP --invariant esp.img >/dev/null
mmd -i esp.img ::/EFI ::/EFI/BOOT
mcopy -i esp.img BOOTX64.EFI ::/EFI/BOOT/BOOTX64.EFI
dd if=esp.img of=disk.raw bs=1M seek="$esp_start" conv=notrunc 2>/dev/null

sfdisk --quiet --no-reread --no-tell-kernel disk.raw <table.sfdisk
rm -rf root esp.img
