#!/bin/sh
# Receives a large file in parts: what arrived before a connection ended stays, and the next run goes on from there
# (host/ssh/parts.ts). Sent before install.sh, restore.sh and update.sh. The file's name is its sha256, in a folder that
# only root may enter.
# shellcheck disable=SC2034 # of the scripts that follow
block=4194304 # bytes; BLOCK of host/ssh/parts.ts
receiving=/run/pine.receiving

# Ends the steps that a lost connection left running: sshd does not end them, and each can be stopped anywhere. Who has
# the server's lock is alone. A step and all that it started hold descriptor 8. Another container's file has the same
# name, but is another file. Files with another name are not touched: they may hang.
alone() {
  exec 8>&-
  tries=0
  while [ -e "$receiving" ]; do
    left=
    # shellcheck disable=SC2012 # find of busybox knows no link names
    for process in $(ls -ln /proc/[0-9]*/fd/8 2>/dev/null | sed -n "s,.* /proc/\([0-9]*\)/fd/8 -> $receiving\$,\1,p"); do
      [ "$(stat -L -c %d:%i "/proc/$process/fd/8" 2>/dev/null)" != "$(stat -c %d:%i "$receiving")" ] || left="$left $process"
    done
    [ -n "$left" ] || break
    [ $tries -lt 20 ] || fail "an earlier transfer does not end: process$left"
    # shellcheck disable=SC2086 # a list
    kill -KILL $left 2>/dev/null || true
    [ $tries = 0 ] || sleep 1
    tries=$((tries + 1))
  done
  exec 8>>"$receiving"
}

# Enters the folder. Anything else that has its name is removed.
parts_folder() { # path
  only="$(id -u) 700"
  if [ -L "$1" ] || [ ! -d "$1" ] || [ "$(stat -c '%u %a' "$1")" != "$only" ]; then
    rm -rf "$1"
    mkdir -p "${1%/*}/"
    mkdir -m 700 "$1"
  fi
  cd -P "$1" || exit
  [ "$(stat -c '%u %a' .)" = "$only" ] || fail "$1 was changed meanwhile"
}

# Prints how many bytes of a file have arrived.
arrived() { if [ -e "./$1" ]; then stat -c %s "./$1"; else echo 0; fi; }

# Cuts a file off, or creates it. `bs=1` is not slow: nothing is read.
cut_off() { dd if=/dev/null of="./$1" bs=1 seek="$2" 2>/dev/null; }

# Prints how many bytes of a file are there, and the sha256 of each block of them. Other files are removed. Without room
# for the file and for what is made of it, nothing is kept or printed, and `missing` is more than 0 (KiB).
part() { # folder sha256 bytes KIB
  alone
  parts_folder "$1"
  for file in ./* ./.[!.]*; do
    if [ "$file" != "./$2" ] || [ -L "$file" ] || [ ! -f "$file" ]; then rm -rf "$file"; fi
  done
  [ "$(arrived "$2")" -le "$3" ] || cut_off "$2" "$3"
  there=$(arrived "$2")
  need=$((($3 - there + 1023) / 1024 + $4))
  free=$(df -kP . | { read -r _ && read -r _ _ _ n _ && echo "$n"; })
  missing=$((need - free))
  if [ $missing -gt 0 ]; then
    cd /
    rm -rf "$1"
    return 0
  fi
  echo "$there"
  n=0
  while [ $((n * block)) -lt "$there" ]; do
    dd if="./$2" bs=$block skip=$n count=1 2>/dev/null | sha256sum | cut -d' ' -f1
    n=$((n + 1))
  done
}

# Reads the rest of a file from standard input. Afterwards the file is whole, and the folder is entered. An incomplete
# file stays for the next run. A damaged one is removed, and so is all of it when the disk is full.
arrive() { # folder sha256 bytes from what
  alone
  parts_folder "$1"
  [ "$(arrived "$2")" -ge "$4" ] || fail "what was there of $5 is gone: run \`pulumi up\` again"
  cut_off "$2" "$4"
  # cat also succeeds when the connection ends
  if ! why=$(cat 2>&1 >>"./$2"); then
    there=$(arrived "$2")
    cd /
    rm -rf "$1"
    case $why in
      *'No space left'* | *quota*) fail "the file system of ${1%/*}/ is too full: $((($3 - there + 1023) / 1024)) KiB are missing for $5" ;;
      *) fail "cannot write $1/$2: $why" ;;
    esac
  fi
  there=$(arrived "$2")
  if [ "$there" -lt "$3" ]; then
    sync "./$2"
    fail "$5 did not arrive whole: $there of $3 bytes are there"
  fi
  if [ "$(sha256sum "./$2" | cut -d' ' -f1)" != "$2" ]; then
    cd /
    rm -rf "$1"
    fail "$5 did not arrive whole: it was changed on the way, or the disk is bad"
  fi
}
