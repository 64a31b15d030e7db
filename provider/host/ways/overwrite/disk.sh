#!/bin/sh
# Writes the disk. Runs in the RAM system only, sent over SSH. /run/pine-ram records what is done, so that another
# connection can go on.
#
#   find BYTES SECTOR SHA256     the disk of this size whose first two sectors have this digest; prints its device
#   image SHA256 MIB IDENTITY    what is to be written: a digest for every 4 MiB from standard input; prints how many blocks are
#                                done, and "finished" when everything is, with this server's own files as IDENTITY (a digest) stands for
#   write                        the image from the first block that is not done, zstd, from standard input; prints "done N"
#   flush                        what may still be on its way is on the disk; prints how many blocks were compared
#   table LABEL START MIB UUID MAKER   … a data partition behind the image; MIB 0: the rest. MAKER: the command that
#                                makes its filesystem; empty: it is there, and is kept
#   mount START DEPLOYMENT TYPE [BOOT]   mounts the root file system that begins at byte START, and that of /boot at byte BOOT; fills /var
#   slot                         prints slot a
#   fstab DEPLOYMENT             lines for its fstab from standard input; makes the folders that are mounted on
#   record ID                    the record of the installation into its place, with the id of the resource that finishes it
#   finish IDENTITY              everything is on the disk: unmounts
#   reboot
set -eu
state=/run/pine-ram
block=4 # MiB

# Prints the partition that begins at this byte.
part_at() { # BYTE
  for path in /sys/class/block/"${device##*/}"*; do
    if [ -e "$path/partition" ] && [ "$(cat "$path/start")" = $(($1 / 512)) ] && [ -b "/dev/${path##*/}" ]; then
      echo "/dev/${path##*/}"
      return
    fi
  done
  fail "$device has no partition at byte $1"
}

[ -e $state/ready ] || fail "this is not the RAM system"
[ "$1" = find ] || [ -s $state/device ] || fail "no disk is chosen yet"
[ ! -s $state/device ] || device=$(cat $state/device)

case $1 in
  find)
    if [ ! -s $state/device ]; then
      found=
      for path in /sys/block/*; do
        name=${path##*/}
        [ "$(cat "$path/size")" = "$(($2 / 512))" ] || continue
        [ -b "/dev/$name" ] || continue
        [ "$(dd if="/dev/$name" bs="$3" count=2 2>/dev/null | sha256sum | cut -d' ' -f1)" = "$4" ] || continue
        [ -z "$found" ] || fail "two disks look the same: /dev/$name and /dev/$found"
        found=$name
      done
      [ -n "$found" ] || fail "the disk of the plan was not found; the disks are: $(cd /sys/block && echo *)"
      # the kernel reads the table again only when nobody uses a part of the disk
      blockdev --rereadpt "/dev/$found" || fail "/dev/$found is still in use: see /proc/mounts and /proc/swaps in the RAM system"
      echo "/dev/$found" >$state/device
    fi
    cat $state/device
    ;;
  image)
    # data that an interrupted run sent may still be on its way to the disk
    exec 9>$state/lock
    tries=0
    until flock -n 9; do
      tries=$((tries + 1))
      [ $tries -lt 240 ] || fail "another connection writes the disk"
      sleep 1
    done
    if [ "$(cat $state/image 2>/dev/null)" != "$2" ]; then
      rm -f $state/image $state/finished
      echo 0 >$state/verified
      cat >$state/blocks
      echo "$3" >$state/mib
      echo "$2" >$state/image
    fi
    # name, network or keys have changed since
    if [ -e $state/finished ] && [ "$(cat $state/finished)" != "$4" ]; then
      rm -f $state/finished
      : >$state/identity
    fi
    # a run was cut off while it wrote this server's own files: begin with the image again
    if [ -e $state/identity ] && [ ! -e $state/finished ]; then
      for target in /boot /sysroot/boot /sysroot; do
        while grep -q " $target " /proc/self/mounts; do umount $target; done
      done
      rm -f $state/identity
      echo 0 >$state/verified
    fi
    echo "$(cat $state/verified) $([ ! -e $state/finished ] || echo finished)"
    ;;
  write)
    total=$(wc -l <$state/blocks)
    mib=$(cat $state/mib)
    exec 9>$state/lock
    flock -n 9 || fail "another connection writes the disk"
    echo 1 >$state/writing
    zstd -dcq | {
      n=$(cat $state/verified)
      while [ "$n" -lt "$total" ]; do
        count=$((mib - n * block))
        [ $count -le $block ] || count=$block
        dd bs=1M count=$count iflag=fullblock of="$device" seek=$((n * block)) conv=notrunc,fsync 2>$state/dd.log || fail "cannot write $device: $(head -n 1 $state/dd.log)"
        # reads past the cache, from the disk itself
        there=$(dd bs=1M count=$count if="$device" skip=$((n * block)) iflag=direct 2>$state/dd.log | sha256sum | cut -d' ' -f1)
        n=$((n + 1))
        [ "$there" = "$(sed -n "${n}p" $state/blocks)" ] || fail "block $n of $total reads back differently: the connection was cut, or the disk is bad"
        echo "$n" >$state/verified
        echo "done $n"
      done
    }
    ;;
  flush)
    sync
    blockdev --flushbufs "$device"
    cat $state/verified
    ;;
  table)
    [ "$(cat $state/verified)" -eq "$(wc -l <$state/blocks)" ] || fail "the image is not written yet"
    : >$state/identity
    label=$2 start=$3 size=$4 uuid=$5 maker=$6
    # the backup of the table belongs at the end of this disk, not at the end of the image
    sfdisk -q --relocate gpt-bak-std "$device"
    line="start=$((start / 512)), name=$label, type=0FC63DAF-8483-4772-8E79-3D69D8477DE4"
    [ "$size" = 0 ] || line="$line, size=$((size / 512))"
    [ "$uuid" = - ] || line="$line, uuid=$uuid"
    echo "$line" | sfdisk -q --append --no-reread --wipe never --wipe-partitions never "$device"
    blockdev --rereadpt "$device"
    part=$(part_at "$start")
    if [ -z "$maker" ]; then
      [ "$(blkid "$part" | sed -n 's/.* LABEL="\([^"]*\)".*/\1/p')" = "$label" ] || fail "$part is not the data partition $label any more"
    else
      # shellcheck disable=SC2086 # a list of words
      $maker "$part"
    fi
    echo "$part"
    ;;
  mount)
    [ "$(cat $state/verified)" -eq "$(wc -l <$state/blocks)" ] || fail "the image is not written yet"
    : >$state/identity
    deployment=/ostree/deploy/pine/deploy/$3
    if [ ! -d "$deployment/usr" ]; then
      blockdev --rereadpt "$device"
      part=$(part_at "$2")
      mkdir -p /sysroot /boot
      modprobe -q "$4" || true
      mount -t "$4" "$part" /sysroot
      if [ -n "${5:-}" ]; then
        part=$(part_at "$5")
        mount -t ext4 "$part" /sysroot/boot
      fi
      ln -sfn /sysroot/ostree /ostree
      mount --bind /sysroot/boot /boot
    fi
    [ -d "$deployment/usr" ] || fail "the image has no deployment $3"
    mount --bind /ostree/deploy/pine/var "$deployment/var"
    chroot "$deployment" /usr/libexec/pine/factory "$3" || { umount "$deployment/var"; fail "cannot fill /var"; }
    umount "$deployment/var"
    ;;
  slot) cat /boot/grub/pine/a.cfg ;;
  fstab)
    deployment=/ostree/deploy/pine/deploy/$2
    touch "$deployment/etc/fstab"
    while IFS= read -r line; do
      echo "$line" >>"$deployment/etc/fstab"
      target=$(echo "$line" | cut -f 2)
      # all these folders are links into /var, or lie in it
      case $target in
        /var/*) folder=/ostree/deploy/pine$target ;;
        /root/*) folder=/ostree/deploy/pine/var/roothome/${target#/root/} ;;
        *) folder=/ostree/deploy/pine/var$target ;;
      esac
      mkdir -p "$folder"
    done
    ;;
  record)
    sed "s/^id=.*/id=$2/" $state/install >/boot/grub/pine/install
    chmod 644 /boot/grub/pine/install
    ;;
  finish)
    sync
    umount /boot
    if mountpoint -q /sysroot/boot; then umount /sysroot/boot; fi
    umount /sysroot
    sync
    blockdev --flushbufs "$device"
    echo "$2" >$state/finished
    rm -f $state/writing
    ;;
  reboot)
    setsid sh -c 'sleep 1; sync; reboot -f' </dev/null >/dev/null 2>&1 &
    ;;
  *)
    sed -n '2,/^set/s/^# \{0,1\}//p' "$0"
    exit 2
    ;;
esac
