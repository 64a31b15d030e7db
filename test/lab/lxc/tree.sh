#!/bin/sh
# Turns the tree that mmdebstrap made into a hoster's template of a container. Runs as one of its customize hooks.
#   tree.sh TREE
set -eu
root=$1
echo vps >"$root/etc/hostname"
printf '127.0.0.1\tlocalhost\n127.0.1.1\tvps\n::1\tlocalhost ip6-localhost ip6-loopback\n' >"$root/etc/hosts"
: >"$root/etc/fstab"
: >"$root/etc/machine-id"
# none of this machine's apt settings; there is no network to fetch from
rm -f "$root"/etc/apt/apt.conf.d/99mmdebstrap "$root"/etc/apt/sources.list.d/* "$root/etc/resolv.conf"
