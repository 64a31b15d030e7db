#!/bin/sh
# Turns mmdebstrap's tar into the disk of a stock-like VPS: users, keys, network, GRUB's settings, GPT, ext4.
# Runs as root, or as root of a user namespace with the whole subuid range: no loop devices, no mounts.
#   tree.sh WORK          WORK/root.tar and WORK/ssh/ (host keys, key.pub) -> WORK/disk.raw, WORK/vmlinuz, WORK/initrd.img
# Environment: UUID of the root file system, DISK_MIB, FIRMWARE (bios, uefi).
set -eu
cd "$1"
root=$PWD/tree
trap 'rm -rf "$root"' EXIT
mkdir "$root"
tar -xpf root.tar -C "$root" --numeric-owner --exclude='./dev/*'
rm root.tar

echo vps >"$root/etc/hostname"
printf '127.0.0.1\tlocalhost\n127.0.1.1\tvps\n::1\tlocalhost ip6-localhost ip6-loopback\n' >"$root/etc/hosts"
echo "UUID=$UUID / ext4 rw,discard,errors=remount-ro 0 1" >"$root/etc/fstab"
echo 'nameserver 10.0.2.3' >"$root/etc/resolv.conf"
mkdir -p "$root/etc/network"
cat >"$root/etc/network/interfaces" <<'END'
source /etc/network/interfaces.d/*

auto lo
iface lo inet loopback

auto eth0
iface eth0 inet static
    address 10.0.2.15/24
    gateway 10.0.2.2
    dns-nameservers 10.0.2.3
END
# none of this machine's apt settings; there is no network to fetch from
rm -f "$root"/etc/apt/apt.conf.d/99mmdebstrap "$root"/etc/apt/sources.list.d/*

sed -i -e 's/^GRUB_TIMEOUT=.*/GRUB_TIMEOUT=1/' \
  -e 's/^GRUB_CMDLINE_LINUX_DEFAULT=.*/GRUB_CMDLINE_LINUX_DEFAULT=""/' \
  -e 's/^GRUB_CMDLINE_LINUX=.*/GRUB_CMDLINE_LINUX="console=tty0 console=ttyS0,115200 net.ifnames=0"/' "$root/etc/default/grub"
cat >>"$root/etc/default/grub" <<'END'
GRUB_TERMINAL="serial console"
GRUB_SERIAL_COMMAND="serial --unit=0 --speed=115200"
GRUB_DISABLE_OS_PROBER=true
END

rm -f "$root"/etc/ssh/ssh_host_*
cp ssh/ssh_host_* "$root/etc/ssh/"
chmod 600 "$root"/etc/ssh/ssh_host_*_key
chmod 644 "$root"/etc/ssh/ssh_host_*_key.pub
for user in debian nosudo; do
  chroot "$root" useradd --create-home --shell /bin/bash "$user"
done
echo 'debian ALL=(ALL) NOPASSWD: ALL' >"$root/etc/sudoers.d/90-debian"
chmod 440 "$root/etc/sudoers.d/90-debian"
for home in root home/debian home/nosudo; do
  mkdir -p "$root/$home/.ssh"
  chmod 700 "$root/$home/.ssh"
  cp ssh/key.pub "$root/$home/.ssh/authorized_keys"
  chmod 600 "$root/$home/.ssh/authorized_keys"
done
for user in debian nosudo; do chroot "$root" chown -R "$user:$user" "/home/$user"; done
chown -R 0:0 "$root/etc/ssh" "$root/root"

# the first boot takes kernel and initrd from outside, to run the real grub-install
cp "$root"/boot/vmlinuz-* vmlinuz
cp "$root"/boot/initrd.img-* initrd.img

# a BIOS boot partition or an EFI system partition, and the root up to the backup table
case $FIRMWARE in
bios) first=1 type=21686148-6449-6E6F-744E-656564454649 ;;
uefi) first=64 type=C12A7328-F81F-11D2-BA4B-00A0C93EC93B ;;
esac
start=$((1 + first)) end=$((DISK_MIB - 1))
truncate -s "${DISK_MIB}M" disk.raw
sfdisk -q disk.raw <<END
label: gpt
start=1MiB, size=${first}MiB, type=$type
start=${start}MiB, size=$((end - start))MiB, type=0FC63DAF-8483-4772-8E79-3D69D8477DE4
END
# features that GRUB 2.06 cannot read stay off, whatever this machine's mke2fs makes by default
mke2fs -q -F -t ext4 -O '^metadata_csum_seed,^orphan_file' -E "offset=$((start * 1024 * 1024)),lazy_itable_init=0,lazy_journal_init=0,root_owner=0:0" \
  -U "$UUID" -L cloudimg-rootfs -d "$root" disk.raw "$(((end - start) * 1024))k"
