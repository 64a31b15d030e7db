#!/bin/sh
# Sent before finalize.sh and finalize-container.sh.
set -eu

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
