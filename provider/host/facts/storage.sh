#!/bin/sh
# The disks' part of facts.sh, which has the other functions and explains the keys: sent before it, as one script
# (host/facts/facts.ts).
line=

# Whether a command ends in time. It may wait for a dead disk or server and not die when killed: then it is left behind,
# with no file of ours open.
ends() { # SECONDS COMMAND…
  limit=$1
  shift
  (
    trap 'kill -9 $!; exit 1' TERM
    "$@" &
    wait $!
  ) </dev/null >/dev/null 2>&1 &
  worker=$!
  (
    trap 'kill $!; exit' TERM
    sleep "$limit" &
    wait $!
    kill $worker
  ) </dev/null >/dev/null 2>&1 &
  clock=$!
  wait $worker
  ended=$?
  kill $clock 2>/dev/null
  wait $clock 2>/dev/null
  return $ended
}

# Prints lines of a mountinfo: the root in any case, else what is not the kernel's, not in memory, not made of others
mounts() { # FILE
  sed -n -e '/^\([^ ]* \)\{4\}\/ /{p;d;}' -e '/^\([^ ]* \)\{4\}\/\(proc\|sys\|dev\)[\/ ]/d' \
    -e '/ - \(proc\|sysfs\|tmpfs\|ramfs\|devtmpfs\|devpts\|cgroup2\{0,1\}\|mqueue\|hugetlbfs\|nsfs\|rpc_pipefs\|autofs\|overlay\|aufs\) /d' \
    -e '/ - \(debugfs\|tracefs\|securityfs\|pstore\|bpf\|configfs\|fusectl\|binfmt_misc\|efivarfs\|selinuxfs\|fuse\.lxcfs\) /d' -e p "$1" 2>/dev/null
}

# Prints what other mount namespaces (containers, services) have mounted and this one has not
elsewhere() {
  here=" $(cut -d ' ' -f 3 /proc/self/mountinfo | sort -u | tr '\n' ' ')"
  own=$(readlink /proc/self/ns/mnt)
  # -n: whose name is asked for, systemd's NSS looks up in /usr/local, too, which may hang
  # shellcheck disable=SC2012 # one process for all, and only numbers
  ls -ln /proc/[0-9]*/ns/mnt 2>/dev/null | sed -n 's#.* /proc/\([0-9]*\)/ns/mnt -> \(.*\)#\2 \1#p' | sort -u -k 1,1 |
    while read -r space pid; do
      [ "$space" != "$own" ] || continue
      get "/proc/$pid/comm" "?"
      comm=$line
      mounts "/proc/$pid/mountinfo" | while read -r id parent number rest; do
        case $here in *" $number "*) ;; *) put elsewhere "$pid $comm $id $parent $number $rest" ;; esac
      done
    done
}

# Prints the free space of the root and of what boots: other file systems may be a dead server's, and never answer
space() {
  for target in / /boot /boot/efi /efi /sysroot/boot; do
    grep -q "^\([^ ]* \)\{4\}$target " /proc/self/mountinfo || continue
    ends 5 stat -f "$target" || continue
    if about=$(stat -f -c '%S %b %a %c %d' "$target" 2>/dev/null); then
      put statfs "$about $target"
    else
      df -kP "$target" 2>/dev/null | sed 1d | each df
    fi
  done
}

# The partition that the firmware booted from, in its own words: the boot entry's device path
booted() {
  vars=/sys/firmware/efi/efivars id=8be4df61-93ca-11d2-aa0d-00e098032b8c
  [ -r $vars/BootCurrent-$id ] || return 0
  # after four bytes of attributes
  entry=$(od -An -v -tu2 -j 4 -N 2 $vars/BootCurrent-$id 2>/dev/null | tr -d ' ')
  entry=$vars/Boot$(printf %04X "${entry:-0}")-$id
  [ ! -r "$entry" ] || put efiboot "$(od -An -v -tx1 -j 4 "$entry" 2>/dev/null | tr -d ' \n')"
}

block() { # PATH NAME
  path=$1 name=$2
  real=$(readlink -f "$path")
  slaves=
  for s in "$path"/slaves/*; do [ ! -e "$s" ] || slaves="$slaves${slaves:+,}${s##*/}"; done
  partition=$(first "$path/partition")
  disk=
  if [ -n "$partition" ]; then
    disk=${real%/*}
    disk=${disk##*/}
  fi
  about=$name
  for f in dev size; do
    get "$path/$f" -
    about="$about $line"
  done
  about="$about ${partition:--} ${disk:--} ${slaves:--}"
  for f in md/level dm/uuid; do
    get "$path/$f" -
    about="$about $line"
  done
  put block "$about"
  if [ -n "$partition" ]; then
    put start "$name $(first "$path/start")"
    return
  fi
  for f in dm/name loop/backing_file; do
    get "$path/$f"
    [ -z "$line" ] || put "${f%%/*}" "$name $line"
  done
  if [ -e "$path/device" ]; then
    about=$name
    for f in removable ro; do
      get "$path/$f" 0
      about="$about $line"
    done
    get "$path/device/model"
    put disk "$about $line"
  fi
  case $real in */devices/virtual/block/*) put virtual "$name"; return ;; esac
  # sysfs writes ! for the / in a name
  node=/dev/$name
  case $name in *!*) node="/dev/${name%%!*}/${name#*!}" ;; esac
  if [ -z "$slaves" ] && [ -r "$node" ]; then
    sector=$(first "$path/queue/logical_block_size" 512)
    ends 5 dd if="$node" of=/dev/null bs="$sector" count=2 || return 0
    hex=$({ dd if="$node" bs="$sector" count=2 | od -An -v -tx1 | tr -d ' \n'; } 2>/dev/null)
    [ -z "$hex" ] || put table "$name $sector $hex"
  fi
}

storage() {
  mounts /proc/self/mountinfo | each mount
  elsewhere
  sed 1d /proc/swaps 2>/dev/null | each swap
  space
  booted
  for path in /sys/class/block/*; do
    # hidden: the paths of an NVMe with several paths, which have no device of their own
    if [ ! -e "$path/dev" ] || [ "$(first "$path/hidden" 0)" != 0 ]; then continue; fi
    get "$path/size" 0
    case ${path##*/} in
      ram* | sr* | fd*) continue ;;
      loop* | nbd* | rbd* | zram*) [ "$line" != 0 ] || continue ;;
    esac
    block "$path" "${path##*/}"
  done
  # the devices of file systems that have several
  for f in /sys/fs/btrfs/*/devices/* /sys/fs/bcachefs/*/dev-*/block; do
    [ -e "$f" ] || continue
    name=$(readlink -f "$f")
    uuid=${f#/sys/fs/*/}
    put member "${uuid%%/*} ${name##*/}"
  done
  if have blkid && ends 20 blkid; then blkid 2>/dev/null | grep -v '^/dev/loop' | each blkid; fi
  # udev's names: everybody can read them, while blkid tells only root
  for kind in id uuid label partuuid; do
    # shellcheck disable=SC2012 # find has no -printf in busybox; udev's names have no blanks
    [ ! -d "/dev/disk/by-$kind" ] || ls -ln "/dev/disk/by-$kind" |
      sed -n -e '/\/\(loop\|sr\)[0-9]*$/d' -e "s#^l.* \([^ ]*\) -> .*/\([^/ ]*\)\$#link=$kind \2 \1#p"
  done
}
