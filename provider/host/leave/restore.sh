#!/bin/sh
# Removes Pine from a server that runs its old system again. Sent over SSH, after beside.sh.
#   restore.sh ID [deleteData]      keeps Pine's /var in /var/lib/pine/ID unless deleteData is given; prints where, one a line
# Can be run again until the record is gone, which is removed last.
# shellcheck disable=SC2154 # what beside.sh has
set -eu

[ ! -e /run/ostree-booted ] || fail "Pine runs, not the old system"
# a server without a record has nothing of ours, except an empty folder if the last command was stopped
if [ ! -s "$record" ]; then
  rmdir /boot/grub 2>/dev/null || true
  exit 0
fi
[ "$(noted id)" = "$1" ] || fail "another installation is on this server"
# the id of another installation: this one was begun over it and never placed
was=$(noted var)
[ "$was" != "$1" ] || was=
alone
rm -rf "$parts"
if [ "${2:-}" = deleteData ]; then
  clear_away
  rm -rf /.pine-var
  for id in "$1" $was; do
    for data in $(kept "$id"); do
      rm -rf "$data"
      rmdir "${data%/*}" "${data%/*/*}" 2>/dev/null || true
    done
  done
else
  clear_away "$1"
  for id in "$1" $was; do kept "$id"; done
fi
if [ -e "$custom" ]; then
  sed '/^# >>> pine$/,/^# <<< pine$/d' "$custom" >"$custom.pine-new"
  # what was added to it meanwhile stays
  if [ -e "$custom.pine-old" ] && { cat "$custom.pine-old"; [ -z "$(tail -c 1 "$custom.pine-old")" ] || echo; } | cmp -s - "$custom.pine-new"; then
    sync
    rm -f "$custom.pine-new"
    mv -f "$custom.pine-old" "$custom"
  elif [ -s "$custom.pine-new" ]; then
    chmod "$(stat -c %a "$custom")" "$custom.pine-new"
    put_in_place "$custom"
  else
    rm -f "$custom.pine-new" "$custom"
  fi
fi
rm -f "$custom.pine-old" "$custom.pine-new"
sync
# what a separate /boot hides
# shellcheck disable=SC2016
bare 'if [ "$(stat -c %d /boot)" != "$(stat -c %d /)" ]; then rm -rf boot/grub/pine; rmdir boot/grub 2>/dev/null || true; fi'
rmdir /run/pine-root
# $dir is a link if the slots are on the EFI system partition; the record goes last: it says that there is something to
# remove
real=$(readlink -f "$dir")
for file in "$real"/*; do [ "$file" = "$real/install" ] || rm -rf "$file"; done
sync
rm -rf "$real" "$dir"
rmdir /boot/grub 2>/dev/null || true
sync
