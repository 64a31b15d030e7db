#!/bin/sh
# The logins' part of facts.sh, which has the other functions and what the keys are: sent before it, as one script (host/facts.ts).
# shellcheck disable=SC2154 # login
line=

# Which SSH server this connection came through, and the configuration that its first process was given.
came_by() {
  by='' config='' pid=$$
  while [ "${pid:-1}" -gt 1 ]; do
    get "/proc/$pid/comm"
    case $line in
      dropbear*) by=dropbear ;;
      sshd*)
        by=sshd
        config=$({ tr '\0' ' ' <"/proc/$pid/cmdline"; } 2>/dev/null | sed -n 's/.* -f *\([^ ]*\).*/\1/p')
        ;;
    esac
    pid=$(sed -n 's/^PPid:[^0-9]*//p' "/proc/$pid/status" 2>/dev/null)
  done
}

# One host key: made from the private half, which is what is kept. Of one that only an agent or a passphrase opens there is no path.
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
    # what sshd itself says, else its files, else its defaults
    conf=$(sshd -T ${config:+-f "$config"} 2>/dev/null)
    printf '%s\n' "$conf" | grep -E '^(port|listenaddress|(allow|deny)(users|groups)|authenticationmethods) ' | each sshd
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
