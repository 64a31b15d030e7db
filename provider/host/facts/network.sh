#!/bin/sh
# The network's part of facts.sh, which has the other functions and explains the keys: sent before it, as one script
# (host/facts/facts.ts).
line=

# sudo and doas remove SSH_CONNECTION: the process that started them still has it
connected() {
  line=${SSH_CONNECTION:-}
  pid=$$
  while [ -z "$line" ] && [ "${pid:-1}" -gt 1 ]; do
    line=$({ tr '\0' '\n' <"/proc/$pid/environ"; } 2>/dev/null | sed -n 's/^SSH_CONNECTION=//p')
    pid=$(sed -n 's/^PPid:[^0-9]*//p' "/proc/$pid/status" 2>/dev/null)
  done
  # client's address and port, ours
  line=${line#* }
  put ssh "${line#* }"
  # shellcheck disable=SC2034 # of login.sh
  came=${line##* }
}

# what the kernel does with IPv6 on card $name
ipv6() {
  conf=/proc/sys/net/ipv6/conf/$name
  # ipv6.disable=1: the folder is not there
  if [ -d /proc/sys/net/core ] && [ ! -d /proc/sys/net/ipv6 ]; then put noipv6 "$name"; fi
  get "$conf/disable_ipv6"
  [ "$line" != 1 ] || put noipv6 "$name"
  get "$conf/accept_ra"
  [ -n "$line" ] || return 0
  about="$name $line"
  for f in forwarding autoconf; do
    get "$conf/$f" -
    about="$about $line"
  done
  put ra "$about"
}

# a routing daemon's routes, except the default route: names of iproute2's rt_protos, or their numbers
daemons='^([a-z]+ )?[0-9a-f.:/]+ .*proto (gated|mrt|zebra|bird|dnrouted|xorp|ntk|mrouted|keepalived|babel|openr|ovn|bgp|isis|ospf|rip|eigrp|8|1[0-5]|1[78]|42|84|99|18[6-9]|19[0-9])( |$)'

# prints routes, except those of a routing daemon, which will not run any more: a full Internet table has a million
routes() { # family
  ip -o "-$1" route show 2>/dev/null | grep -vE "$daemons" | head -n 20000 | each "route$1"
  ip -o "-$1" route show 2>/dev/null | grep -E "$daemons" | sed 's/.*\(proto [^ ]*\).*/\1/' | sort | uniq -c | each daemon
}

# prints interfaces(5) as ifup reads it: a file that nothing names does not count
ifupdown() { # file depth
  [ -r "$1" ] && [ -f "$1" ] && [ "$2" -lt 8 ] || return 0
  # shellcheck disable=SC2162 # a backslash continues a line
  while read word rest || [ -n "$word" ]; do
    case $word in
      iface | address) put ifupdown "$word $rest" ;;
      source | source-directory | source-dir)
        case $rest in /*) ;; *) rest=${1%/*}/$rest ;; esac
        [ "$word" = source ] || rest="$rest/*"
        # shellcheck disable=SC2086 # patterns
        for f in $rest; do
          if [ "$word" != source ]; then case ${f##*/} in *[!a-zA-Z0-9_-]*) continue ;; esac fi
          ifupdown "$f" $(($2 + 1))
        done
        ;;
    esac
  done <"$1"
}

kept() { # file
  while IFS= read -r line; do put dhcp.kept "$1 $line"; done
}

# prints clients of DHCP. Those of a container that runs here are not this system's: it has another network
dhcp() {
  ours=$(readlink /proc/self/ns/net 2>/dev/null)
  for f in /proc/[0-9]*/comm; do
    # no $(first …): a process for every process is slow
    line=
    { IFS= read -r line <"$f"; } 2>/dev/null
    case $line in dhclient | dhcpcd | udhcpc) ;; *) continue ;; esac
    pid=${f%/comm}
    # before Linux 3.0 there is no such link
    [ -z "$ours" ] || [ "$(readlink "$pid/ns/net" 2>/dev/null)" = "$ours" ] || continue
    about=$(tr '\0' ' ' <"$pid/cmdline" 2>/dev/null)
    put dhcp "$line $about"
    # as whom it asks
    case "$line $about" in
      dhclient*" -lf "*) about=${about#* -lf } about=${about%% *} ;;
      dhclient*) about=/var/lib/dhcp/dhclient.leases ;;
      *) about= ;;
    esac
    [ -z "$about" ] || grep -s '^default-duid' "$about" | head -n 1 | kept "$about"
  done
  for f in /etc/dhcp/dhclient.conf /etc/dhcpcd.conf; do
    grep -sE '^[[:space:]]*(send[[:space:]]+dhcp-client-identifier|duid|clientid|iaid|interface[[:space:]])' $f | kept "$f"
  done
  for f in /var/lib/dhcpcd/duid /var/lib/dhcpcd5/duid /etc/dhcpcd.duid; do
    [ ! -r $f ] || kept "$f" <$f
  done
  for f in /run/systemd/netif/leases/[0-9]*; do
    [ -r "$f" ] || continue
    address=- id=-
    while IFS= read -r line; do
      case $line in ADDRESS=*) address=${line#*=} ;; CLIENTID=*) id=${line#*=} ;; esac
    done <"$f"
    put dhcp "networkd ${f##*/} $address $id"
  done
  for f in /run/systemd/netif/links/[0-9]*; do
    ! grep -qs '^ADMIN_STATE=configured' "$f" || put managed "${f##*/}"
  done
  for f in /run/NetworkManager/devices/[0-9]*; do
    ! grep -qs '^\(\[dhcp\|dhcp4\)' "$f" || put dhcp "NetworkManager ${f##*/}"
  done
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
    ipv6
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
    routes 4
    routes 6
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
  dhcp
  ! have ifup || ifupdown /etc/network/interfaces 0
}
