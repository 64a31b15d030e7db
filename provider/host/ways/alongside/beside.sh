#!/bin/sh
# Functions that install.sh and restore.sh share. It is sent before either, after parts.sh
# (host/ways/alongside/install.ts, host/leave/restore.ts).
#
# A person's data in Pine's /var has one of two names, and a rename moves it between them. In place it is
# /ostree/deploy/pine/var, else /var/lib/pine/ID/var of the old system. No clean-up removes the second, and none removes
# the first before renaming it. /.pine-var is the second name that earlier versions used.
set -eu
umask 022
dir=/boot/grub/pine
record=$dir/install
# shellcheck disable=SC2034 # of the scripts that follow
custom=/boot/grub/custom.cfg
stateroot=/ostree/deploy/pine
# shellcheck disable=SC2034 # the folder of the archive that an installation unpacks (parts.sh)
parts=/.pine-part

# A value of the installation's record, or nothing.
noted() { sed -n "s/^$1=//p" "$record" 2>/dev/null || true; }

# Runs shell text in the bare root filesystem, without what is mounted on it: /boot may be another filesystem.
bare() { # text arguments...
  mkdir -p /run/pine-root
  text=$1
  shift
  unshare -m sh -euc "mount --make-rprivate / && mount --bind / /run/pine-root && cd /run/pine-root || exit 1
$text" sh "$@"
}

# Clears the slots' names before anything that they name is removed. It writes in place, since GRUB may see an old
# folder.
no_slot() {
  if [ -f $dir/env ]; then
    # named, so that confirmed.cfg says nothing
    { printf '# GRUB Environment Block\npine_slot=\npine_trial=\npine_tries=\npine_boots=\n'; head -c 1024 /dev/zero | tr '\0' '#'; } | head -c 1024 | dd of=$dir/env bs=1024 conv=notrunc,fsync 2>/dev/null || fail "cannot write $dir/env"
    sync
  fi
  if [ -e $dir/confirmed.cfg ]; then
    rm -f $dir/confirmed.cfg
    sync
  fi
  if [ -e $dir/env ]; then
    rm -rf $dir/env
    sync
  fi
}

is_ours() { head -c 15 "$1" 2>/dev/null | grep -q '^#!/ostree/pine/'; }

# Makes a container's init the old system's again, before anything of ours that the init needs is removed.
old_init() {
  rm -f /sbin/.init.pine
  if [ ! -e /sbin/init.pine-old ] && [ ! -L /sbin/init.pine-old ]; then return 0; fi
  if is_ours /sbin/init; then mv -fT /sbin/init.pine-old /sbin/init; else rm -f /sbin/init.pine-old; fi
  sync
}

# Where an installation's /var is kept: one per line, the one to go on with first.
kept() { # ID
  for place in /var/lib/pine /root/pine /pine; do
    for name in "$place/$1/var" "$place/$1"/var.*; do [ ! -d "$name" ] || echo "$name"; done
  done
}

# Gives the data in /var the name that no clean-up removes. It renames, since another filesystem may lack room for a
# copy.
keep() { # ID
  for data in .pine-var "${stateroot#/}/var"; do
    [ -d "/$data" ] || continue
    # shellcheck disable=SC2016
    bare '
      for place in var/lib/pine root/pine pine; do
        mkdir -p "/$place/$2" || continue
        [ "$(stat -c %d:%i "/$place/$2")" != "$(stat -c %d:%i "$place/$2" 2>/dev/null)" ] || break
        rmdir "/$place/$2" "/$place" 2>/dev/null || true # with what an earlier installation kept
      done
      chmod 700 "$place" "$place/$2"
      name=var
      n=0
      while [ -e "$place/$2/$name" ]; do
        n=$((n + 1))
        name=var.$n
      done
      mv "$1" "$place/$2/$name"' "$data" "$1"
    sync
  done
}

# Removes everything of ours beside the old system, except the record and GRUB's lines. It needs no room, so it works on
# a full disk.
clear_away() { # [ID: keeps what is in /var]
  no_slot
  rm -f $dir/[ab].cfg $dir/[ab].kept $dir/[ab].next
  rm -rf $dir/part-*
  old_init
  chattr -i $stateroot/deploy/*.? 2>/dev/null || true
  # OSTree's loader is a link. A folder of that name is the old system's (systemd-boot, Fedora), and so is a link that
  # was there before (link=1)
  # shellcheck disable=SC2016
  bare '[ ! -L boot/loader ] || rm -f boot/loader
    [ -n "$1" ] || [ ! -L boot/boot ] || rm -f boot/boot
    rm -rf .pine-new boot/ostree boot/loader.0 boot/loader.1' "${own:-$(noted link)}"
  [ -z "${1:-}" ] || keep "$1"
  bare 'rm -rf ostree'
}
