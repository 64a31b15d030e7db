#!/bin/sh
# The logins' part of facts.sh, which has the other functions and explains the keys: sent before it, as one script
# (host/facts/facts.ts).
# shellcheck disable=SC2154 # login
line=
nl='
'

# Which SSH server this connection came through, and its first process.
came_by() {
  by='' server='' pid=$$
  while [ "${pid:-1}" -gt 1 ]; do
    get "/proc/$pid/comm"
    case $line in
      dropbear*) by=dropbear ;;
      sshd*) by=sshd server=$pid ;;
    esac
    pid=$(sed -n 's/^PPid:[^0-9]*//p' "/proc/$pid/status" 2>/dev/null)
  done
}

# "INODE PORT" of each socket that listens for TCP, the port as the kernel's hex digits
listening() {
  sed -n 's/^ *[0-9]*: [0-9A-F]*:\([0-9A-F]*\) [0-9A-F:]* 0A \([^ ]* *\)\{5\}\([0-9]*\) .*/\3 \1/p' /proc/net/tcp /proc/net/tcp6 2>/dev/null
}

# The ports that a process listens on
ports_of() { # pid
  # shellcheck disable=SC2012 # names of ours: /proc/PID/fd/N -> socket:[INODE]
  ls -ln "/proc/$1/fd" 2>/dev/null | sed -n 's/.*socket:\[\([0-9]*\)]$/\1/p' | while read -r inode; do
    printf '%s\n' "$listening" | sed -n "s/^$inode //p"
  done | sort -u | while read -r hex; do printf '%d\n' "0x$hex"; done
}

# Finds the sshd that listens where this connection came in: its first process, or one that was started again since. If
# there is none, as with systemd's ssh.socket or inetd, $ports stays empty: another program listens.
listener() {
  listening=$(listening)
  for pid in $server $(grep -l '^sshd' /proc/[0-9]*/comm 2>/dev/null | tr -dc '0-9\n'); do
    ports=$(ports_of "$pid")
    case $nl$ports$nl in "$nl$nl") ports='' ;; *"$nl${came:-$ports}$nl"*) server=$pid && return ;; esac
  done
  ports=
}

# Finds what the running server was started with: $program, and the options that `sshd -T` takes too, one word per line.
# OpenSSH 8.2 and later show it as "sshd: PROGRAM OPTION… [listener] …". A process of one connection no longer shows it:
# then the file with SSHD_OPTS counts.
started_with() {
  program=sshd options='' config='' last=''
  words=$({ tr '\0' ' ' <"/proc/$server/cmdline"; } 2>/dev/null | sed -n 's/^sshd: //; s/ \[listener\].*//; /^\//p')
  [ -n "$words" ] || words="sshd $(sed -n "s/^[[:space:]]*\(export  *\)\{0,1\}SSHD_OPTS=[\"']\{0,1\}\([^\"']*\).*/\2/p" /etc/default/ssh /etc/conf.d/sshd 2>/dev/null | tail -n 1)"
  set -f
  # shellcheck disable=SC2086 # words
  set -- $words
  set +f
  have sshd || program=/proc/$server/exe
  [ ! -x "$1" ] || program=$1
  shift
  while [ $# -gt 0 ]; do
    OPTIND=1
    while getopts :46DdeiqrtTGR:b:C:c:E:f:g:h:k:o:p:u:V: option; do
      # shellcheck disable=SC2213,SC2220 # the others only have their words
      case $option in
        f) config=$OPTARG ;;
        h | o | p) options=$options$nl-$option$nl$OPTARG ;;
      esac
      last=$option
    done
    shift $((OPTIND - 1))
    # `-o "Port 22"` was split into words
    [ "$last" != o ] || [ $# -eq 0 ] || options="$options $1"
    [ $# -eq 0 ] || shift
  done
}

# Prints its settings, as sshd says them with the options it was started with, else with its file alone. A port counts
# only when the kernel shows that somebody listens on it.
settings() {
  IFS=$nl
  set -f
  # shellcheck disable=SC2086 # lines
  conf=$("$program" -T ${config:+-f$nl$config} $options 2>/dev/null || "$program" -T ${config:+-f$nl$config} 2>/dev/null)
  set +f
  unset IFS
  printf '%s\n' "$conf" | grep -E '^((allow|deny)(users|groups)|authenticationmethods) ' | each sshd
  said=$(printf '%s\n' "$conf" | sed -n 's/^port //p')
  [ -n "$ports" ] || ports=$(for port in $said; do
    case $listening in '' | *" $(printf '%04X' "$port")"*) echo "$port" ;; esac
  done)
  for port in $ports; do
    put sshd "port $port"
    printf '%s\n' "$conf" | grep "^listenaddress .*:$port\$" | each sshd
  done
}

# Prints one host key, made from the private half, which is what is kept. A key that only an agent or a passphrase opens
# has no path.
host_key() { # file program…
  key=$1
  shift
  public=$("$@" -f "$key" 2>/dev/null </dev/null | sed -n '/^\(ssh\|ecdsa\)-/{p;q;}')
  if [ -n "$public" ]; then put hostkey "$key $public"
  elif [ -r "$key.pub" ]; then each hostkey <"$key.pub"
  fi
}

keys() {
  came_by
  conf=
  if [ "$by" != dropbear ]; then
    listener
    started_with
    settings
    named=$(printf '%s\n' "$conf" | sed -n 's/^hostkey //p')
    [ -n "$conf" ] || named=$(sed -n 's/^[[:space:]]*[Hh][Oo][Ss][Tt][Kk][Ee][Yy][[:space:]=]*"\{0,1\}\([^"[:space:]]*\).*/\1/p' "${config:-/etc/ssh/sshd_config}" /etc/ssh/sshd_config.d/*.conf 2>/dev/null)
    for f in ${named:-/etc/ssh/ssh_host_*_key}; do host_key "$f" ssh-keygen -y -P ''; done
  fi
  if [ "$by" != sshd ] && have dropbearkey; then
    for f in /etc/dropbear/dropbear_*_host_key; do [ ! -r "$f" ] || host_key "$f" dropbearkey -y; done
  fi
  files=$(printf '%s\n' "$conf" | sed -n 's/^authorizedkeysfile //p')
  authorized root root
  [ -z "$login" ] || [ "$login" = root ] || authorized login "$login"
}

authorized() { # key user
  home=$(grep "^$2:" /etc/passwd | cut -d : -f 6)
  [ -n "$home" ] || return 0
  for f in ${files:-.ssh/authorized_keys .ssh/authorized_keys2}; do
    f=$(printf '%s\n' "$f" | sed -e "s#%h#$home#g" -e "s#%u#$2#g" -e 's#%%#%#g')
    case $f in /*) ;; *) f=$home/$f ;; esac
    [ ! -r "$f" ] || grep -v '^[[:space:]]*\(#.*\)\{0,1\}$' "$f" | each "key.$1"
  done
}
