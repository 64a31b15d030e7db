#!/bin/sh
# Gives another deployment what connections to a server depend on: the same SSH host keys, in the form that its SSH
# server reads, and the same port. Runs on an old system (dash), on Pine and in the RAM system (busybox). Sent over SSH;
# it changes nothing in the running system.
#
#   hostkeys.sh FOLDER none|some PORTS [FILE TYPE BASE64]…   FOLDER: of the deployment; none: a running system without a key is no error;
#           PORTS: "22", "22 2222"; then each key: its file, as facts found it, and its public half. Without them the keys of the running
#           system's own server are meant. Prints how many were kept
#
# A system of ours has an SSH server when its service is in the default runlevel and its program is there. Every key is
# checked before any is put in its place.
set -eu
umask 077
root=$1 none=$2 ports=$3
shift 3
running=${PINE_RUNNING:-} # for tests: where the running system lies
work=$root/etc/.pine-hostkeys
mark="pine: where this server's connections come in"

# Whether a path is there. Links may be absolute: they are not followed from here.
there() { [ -e "$1" ] || [ -L "$1" ]; }
serves() { there "$1/etc/runlevels/default/$2" && there "$1/usr/sbin/$2"; } # root dropbear|sshd

# Where a host key lies.
place() { # root openssh|dropbear type
  case $2 in
    openssh) echo "$1/etc/ssh/ssh_host_$3_key" ;;
    dropbear) echo "$1/etc/dropbear/dropbear_$3_host_key" ;;
  esac
}

# Runs a program with the deployment as its root, and with /dev: none of them starts without /dev/null or urandom.
inside() { # program…
  # shellcheck disable=SC2016
  unshare -m sh -c '
    root=$1; shift
    mount --make-rprivate / && mount --rbind /dev "$root/dev" || exit 1
    exec chroot "$root" "$@"' sh "$root" "$@"
}

# prints "TYPE BASE64" of a key, from the first line that has it
words() { sed -n '/^\(ssh\|ecdsa\)-/p' | head -n 1 | cut -d' ' -f1,2; }

# Which server's form a private key has.
form_of() { if head -c 5 "$1" | grep -q -e '^-----'; then echo openssh; else echo dropbear; fi; }

# Prints the public half of a key, as the running system's own programs say it.
public_of() { # file
  case $(form_of "$1") in
    dropbear) dropbearkey -y -f "$1" | words ;;
    openssh) ssh-keygen -y -P '' -f "$1" 2>/dev/null </dev/null | words ;;
  esac
}

# Prints the same of a key in $work, as the deployment's own programs say it.
came_out() { # openssh|dropbear file
  case $1 in
    dropbear) inside /usr/bin/dropbearkey -y -f "/etc/.pine-hostkeys/$2" ;;
    openssh) inside /usr/bin/ssh-keygen -y -P '' -f "/etc/.pine-hostkeys/$2" ;;
  esac 2>/dev/null </dev/null | words
}

# Writes standard input to a file, all of it or nothing.
replace() { # path
  cat >"$1.pine-new"
  chmod 644 "$1.pine-new"
  mv -f "$1.pine-new" "$1"
}

# Prints the ports that a server's own settings name; none: it listens on 22.
own_ports() { # openssh|dropbear
  case $1 in
    openssh) cat "$root"/etc/ssh/sshd_config.d/*.conf "$root/etc/ssh/sshd_config" 2>/dev/null | sed -n 's/^[[:space:]]*[Pp][Oo][Rr][Tt][[:space:]=]\{1,\}\([0-9]*\).*/\1/p' ;;
    dropbear) sed '/^[[:space:]]*#/d; s/-p/\n-p/g' "$root/etc/conf.d/dropbear" 2>/dev/null | sed -n "s/^-p[[:space:]]*\([^[:space:]\"']*:\)\{0,1\}\([0-9]\{1,\}\).*/\2/p" ;;
  esac
}

# Makes the deployment's server listen where the connection comes in, besides the ports of its own settings. dropbear's
# settings are one file: the line with our mark is this server's, the rest is the commit's unless somebody else changed
# it.
listen() { # openssh|dropbear
  sshd=$root/etc/ssh/sshd_config.d/40-pine-port.conf
  file=$root/etc/conf.d/dropbear
  if [ "$1" = openssh ]; then
    rm -f "$sshd"
  elif grep -qs "$mark\$" "$file"; then
    sed "/$mark\$/d" "$file" | replace "$file"
    if cmp -s "$file" "$running/usr/etc/conf.d/dropbear" && [ -e "$root/usr/etc/conf.d/dropbear" ]; then replace "$file" <"$root/usr/etc/conf.d/dropbear"; fi
  fi
  there=$(own_ports "$1")
  more=
  for port in $ports; do
    echo "${there:-22}" | grep -qx "$port" || more="$more $port"
  done
  [ -n "$more" ] || return 0
  # beside other ports, 22 must be named too when it is asked for
  if [ -z "$there" ] && echo " $ports " | grep -q ' 22 '; then more=" 22$more"; fi
  if [ "$1" = openssh ]; then
    grep -qi '^[[:space:]]*include[[:space:]].*sshd_config\.d' "$root/etc/ssh/sshd_config" 2>/dev/null ||
      fail "the new system's sshd_config does not read sshd_config.d, so that its sshd would not listen on port$more: set that in its Rootfs"
    { echo "# $mark"; for port in $more; do echo "Port $port"; done; } | replace "$sshd"
  else
    [ -d "${file%/*}" ] || mkdir -p "${file%/*}"
    options=
    for port in $more; do options="$options -p $port"; done
    { cat "$file" 2>/dev/null || true; echo "DROPBEAR_OPTS=\"\$DROPBEAR_OPTS$options\" # $mark"; } | replace "$file"
  fi
}

if [ ! -d "$root/usr" ] || [ ! -d "$root/etc" ]; then fail "no deployment in $root"; fi
[ "$(stat -L -c %d:%i "$root")" != "$(stat -c %d:%i /)" ] || fail "the deployment in $root runs"

wanted=
if serves "$root" sshd; then wanted=openssh; fi
if serves "$root" dropbear; then wanted="dropbear $wanted"; fi
[ -n "$wanted" ] || fail "the new system would have no SSH server: neither dropbear nor sshd is in its default runlevel"
# dropbear does not check that
if [ "$wanted" = openssh ] && grep -qs '^root:!' "$root/etc/shadow"; then
  fail "root is locked in /etc/shadow, so sshd would refuse every key: set the second field of its line to *, and run it again"
fi

# no keys were named: take those of the RAM system, or of a system of ours
if [ $# -eq 0 ]; then
  have=dropbear
  # an image with dropbear alone uses dropbear's keys, whatever lies in /etc/ssh
  if ! serves "$running" dropbear || serves "$running" sshd; then
    for type in ed25519 ecdsa rsa; do [ ! -s "$(place "$running" openssh $type)" ] || have=openssh; done
  fi
  for type in ed25519 ecdsa rsa; do
    key=$(place "" $have $type)
    [ -s "$running$key" ] || continue
    public=$(public_of "$running$key")
    [ -n "$public" ] || fail "cannot read $key"
    set -- "$@" "$key" "${public% *}" "${public#* }"
  done
fi

trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM PIPE
rm -rf "$work"
mkdir "$work"
count=0
have=
while [ $# -gt 0 ]; do
  key=$running$1 public="$2 $3"
  case $2 in ssh-ed25519) type=ed25519 ;; ecdsa-*) type=ecdsa ;; ssh-rsa) type=rsa ;; *) fail "$1 is a key of type $2, which cannot be kept" ;; esac
  shift 3
  [ ! -e "$work/$type" ] || continue
  [ -s "$key" ] || fail "there is no host key $key any more"
  have=$(form_of "$key")
  cat "$key" >"$work/$type"
  for form in $wanted; do
    new=$form.$type
    if [ "$form" = "$have" ]; then
      cat "$key" >"$work/$new"
    else
      inside /usr/bin/dropbearconvert "$have" "$form" "/etc/.pine-hostkeys/$type" "/etc/.pine-hostkeys/$new" >/dev/null 2>&1 </dev/null || fail "cannot convert $key"
    fi
    [ "$(came_out "$form" "$new")" = "$public" ] || fail "$key was converted into another key"
    chmod 600 "$work/$new"
    echo "$public" >"$work/$new.pub"
    chmod 644 "$work/$new.pub"
  done
  count=$((count + 1))
done
[ $count -gt 0 ] || [ "$none" = none ] || fail "the running system has no SSH host key that could be kept"

for form in openssh dropbear; do
  case " $wanted " in *" $form "*) served=1 ;; *) served= ;; esac
  folder=$(place "$root" $form x)
  folder=${folder%/*}
  if [ -n "$served" ] && [ ! -d "$folder" ]; then
    mkdir "$folder"
    chmod 755 "$folder"
  fi
  for type in ed25519 ecdsa rsa; do
    key=$(place "$root" $form $type)
    if [ -s "$work/$form.$type" ]; then
      mv -f "$work/$form.$type" "$key"
      [ $form = dropbear ] || mv -f "$work/$form.$type.pub" "$key.pub"
    elif [ $count -gt 0 ] && { [ -z "$served" ] || [ $form != "$have" ]; }; then
      # a leftover, or a key for a server that is not there: nobody may take it for the right one
      rm -f "$key" "$key.pub"
    fi
  done
done
[ ! -d "$root/etc/dropbear" ] || chmod 700 "$root/etc/dropbear"
for form in $wanted; do listen "$form"; done
echo $count
