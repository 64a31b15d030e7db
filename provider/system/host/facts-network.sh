#!/bin/sh
# The network's part of facts.sh, which has the other functions and what the keys are: sent before it, as one script (host/facts.ts).
line=

# sudo and doas take SSH_CONNECTION away: it is still in the environment that they were started in
connected() {
  line=${SSH_CONNECTION:-}
  pid=$$
  while [ -z "$line" ] && [ "${pid:-1}" -gt 1 ]; do
    line=$({ tr '\0' '\n' <"/proc/$pid/environ"; } 2>/dev/null | sed -n 's/^SSH_CONNECTION=//p')
    pid=$(sed -n 's/^PPid:[^0-9]*//p' "/proc/$pid/status" 2>/dev/null)
  done
  # client's address and port, ours
  line=${line#* }
  line=${line#* }
  put ssh "${line%% *}"
}

network() {
  connected
  for path in /sys/class/net/*; do
    name=${path##*/}
    [ -r "$path/ifindex" ] || continue
    kind=virtual
    if [ "$name" = lo ]; then kind=loopback
    elif [ -d "$path/bonding" ]; then kind=bond
    elif [ -d "$path/bridge" ]; then kind=bridge
    elif [ -e "/proc/net/vlan/$name" ] || grep -qs '^DEVTYPE=vlan' "$path/uevent"; then kind=vlan
    elif [ -e "$path/device" ] && [ ! -e "$path/phy80211" ]; then kind=physical # Wi-Fi is not carried
    fi
    master=
    if [ -e "$path/master" ]; then master=$(readlink -f "$path/master"); fi
    get "$path/address" -
    mac=$line
    # NET_ADDR_SET of linux/netdevice.h
    get "$path/addr_assign_type"
    if [ $kind = physical ] && [ ! -e "$path/bonding_slave" ] && [ "$line" = 3 ]; then
      own=$(ip -o link show dev "$name" 2>/dev/null | sed -n 's/.* permaddr \([0-9a-f:]*\).*/\1/p')
      put macset "$name ${own:--}"
    fi
    # a card in a bond shows the bond's address
    get "$path/bonding_slave/perm_hwaddr" "$mac"
    mac=$line
    if [ $kind = vlan ] && have ip; then ip -o -d link show dev "$name" 2>/dev/null | each vlan; fi
    if [ $kind = bond ]; then put bond "$name $(first "$path/bonding/mode" -) $(first "$path/bonding/slaves")"; fi
    get "/proc/sys/net/ipv6/conf/$name/accept_ra"
    [ -z "$line" ] || put ra "$name $line"
    about=$name
    get "$path/ifindex"
    about="$name $line $mac"
    for f in mtu operstate; do
      get "$path/$f" -
      about="$about $line"
    done
    put if "$about $kind ${master##*/}"
  done
  [ ! -r /proc/net/vlan/config ] || grep '|.*|' /proc/net/vlan/config | each vlan
  if have ip; then
    ip -o addr show 2>/dev/null | each addr
    ip -o -4 route show 2>/dev/null | each route4
    ip -o -6 route show 2>/dev/null | each route6
    ip -4 rule show 2>/dev/null | grep -vE 'lookup (local|main|default|25[345]|\[l3mdev-table\]) *$' | each rule4
    ip -6 rule show 2>/dev/null | grep -vE 'lookup (local|main|default|25[345]|\[l3mdev-table\]) *$' | each rule6
  else
    sed 1d /proc/net/route 2>/dev/null | each proc.route4
    [ ! -r /proc/net/ipv6_route ] || each proc.route6 </proc/net/ipv6_route
    [ ! -r /proc/net/if_inet6 ] || each proc.addr6 </proc/net/if_inet6
    grep -B1 '/32 host LOCAL' /proc/net/fib_trie 2>/dev/null | sed -n 's/.*|-- //p' | sort -u | each proc.addr4
  fi
  [ ! -r /etc/resolv.conf ] || grep -E '^(nameserver|search|domain)' /etc/resolv.conf | each resolv
  f=/run/systemd/resolve/resolv.conf
  [ ! -r $f ] || grep -E '^(nameserver|search|domain)' $f | each resolved
  for f in /proc/[0-9]*/comm; do
    # no $(first …): a process for every process is slow
    line=
    { IFS= read -r line <"$f"; } 2>/dev/null
    case $line in
      dhclient | dhcpcd | udhcpc) put dhcp "$line $(tr '\0' ' ' <"${f%/comm}/cmdline" 2>/dev/null)" ;;
    esac
  done
  for f in /run/systemd/netif/leases/[0-9]*; do [ ! -e "$f" ] || put dhcp "networkd ${f##*/}"; done
  for f in /run/systemd/netif/links/[0-9]*; do
    ! grep -qs '^ADMIN_STATE=configured' "$f" || put managed "${f##*/}"
  done
  for f in /run/NetworkManager/devices/[0-9]*; do
    ! grep -qs '^\(\[dhcp\|dhcp4\)' "$f" || put dhcp "NetworkManager ${f##*/}"
  done
  cat /etc/network/interfaces /etc/network/interfaces.d/* 2>/dev/null | grep -E '^[[:space:]]*iface[[:space:]]' | each ifupdown
}
