#!/bin/sh
# Tells what the kernel of a commit of /run/repo drives. Runs in the toolbox. A line "@ NAME" comes before each part.
#   drivers.sh tables COMMIT            its modules' tables (no such line: no kernel), then "@ firmware" and the paths of the firmware files
#   drivers.sh needs COMMIT PATH...     the firmware files that each module may ask for
set -eu
command=$1 commit=$2
shift 2
if [ "$command" = needs ]; then
	for path; do
		echo "@ $path"
		ostree --repo=/run/repo cat "$commit" "$path" >"/tmp/${path##*/}"
		modinfo -F firmware "/tmp/${path##*/}"
	done
	exit
fi
ostree --repo=/run/repo ls "$commit" /usr/lib/modules 2>/dev/null | sed -n 's,^d.* \(/usr/lib/modules/[^/]*\)$,\1,p' | while IFS= read -r folder; do
	echo "@ folder"
	echo "$folder"
	for name in dep builtin alias builtin.modinfo; do
		echo "@ $name"
		# kernels before 5.2 have no builtin.modinfo
		ostree --repo=/run/repo cat "$commit" "$folder/modules.$name" 2>/dev/null | tr '\0' '\n' || true
	done
done
echo "@ firmware"
ostree --repo=/run/repo ls -R "$commit" /usr/lib/firmware 2>/dev/null | sed -n 's,^[-l].* /usr/lib/firmware/,,p' | sed 's, -> .*,,' || true
