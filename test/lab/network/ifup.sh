#!/bin/sh
# In mount, process and network namespaces of its own: builds the network of an old system, looks at it, takes it away,
# lets ifup of a Rootfs make the new one of the files that were written, and looks again.
#   ifup.sh TREE WORK
# TREE: a Rootfs, read-only. WORK: cards ("NEW OLD MAC MTU OWN-MAC"), old (commands for the old network), far (commands
# for the other side, whose cards are far0, far1, …), interfaces, resolv.conf, ping ("-4 ADDRESS"), wait
# ("ADDRESS/PREFIX" that comes later by itself). Prints the lines of facts.sh (if, noipv6, ra, addr, route4, route6, and
# source ADDRESS) behind "== before" and "== after", then "== ping" and what did not answer.
set -eu
tree=$1 work=$2
mount -t sysfs sysfs /sys
unshare --net sleep 1000 &
other=$!
# until it has left this namespace
while [ "$(readlink /proc/$other/ns/net)" = "$(readlink /proc/self/ns/net)" ]; do sleep 0.02; done
far() { nsenter --net=/proc/$other/ns/net "$@"; }
ip link set lo up
far ip link set lo up
# a router says so when it is asked, else its default route is dropped
far sh -c 'echo 1 >/proc/sys/net/ipv6/conf/all/forwarding'

# both sides of each card; $1: which of the names in `cards` is the near one's
plug() {
  n=0
  while read -r new old mac mtu own; do
    name=$old
    if [ "$1" = new ]; then name=$new mac=$own; fi
    ip link add "$name" address "$mac" mtu 1500 type veth peer name "far$n" mtu 9200
    [ "$1" = new ] || ip link set "$name" mtu "$mtu"
    ip link set "far$n" netns "$other"
    # its address is what `far` says, not one of its own
    far ip link set "far$n" addrgenmode none
    far ip link set "far$n" up
    n=$((n + 1))
  done <"$work/cards"
}

# no address is being checked for duplicates any more
settled() {
  n=0
  while ip -6 addr show tentative | grep -q inet6; do
    [ $n -lt 100 ] || return 1
    n=$((n + 1))
    sleep 0.1
  done
}

look() {
  echo "== $1"
  for path in /sys/class/net/*; do
    name=${path##*/}
    kind=physical
    [ "$name" != lo ] || kind=loopback
    printf 'if=%s %s %s %s %s %s\n' "$name" "$(cat "$path/ifindex")" "$(cat "$path/address")" "$(cat "$path/mtu")" "$(cat "$path/operstate")" $kind
  done
  for path in /proc/sys/net/ipv6/conf/*; do
    [ "$(cat "$path/disable_ipv6")" = 0 ] || printf 'noipv6=%s\n' "${path##*/}"
    printf 'ra=%s %s 0 %s\n' "${path##*/}" "$(cat "$path/accept_ra")" "$(cat "$path/autoconf")"
  done
  ip -o addr show | sed 's/^/addr=/'
  ip -o -4 route show | sed 's/^/route4=/'
  ip -o -6 route show | sed 's/^/route6=/'
  # of a new connection to elsewhere (OUTSIDE of old-system.ts)
  for to in 198.19.255.254 2001:db8:ffff:ffff::1; do
    ip -o route get "$to" 2>/dev/null | sed -n 's/.* src \([^ ]*\).*/source=\1/p'
  done
}

plug old
# shellcheck source=/dev/null
. "$work/old"
settled
look before
while read -r new old mac mtu own; do ip link del "$old"; done <"$work/cards"
ip -4 addr flush dev lo scope global
ip -6 addr flush dev lo scope global

plug new
# shellcheck source=/dev/null
. "$work/far"
mount --rbind "$tree" "$tree"
mount -t proc proc "$tree/proc"
mount -t sysfs sysfs "$tree/sys"
mount -t tmpfs -o mode=755 run "$tree/run"
mount -t tmpfs -o mode=1777 tmp "$tree/tmp"
mount -t tmpfs -o mode=755 dev "$tree/dev"
mount -t tmpfs -o mode=755 var "$tree/var"
for node in null zero urandom; do
  : >"$tree/dev/$node"
  mount --bind /dev/$node "$tree/dev/$node"
done
# /usr/etc is what a deployment's /etc is made of
mkdir "$tree/tmp/etc" "$tree/var/run"
cp -a "$tree/usr/etc/." "$tree/tmp/etc/"
cp "$work/interfaces" "$tree/tmp/etc/network/interfaces"
if [ -e "$work/resolv.conf" ]; then cp "$work/resolv.conf" "$tree/tmp/etc/resolv.conf"; fi
mount --bind "$tree/tmp/etc" "$tree/etc"
# as OpenRC's networking does it
# shellcheck disable=SC2016 # for the shell in there
chroot "$tree" /bin/sh -c 'for i in $(ifquery --list -a); do ifup "$i" || { echo "ifup $i failed" >&2; ifdown "$i"; }; done' >&2
settled
# an advertisement comes some seconds after a card is up
arrived() {
  while read -r what; do ip -o addr show | grep -qF " $what" || return 1; done <"$work/wait"
}
n=0
until arrived || [ $n -ge 150 ]; do
  n=$((n + 1))
  sleep 0.1
done
settled
look after
echo "== resolv.conf"
cat "$tree/etc/resolv.conf"
echo "== ping"
while read -r family address; do
  chroot "$tree" ping "$family" -c 1 -W 3 "$address" >/dev/null 2>&1 || echo "$address"
done <"$work/ping"
