#!/bin/sh
# What an update does to a server that runs Pine. Sent over SSH.
#   receive SHA256 CHECKSUM    a static delta from standard input into the repository
#   write PATH MODE OWNER      a file of the running system, from standard input
#   write-in DEPLOYMENT PATH MODE OWNER   a file of /etc of a deployment that does not run
#   remove PATH                a file that Pine put there before
#   adopt ID STACK URN [fresh] the installation's record names another resource: it has it from now on; fresh: to be reinstalled
#   done                       the record says that the operation which made it has ended
#   fresh DEPLOYMENT           /etc of a deployment that does not run as its commit has it, with the name, network and SSH host keys
#                              of the running system
set -eu
work=/var/tmp/pine
record=/boot/grub/pine/install
deployments=/sysroot/ostree/deploy/pine/deploy

fail() {
  echo "pine: $*" >&2
  exit 1
}

put() { # path mode owner
  umask 077
  mkdir -p "${1%/*}"
  cat >"$1.pine-new"
  chown "$3" "$1.pine-new"
  chmod "$2" "$1.pine-new"
  mv -f "$1.pine-new" "$1"
}

# Standard input to a file that is either the old or the new one, whole.
whole() { # path
  cat >"$1.pine-new"
  sync
  mv -f "$1.pine-new" "$1"
}

case $1 in
  receive)
    rm -rf $work
    mkdir -p $work
    chmod 700 $work
    trap 'rm -rf $work' EXIT
    trap 'exit 1' HUP INT TERM PIPE
    cat >$work/delta
    [ "$(sha256sum $work/delta | cut -d' ' -f1)" = "$2" ] || fail "the delta did not arrive whole"
    ostree static-delta apply-offline $work/delta
    ostree show "$3" >/dev/null 2>&1 || fail "the delta does not hold commit $3"
    ;;
  write) put "$2" "$3" "$4" ;;
  write-in)
    root=$deployments/$2
    [ -d "$root/etc" ] || fail "no deployment $2"
    case $3 in /etc/*) put "$root$3" "$4" "$5" ;; *) fail "$3 is not in /etc" ;; esac
    ;;
  remove) rm -f "$2" ;;
  adopt)
    {
      printf 'id=%s\nstack=%s\nurn=%s\n' "$2" "$3" "$4"
      [ -z "${5:-}" ] || echo fresh=1
      grep -v '^\(id\|stack\|urn\|fresh\|done\)=' $record
    } | whole $record
    ;;
  done)
    [ -e $record ] || exit 0
    grep -q '^done=' $record || { grep -v '^fresh=' $record; echo done=1; } | whole $record
    ;;
  fresh)
    root=$deployments/$2
    [ -d "$root/usr/etc" ] || fail "no deployment $2"
    ! grep -q "ostree=[^ ]*/$2\( \|$\)" /proc/cmdline || fail "deployment $2 runs"
    find "$root/etc" -mindepth 1 -delete
    cp -a "$root/usr/etc/." "$root/etc/"
    mkdir -p "$root/etc/network"
    for kept in hostname hosts mactab resolv.conf network/interfaces dropbear; do
      if [ -e "/etc/$kept" ] || [ -L "/etc/$kept" ]; then
        rm -rf "${root:?}/etc/$kept"
        cp -a "/etc/$kept" "$root/etc/$kept"
      fi
    done
    ls "$root"/etc/dropbear/*_host_key >/dev/null || fail "no SSH host key"
    ;;
  *) exit 2 ;;
esac
