#!/bin/sh
# A large file that arrives in parts: what came before a connection ended stays, and the next run goes on from there
# (host/ssh/parts.ts). Sent before install.sh, remove.sh and update.sh. The file's name is its sha256, in a folder that
# only root may enter.
# shellcheck disable=SC2034 # of the scripts that follow
block=4194304 # bytes; BLOCK of host/ssh/parts.ts
receiving=/run/pine.receiving

# Ends what a connection that is gone left at work: sshd ends no step with it, and each can be stopped anywhere. Who has
# the server's lock is alone. A step and all that it started hold descriptor 8. Another container's has the same name
# and is another file; what has another name is not touched: it may hang.
alone() {
  exec 8>&-
  tries=0
  while [ -e "$receiving" ]; do
    left=
    # shellcheck disable=SC2012 # find of busybox knows no link names
    for process in $(ls -l /proc/[0-9]*/fd/8 2>/dev/null | sed -n "s,.* /proc/\([0-9]*\)/fd/8 -> $receiving\$,\1,p"); do
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

# Goes to the folder. What has its name and is anything else goes.
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

# Bytes of what is there of a file.
arrived() { if [ -e "./$1" ]; then stat -c %s "./$1"; else echo 0; fi; }

# Cuts a file off, or makes it. `bs=1` reads nothing.
cut_off() { dd if=/dev/null of="./$1" bs=1 seek="$2" 2>/dev/null; }

# Prints how many bytes of a file are there, and the sha256 of each block of them. Other files go. Where it and what
# becomes of it have no room, nothing stays or is printed, and `missing` is more than 0 (KiB).
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

# The rest of a file from standard input. Afterwards it is whole, and the folder is entered. A file that is not whole
# stays for the next run; one that is damaged goes, and all of it where the disk is full.
arrive() { # folder sha256 bytes from what
  alone
  parts_folder "$1"
  [ "$(arrived "$2")" -ge "$4" ] || fail "what was there of $5 is gone: run \`pulumi up\` again"
  cut_off "$2" "$4"
  # also as a connection's end, which is no failure
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
