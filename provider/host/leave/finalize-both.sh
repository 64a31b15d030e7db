#!/bin/sh
# What finalize.sh and finalize-container.sh share; sent before either, which says by `checkpoint` how everything gets
# to the disk there. The state of the record: finalized=begun, then finalized=1.
set -eu
dir=/boot/grub/pine
record=$dir/install

note() { # VALUE
  { grep -v '^finalized=' $record && echo "finalized=$1"; } >$record.pine-new || { rm -f $record.pine-new && fail "cannot write $record"; }
  put_in_place $record
  checkpoint
}

only_confirmed() { # FILE: what the running system was started with
  running=$(tr ' ' '\n' <"$1" | sed -n 's/^pine.slot=//p')
  confirmed=$(tr '#' '\n' <$dir/env | sed -n 's/^pine_slot=//p')
  [ "${running:-none}" = "$confirmed" ] || fail "the running slot is not confirmed"
}

nothing_mounted() {
  inside=$(sed -n 's,^[^ ]* \(/sysroot/[^ ]*\) .*,\1,p' /proc/mounts | head -n 1)
  [ -z "$inside" ] || fail "something is mounted on $inside: unmount it first"
}

# What destroy kept of earlier installations (beside.sh) is not the old system's: it moves to the same name in the new
# one.
take_kept() {
  for data in /sysroot/var/lib/pine/* /sysroot/root/pine/* /sysroot/pine/* /sysroot/.pine-var; do
    # not through links: /root may lead to the new system's already
    if [ ! -d "$data" ] || [ "$(readlink -f "$data")" != "$data" ]; then continue; fi
    case $data in */.pine-var) name=earlier ;; *) name=${data##*/} ;; esac
    if [ "$name" != earlier ] && [ ! -d "$data/var" ]; then continue; fi
    to=/sysroot/ostree/deploy/pine/var/lib/pine
    mkdir -p "$to"
    while [ -e "$to/$name" ]; do name=$name.1; done
    mv "$data" "$to/$name"
    echo "kept /var/lib/pine/$name"
  done
  sync
}

# Removes a path of the old system, or says that it stays.
gone() { # path
  [ -e "$1" ] || [ -L "$1" ] || return 0
  case $1 in /sysroot/*/*) ;; *) echo "removing ${1#/sysroot}" ;; esac
  rm -rf "$1" 2>/dev/null || { chattr -R -f -i -a "$1" 2>/dev/null; rm -rf "$1"; } || echo "left ${1#/sysroot}"
}
