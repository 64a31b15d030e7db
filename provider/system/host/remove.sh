#!/bin/sh
# Removes Pine from a server that runs its old system again. Sent over SSH.
#   remove.sh ID [deleteData]      keeps Pine's /var in /var/lib/pine/ID unless deleteData is given
set -eu
dir=/boot/grub/pine
custom=/boot/grub/custom.cfg

fail() {
  echo "pine: $*" >&2
  exit 1
}

[ ! -e /run/ostree-booted ] || fail "Pine runs, not the old system"
if [ -s $dir/install ]; then
  [ "$(sed -n 's/^id=//p' $dir/install)" = "$1" ] || fail "another installation is on this server"
elif [ ! -e /ostree ]; then
  exit 0
fi
# A container's init is the old system's again, before anything that ours needs goes.
old_init() {
  if [ ! -e /sbin/init.pine-old ] && [ ! -L /sbin/init.pine-old ]; then return 0; fi
  if head -c 15 /sbin/init | grep -q '^#!/ostree/pine/'; then mv -fT /sbin/init.pine-old /sbin/init; else rm -f /sbin/init.pine-old; fi
  sync
}

# first the way in, then what it leads to
old_init
if [ -e $custom ]; then
  sed '/^# >>> pine$/,/^# <<< pine$/d' $custom >$custom.pine-new
  # what was added to it meanwhile stays
  if [ -e $custom.pine-old ] && { cat $custom.pine-old; [ -z "$(tail -c 1 $custom.pine-old)" ] || echo; } | cmp -s - $custom.pine-new; then
    sync
    rm -f $custom.pine-new
    mv -f $custom.pine-old $custom
  elif [ -s $custom.pine-new ]; then
    chmod "$(stat -c %a $custom)" $custom.pine-new
    sync
    mv -f $custom.pine-new $custom
  else
    rm -f $custom.pine-new $custom
  fi
  rm -f $custom.pine-old
  sync
fi
var=/ostree/deploy/pine/var
if [ "${2:-}" != deleteData ] && [ -d $var ]; then
  # not copied: /var may be another filesystem, without room for it
  for place in /var/lib/pine /root/pine /pine; do
    mkdir -p "$place"
    [ "$(stat -c %d "$place")" != "$(stat -c %d $var)" ] || break
    rmdir "$place" 2>/dev/null || true # with what an earlier installation kept
  done
  mkdir -p "$place/$1"
  chmod 700 "$place" "$place/$1"
  rm -rf "${place:?}/$1/var"
  mv $var "$place/$1/var"
  echo "$place/$1/var"
fi
if [ -d /ostree/deploy/pine/deploy ]; then
  for deployment in /ostree/deploy/pine/deploy/*/; do chattr -i "$deployment" 2>/dev/null || true; done
fi
# as install.sh's bare: below /boot, when that is another filesystem
mkdir -p /run/pine-root
# shellcheck disable=SC2016
unshare -m sh -euc 'mount --make-rprivate / && mount --bind / /run/pine-root && cd /run/pine-root || exit 1
  rm -rf .pine-new .pine-var ostree boot/ostree boot/loader boot/loader.0 boot/loader.1
  [ ! -L boot/boot ] || rm -f boot/boot
  if [ "$(stat -c %d /boot)" != "$(stat -c %d /)" ]; then rm -rf boot/grub/pine; rmdir boot/grub 2>/dev/null || true; fi'
# a link where the slots are on the EFI system partition
rm -rf "$(readlink -f $dir)" $dir
rmdir /boot/grub 2>/dev/null || true
rmdir /run/pine-root
sync
