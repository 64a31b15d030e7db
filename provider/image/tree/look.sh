#!/bin/sh
# What the packages brought to the tree at /run/tree: a line "@ NAME", then its lines.
set -eu
cd /run/tree
for f in etc/passwd etc/group etc/shadow etc/rc.conf; do
	echo "@ $f"
	cat $f
done
echo "@ services"
ls etc/init.d
echo "@ zones"
[ ! -d usr/share/zoneinfo ] || (cd usr/share/zoneinfo && find . -type f | sed 's,^\./,,')
echo "@ keymaps"
[ ! -d usr/share/bkeymaps ] || (cd usr/share/bkeymaps && find . -name '*.bmap.gz' | sed 's,^\./,,')
echo "@ kernels"
[ ! -d usr/lib/modules ] || ls usr/lib/modules
