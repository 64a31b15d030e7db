#!/bin/sh
# Gives the old system up on a server that runs Pine beside it, confirmed. Sent over SSH, after finalize-both.sh; every
# step can be run again.
#   config    GRUB's own configuration from standard input becomes the only one; from here on there is no way back
#   remove    the old system's files go; other filesystems of it (/home, /var, swap) stay as they are
# What it says of files that stay is for people.
# shellcheck disable=SC2154 # what finalize-both.sh has
set -eu
bootfs=/run/pine-old-boot
# shellcheck disable=SC2034 # of flush
flush_more=$bootfs

# Writes journals out: GRUB does not replay them. The old system's /boot needs it too, if separate and without the
# slots.
checkpoint() {
  if [ -d $bootfs/grub ]; then /usr/sbin/pine checkpoint $bootfs; else /usr/sbin/pine checkpoint; fi
}

leave() { if mountpoint -q $bootfs; then umount $bootfs; fi; }

[ -e /run/ostree-booted ] || fail "this server does not run Pine"
only_confirmed /proc/cmdline
grep -q '^method=alongside$' "$record" || fail "there is no old system beside this one"

# Mounts the old system's /boot, if it is a filesystem of its own.
trap leave EXIT
mkdir -p $bootfs
place=$(sed -n 's/^boot=//p' "$record")
boot=/sysroot/boot
if [ -n "$place" ]; then
  mount -t "${place%%:*}" "$(findfs "${place#*:}")" $bootfs || fail "cannot mount the old system's /boot ($place)"
  boot=$bootfs
fi
[ -e $boot/grub/grub.cfg ] || fail "no GRUB configuration in the old system's /boot"

case ${1:-} in
  config)
    trap 'rm -f $boot/grub/grub.cfg.pine-new; leave' EXIT
    cat >$boot/grub/grub.cfg.pine-new || fail "cannot write $boot/grub/grub.cfg"
    # check its last line: a cut connection ends the input as well
    # shellcheck disable=SC2016
    [ "$(tail -n 1 $boot/grub/grub.cfg.pine-new)" = 'source $pine_dir/grub.cfg' ] || fail "the configuration did not arrive whole"
    note begun
    # the old file keeps its blocks until GRUB sees the new one
    ln -f $boot/grub/grub.cfg $boot/grub/grub.cfg.pine-old 2>/dev/null || cp $boot/grub/grub.cfg $boot/grub/grub.cfg.pine-old || { rm -f $boot/grub/grub.cfg.pine-old && fail "cannot write $boot/grub"; }
    put_in_place $boot/grub/grub.cfg
    checkpoint
    rm -f $boot/grub/grub.cfg.pine-old $boot/grub/custom.cfg $boot/grub/custom.cfg.pine-old $boot/grub/grubenv
    checkpoint
    ;;
  remove)
    grep -q '^finalized=' "$record" || fail "GRUB's configuration is still the old system's"
    nothing_mounted
    # not df, which also asks other mounts: KiB, each file system once
    free() { stat -f -c '%i %a %S' /sysroot $bootfs | awk '!seen[$1]++ { sum += $2 * $3 / 1024 } END { print int(sum) }'; }
    before=$(free)
    take_kept
    for entry in /sysroot/* /sysroot/.[!.]* /sysroot/..?*; do
      case $entry in /sysroot/ostree | /sysroot/boot | /sysroot/lost+found) continue ;; esac
      gone "$entry"
    done
    for entry in /sysroot/boot/* "$bootfs"/*; do
      case ${entry##*/} in grub | efi | EFI | ostree | loader | loader.[01] | lost+found) continue ;; esac
      [ ! -e "$entry" ] || rm -rf "$entry"
    done
    sync
    note 1
    echo "freed $(($(free) - before))"
    ;;
  *) exit 2 ;;
esac
