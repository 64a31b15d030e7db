#!/bin/sh
# The running system's SSH host keys for another deployment, in the form that its SSH server reads: the same keys, whatever server had
# them. Runs on an old system (dash), on Pine and in the RAM system (busybox). Sent over SSH; of the running system nothing is changed.
#
#   hostkeys.sh FOLDER [none]   FOLDER: of the deployment; none: a running system without a key is no error. Prints how many were kept
#
# Which SSH server a system of ours has is seen in itself: its service is in the default runlevel, and its program is there. Every key
# came out right before any is put in its place.
set -eu
umask 077
root=$1
running=${PINE_RUNNING:-} # for tests: where the running system lies
work=$root/etc/.pine-hostkeys

fail() {
  echo "pine: $*" >&2
  exit 1
}

# Links may be absolute: they are not followed from here.
there() { [ -e "$1" ] || [ -L "$1" ]; }
serves() { there "$1/etc/runlevels/default/$2" && there "$1/usr/sbin/$2"; } # root dropbear|sshd

# Where a host key lies.
place() { # root openssh|dropbear type
  case $2 in
    openssh) echo "$1/etc/ssh/ssh_host_$3_key" ;;
    dropbear) echo "$1/etc/dropbear/dropbear_$3_host_key" ;;
  esac
}

# Runs a program with the deployment as its root; /dev, for none of them starts without /dev/null or urandom.
inside() { # program…
  # shellcheck disable=SC2016
  unshare -m sh -c '
    root=$1; shift
    mount --make-rprivate / && mount --rbind /dev "$root/dev" || exit 1
    exec chroot "$root" "$@"' sh "$root" "$@"
}

# "TYPE BASE64" of a key; of several lines that say it
words() { sed -n '/^\(ssh\|ecdsa\)-/p' | head -n 1 | cut -d' ' -f1,2; }

# What the running system's own programs say; a key that only an agent can open says nothing, the file beside it does.
public_of() { # file
  case $have in
    dropbear) dropbearkey -y -f "$1" | words ;;
    openssh)
      said=$(ssh-keygen -y -P '' -f "$1" 2>/dev/null </dev/null | words)
      if [ -n "$said" ] || [ ! -r "$1.pub" ]; then echo "$said"; else words <"$1.pub"; fi
      ;;
  esac
}

# What the deployment's own programs say of a key in $work.
came_out() { # openssh|dropbear file
  case $1 in
    dropbear) inside /usr/bin/dropbearkey -y -f "/etc/.pine-hostkeys/$2" ;;
    openssh) inside /usr/bin/ssh-keygen -y -P '' -f "/etc/.pine-hostkeys/$2" ;;
  esac 2>/dev/null </dev/null | words
}

if [ ! -d "$root/usr" ] || [ ! -d "$root/etc" ]; then fail "no deployment in $root"; fi
[ "$(stat -L -c %d:%i "$root")" != "$(stat -c %d:%i /)" ] || fail "the deployment in $root runs"

wanted=
if serves "$root" sshd; then wanted=openssh; fi
if serves "$root" dropbear; then wanted="dropbear $wanted"; fi
[ -n "$wanted" ] || fail "the new system would have no SSH server: neither dropbear nor sshd is in its default runlevel"
# dropbear does not look at that
if [ "$wanted" = openssh ] && grep -qs '^root:!' "$root/etc/shadow"; then
  fail "root is locked in /etc/shadow, so sshd would refuse every key: let the second field of its line be *, and run it again"
fi

# of an image with dropbear alone, whatever lies in /etc/ssh
have=dropbear
if ! serves "$running" dropbear || serves "$running" sshd; then
  for type in ed25519 ecdsa rsa; do [ ! -s "$(place "$running" openssh $type)" ] || have=openssh; done
fi

trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM PIPE
rm -rf "$work"
mkdir "$work"
count=0
for type in ed25519 ecdsa rsa; do
  key=$(place "$running" $have $type)
  [ -s "$key" ] || continue
  public=$(public_of "$key")
  [ -n "$public" ] || fail "cannot read $key"
  cat "$key" >"$work/$type"
  for form in $wanted; do
    new=$form.$type
    if [ "$form" = $have ]; then
      cat "$key" >"$work/$new"
    else
      inside /usr/bin/dropbearconvert $have "$form" "/etc/.pine-hostkeys/$type" "/etc/.pine-hostkeys/$new" >/dev/null 2>&1 </dev/null || fail "cannot convert $key"
    fi
    [ "$(came_out "$form" "$new")" = "$public" ] || fail "$key came out as another key"
    chmod 600 "$work/$new"
    echo "$public" >"$work/$new.pub"
    chmod 644 "$work/$new.pub"
  done
  count=$((count + 1))
done
[ $count -gt 0 ] || [ "${2:-}" = none ] || fail "the running system has no SSH host key that could be kept"

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
    elif [ $count -gt 0 ] && { [ -z "$served" ] || [ $form != $have ]; }; then
      # left from another time, or for a server that is not there: not to be taken for the keys
      rm -f "$key" "$key.pub"
    fi
  done
done
[ ! -d "$root/etc/dropbear" ] || chmod 700 "$root/etc/dropbear"
echo $count
