#!/bin/sh
# Puts the modules of /run/modules beside those of the kernel in /run/tree, and makes their tables again. Runs in the
# toolbox. usage: modules.sh KERNEL-RELEASE
set -eu
release=$1
extra=/run/tree/usr/lib/modules/$release/extra
mkdir -p "$extra"
for file in /run/modules/*.ko; do
	name=${file##*/}
	name=${name%.ko}
	built=$(modinfo -F vermagic "$file" 2>/dev/null | cut -d' ' -f1)
	if [ "$built" != "$release" ]; then
		echo "pine: $name: is not a module of this kernel (${built:-no vermagic}, the image has $release)" >&2
		exit 1
	fi
	cp "$file" "$extra/$name.ko"
	chown 0:0 "$extra/$name.ko"
	chmod 644 "$extra/$name.ko"
done
depmod -b /run/tree "$release"
