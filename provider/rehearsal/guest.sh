#!/bin/sh
# Runs in the machine of a rehearsal. Tells on the second serial port how the boot goes, line by line, as
# rehearsal/report.ts reads it, and turns the machine off. PINE_…: for tests.
# usage: guest.sh PORTS LEFT_OUT SECONDS SLOW: ports of the SSH server, names of health checks that do not count, how
# long the others are tried, and how many times slower than a server this machine is
set -u
ports=$1 left_out=" $2 " seconds=$3
export PINE_SLOW="$4"
run=${PINE_RUN:-/run} etc=${PINE_ETC:-/etc} health=${PINE_HEALTH:-/usr/libexec/pine/health}
keys=${PINE_KEYS:-/root/.ssh/authorized_keys} pause=${PINE_PAUSE:-5}
exec >"${PINE_REPORT:-/dev/ttyS1}" 2>/dev/null

# Seconds since the boot: clocks jump.
now() {
  read -r up _ </proc/uptime
  now=${up%.*}
}

say() { printf '%s\n' "$*"; }

plain() { tr -cd '\12\40-\176'; }

starting() { # names of services
  # shellcheck disable=SC2012
  ls "$run/openrc/starting" | plain | tr '\n' ' '
}

# The first line that answers on a port, or that somebody listens there.
ssh_on() { # PORT
  tries=0
  while [ $tries -lt "${PINE_TRIES:-10}" ]; do
    line=$(nc -w 10 127.0.0.1 "$1" </dev/null | head -n 1 | plain)
    [ -z "$line" ] || break
    tries=$((tries + 1))
    sleep 1
  done
  if [ -z "$line" ] && cat /proc/net/tcp /proc/net/tcp6 | grep -q ":$(printf %04X "$1") 0*:0000 0A "; then
    line=listening
  fi
  say "ssh $1 $line"
}

# Whether a check is red that counts.
is_red() { # LINES
  while read -r name state _; do
    case $state:$left_out in
      red:*" $name "*) ;;
      red:*) return 0 ;;
    esac
  done <<EOF
$1
EOF
  return 1
}

now
say "begun $now"
beat=$now
until [ -e "$run/pine.completed" ]; do
  sleep 1
  now
  [ $((now - beat)) -ge "$pause" ] || continue
  beat=$now
  say "waiting $now $(starting)"
done
now
say "completed $now"
# the last service of the runlevel is marked a moment after what it does
tries=0
until [ -z "$(starting)" ] || [ $tries -ge 30 ]; do
  sleep 1
  tries=$((tries + 1))
done
for service in "$etc"/runlevels/default/*; do
  [ ! -e "$service" ] || [ -e "$run/openrc/started/${service##*/}" ] || say "stopped ${service##*/}"
done
ip -o addr show | tr '\134' ' ' | plain | sed 's/^/addr /'
for port in $ports; do ssh_on "$port"; done
[ ! -e "$keys" ] || say "keys $(sha256sum <"$keys" | cut -d ' ' -f 1) $(stat -c '%a %U' "$keys")"
if [ -x "$health" ]; then
  now
  end=$((now + seconds))
  while :; do
    report=$("$health" | plain)
    say "$report" | sed 's/^/health /'
    say looked
    is_red "$report" || break
    now
    [ "$now" -lt $end ] || break
    sleep "$pause"
  done
fi
now
say "end $now"
sleep 1
"${PINE_POWEROFF:-/sbin/poweroff}" -f
