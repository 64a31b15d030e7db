#!/bin/sh
# Copies the running system, one of the lab's Debians, to another disk with other file systems, from which it then boots
# by itself. Each file system is as the release's own mkfs makes it, and has a new UUID.
#   layouts.sh DISK FIRMWARE GRUB PARTITION…
#     DISK: empty. FIRMWARE: bios, uefi. GRUB: the command that installs GRUB on DISK, run in the copy.
#     PARTITION: MOUNTPOINT:TYPE:MIB, in their order on the disk; no MIB: what is left; "none" for one of type swap
set -eu
disk=$1 firmware=$2 grub=$3
shift 3
new=/mnt
fstab=/run/layouts.fstab

# the parts of MOUNTPOINT:TYPE:MIB
split() {
  mount=${1%%:*} mib=${1##*:} type=${1#*:}
  type=${type%:*}
}
# a line of the new fstab
entry() { # device mountpoint type options pass
  echo "UUID=$(blkid -p -s UUID -o value "$1") $2 $3 $4 0 $5" >>"$fstab"
}

{
  echo 'label: gpt'
  # a BIOS boot partition or an EFI system partition, as tree.sh makes them
  case $firmware in
  bios) echo 'size=1MiB, type=21686148-6449-6E6F-744E-656564454649' ;;
  uefi) echo 'size=64MiB, type=C12A7328-F81F-11D2-BA4B-00A0C93EC93B' ;;
  esac
  for partition; do
    split "$partition"
    case $type in
    swap) guid=0657FD6D-A4AB-43C4-84E5-0933C84B4F4F ;;
    *) guid=0FC63DAF-8483-4772-8E79-3D69D8477DE4 ;;
    esac
    echo "${mib:+size=${mib}MiB, }type=$guid"
  done
} | sfdisk -q "$disk"
udevadm settle

: >"$fstab"
initramfs=
n=1
for partition; do
  n=$((n + 1))
  split "$partition"
  case $type in
  # with nothing left for the kernel to do in the background
  ext4) mkfs.ext4 -q -E lazy_itable_init=0,lazy_journal_init=0 "$disk$n" ;;
  swap) mkswap "$disk$n" >/dev/null ;;
  *) "mkfs.$type" -q "$disk$n" ;;
  esac
  [ "$mount" = / ] || continue
  case $type in
  ext4) entry "$disk$n" / ext4 rw,discard,errors=remount-ro 1 ;;
  *)
    entry "$disk$n" / "$type" defaults 0
    initramfs=changed
    ;;
  esac
  mount -t "$type" "$disk$n" "$new"
done
n=1
for partition; do
  n=$((n + 1))
  split "$partition"
  case $mount:$type in
  /:*) continue ;;
  *:swap)
    entry "$disk$n" none swap sw 0
    initramfs=changed
    continue
    ;;
  *:ext4) entry "$disk$n" "$mount" ext4 rw,discard 2 ;;
  *) entry "$disk$n" "$mount" "$type" defaults 0 ;;
  esac
  mkdir "$new$mount"
  mount -t "$type" "$disk$n" "$new$mount"
done

cp -ax /. "$new/"
# the journal of a system that still ran, and what ext4 alone has
rm -rf "$new"/var/log/journal/*/*
case $(findmnt -no FSTYPE "$new") in ext4) ;; *) rmdir "$new/lost+found" ;; esac
if [ "$firmware" = uefi ]; then
  mkfs.fat -F 16 "${disk}1" >/dev/null
  entry "${disk}1" /boot/efi vfat umask=0077 1
  mount "${disk}1" "$new/boot/efi"
fi
udevadm settle
cp "$fstab" "$new/etc/fstab"

for folder in dev proc sys; do mount --bind "/$folder" "$new/$folder"; done
chroot "$new" sh -c "$grub"
# it has what checks the root, and where to resume from; minutes under emulation
[ -z "$initramfs" ] || chroot "$new" update-initramfs -u
chroot "$new" update-grub
for folder in dev proc sys; do umount "$new/$folder"; done

fstrim -a
umount -R "$new"
