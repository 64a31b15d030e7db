#!/bin/sh
# What an update does to a server that runs Pine. Sent over SSH.
#   receive SHA256 CHECKSUM    a static delta from standard input into the repository
#   write PATH MODE OWNER      a file of the running system, from standard input
#   write-in DEPLOYMENT PATH MODE OWNER   a file of /etc of a deployment that does not run
#   remove PATH                a file that Pine put there before
#   adopt ID                   gives the installation a new id: another resource has it now
set -eu
work=/var/tmp/pine

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
    root=/sysroot/ostree/deploy/pine/deploy/$2
    [ -d "$root/etc" ] || fail "no deployment $2"
    case $3 in /etc/*) put "$root$3" "$4" "$5" ;; *) fail "$3 is not in /etc" ;; esac
    ;;
  remove) rm -f "$2" ;;
  adopt)
    sed "s/^id=.*/id=$2/" /boot/grub/pine/install >/boot/grub/pine/install.pine-new
    sync
    mv -f /boot/grub/pine/install.pine-new /boot/grub/pine/install
    ;;
  *) exit 2 ;;
esac
