#!/bin/sh
# GRUB's part of facts.sh, which has the other functions: sent before it, as one script (host/facts/facts.ts).

grub() {
  for tool in grub-install grub2-install; do
    if have $tool; then put grub.version "$($tool --version 2>/dev/null | head -n 1)"; break; fi
  done
  dir=
  for d in $(grub_folders); do
    put grub.folder "$d"
    dir=${dir:-$d}
  done
  if [ -n "$dir" ]; then
    for f in "$dir"/*/normal.mod; do [ ! -e "$f" ] || put grub.platform "$(basename "${f%/*}")"; done
    grep -s 'source.*custom\.cfg' "$dir/grub.cfg" | each grub.source
    if [ -e "$dir/custom.cfg" ]; then
      ! grep -q '^# >>> pine' "$dir/custom.cfg" || put grub.custom ours
      ! sed '/^# >>> pine/,/^# <<< pine/d' "$dir/custom.cfg" | grep -qv '^[[:space:]]*\(#.*\)\{0,1\}$' || put grub.custom other
    fi
    [ ! -e "$dir/grubenv" ] || put grub.env 1
    grub_says "$dir/grub.cfg"
  fi
  sed -n 's/^[[:space:]]*GRUB_DEFAULT=//p' /etc/default/grub /etc/default/grub.d/*.cfg 2>/dev/null | tail -n 1 | each grub.default
}

# Prints the folders with a grub.cfg. If there are two, only those with GRUB's modules count; both may have them.
grub_folders() {
  all=
  with=
  for d in /boot/grub /boot/grub2; do
    [ -e $d/grub.cfg ] || [ -e $d/pine ] || continue
    # one may be a link to the other
    [ -z "$all" ] || [ "$(readlink -f $d)" != "$(readlink -f "$all")" ] || continue
    all=${all:-$d}
    for f in "$d"/*/normal.mod; do
      [ ! -e "$f" ] || { with="$with $d"; break; }
    done
  done
  echo "${with:-$all}"
}

# Prints what in grub.cfg makes GRUB wait, or is set after our part.
grub_says() { # grub.cfg
  [ -r "$1" ] || return 0
  ! grep -q '^[[:space:]]*set superusers="\{0,1\}[^"[:space:]]' "$1" || put grub.password 1
  if [ -e "$1.sig" ] || grep -q '^[[:space:]]*set check_signatures="\{0,1\}enforce' "$1"; then put grub.signed 1; fi
  # at every boot, not in an entry
  sed '/^[[:space:]]*\(menuentry\|submenu\|function\)[[:space:]]/,/^}/d' "$1" | grep -E '^[[:space:]]*(cryptomount|read|authenticate)([[:space:]]|$)' | each grub.waits
  grep -q 'source.*custom\.cfg' "$1" || return 0
  sed '1,/source.*custom\.cfg/d' "$1" | sed '/^[[:space:]]*\(menuentry\|submenu\|function\)[[:space:]]/,/^}/d' |
    grep -E '^[[:space:]]*(set|unset)[[:space:]]+(default|timeout|timeout_style|fallback|pager)([=[:space:]]|$)' | each grub.after
}
