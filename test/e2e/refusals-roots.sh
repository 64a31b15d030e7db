#!/bin/sh
# Gives one of the lab's servers, a Debian, another root: real LVM, RAID, LUKS or btrfs with the system's own files on
# it, which sshd and whoever logs in have as /. Only /usr is the server's own, and /dev, /proc, /sys, /run are the
# kernel's.
#   refusals-roots.sh make KIND DISK…   KIND: lvm, raid (two disks), luks, btrfs
#   refusals-roots.sh enter KIND        by `unshare --mount`; sshd in the foreground
set -eu
make() {
  kind=$1 device=$2
  shift
  case $kind in
  lvm)
    vgcreate -q lab "$1"
    lvcreate -q -y -n root -l 100%FREE lab
    device=/dev/lab/root
    ;;
  raid)
    device=/dev/md0
    # nothing is on them that would have to be the same
    mdadm --quiet --create $device --run --level=1 --raid-devices=2 --assume-clean "$@"
    ;;
  luks)
    # few rounds: the machine is emulated, and nothing is kept secret
    echo lab | cryptsetup -q luksFormat --pbkdf pbkdf2 --pbkdf-force-iterations 1000 "$1" -
    echo lab | cryptsetup open --key-file - "$1" lab-luks
    device=/dev/mapper/lab-luks
    ;;
  esac
  if [ "$kind" = btrfs ]; then mkfs.btrfs -q -L "root-$kind" "$device"; else mkfs.ext4 -q -L "root-$kind" "$device"; fi
  mount "$device" /mnt
  # /bin and the like are links into /usr
  cp -a /bin /sbin /lib /lib64 /etc /root /home /boot /mnt/
  for folder in usr dev proc sys run tmp var/log var/tmp old; do mkdir -p "/mnt/$folder"; done
  echo "$kind" >/mnt/entered
  umount /mnt
}
enter() {
  mount "LABEL=root-$1" /mnt
  for folder in usr dev proc sys run; do mount --rbind "/$folder" "/mnt/$folder"; done
  cd /mnt
  pivot_root . old
  cd /
  # also what else the server had mounted
  umount -l /old
  mkdir -p /run/sshd
  exec /usr/sbin/sshd -D
}
command=$1
shift
case $command in
make) make "$@" ;;
enter) enter "$@" ;;
esac
