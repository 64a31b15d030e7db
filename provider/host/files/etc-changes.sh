#!/bin/sh
# Prints how /etc of the deployment that runs differs from its commit's, as OSTree sees it. Reads only. Sent over SSH.
#   etc-changes.sh MOST [GIVEN…]
# Prints total=NUMBER, then at most MOST lines `M PATH`, `A PATH` or `D PATH` (changed, added, removed), below /etc.
# Left out are two files in which a server's own lines lie beside others: where there are no more than those. Then
# `= PATH` for each GIVEN that is as the commit has it.
set -eu
image=${PINE_USR_ETC:-/usr/etc} # for tests
changes=$(ostree admin config-diff)
mark="pine: where this server's connections come in" # hostkeys.sh

# What is left of a file without lines of ours is what the commit has.
only_ours() { # path sed-script
  was=$image/$1
  [ -e "$was" ] || was=/dev/null
  sed "$2" "/etc/$1" 2>/dev/null | cmp -s - "$was"
}

skip=
# swap and data partitions, as the installation writes them
tab=$(printf '\t')
swap="/^UUID=[^[:space:]]*[[:space:]]none[[:space:]]swap[[:space:]]sw[[:space:]]0 0\$/d"
data="/^LABEL=[A-Za-z0-9_-]*${tab}\/[^$tab]*${tab}[a-z0-9]*${tab}defaults,noatime${tab}0 0\$/d"
if only_ours fstab "$swap; $data"; then skip="$skip fstab"; fi
if only_ours conf.d/dropbear "/$mark\$/d"; then skip="$skip conf.d/dropbear"; fi
changes=$(printf '%s\n' "$changes" | sed -n 's/^\([MAD]\) *\(.*\)$/\1 \2/p' | while read -r kind path; do
  case " $skip " in *" $path "*) ;; *) printf '%s %s\n' "$kind" "$path" ;; esac
done)
echo "total=$(printf '%s\n' "$changes" | grep -c . || true)"
printf '%s\n' "$changes" | head -n "$1"
shift
for path; do
  if [ -f "$image/$path" ] && cmp -s "$image/$path" "/etc/$path"; then printf '= %s\n' "$path"; fi
done
