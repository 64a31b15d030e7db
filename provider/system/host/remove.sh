#!/bin/sh
# Removes Pine from a server that runs its old system again. Sent over SSH.
#   remove.sh ID [deleteData]      keeps Pine's /var in /var/lib/pine/ID unless deleteData is given
set -eu
dir=/boot/grub/pine
custom=/boot/grub/custom.cfg

fail() {
  echo "pine: $*" >&2
  exit 1
}

[ ! -e /run/ostree-booted ] || fail "Pine runs, not the old system"
if [ -s $dir/install ]; then
  [ "$(sed -n 's/^id=//p' $dir/install)" = "$1" ] || fail "another installation is on this server"
elif [ ! -e /ostree ]; then
  exit 0
fi
# first the way in, then what it leads to
if [ -e $custom ]; then
  sed '/^# >>> pine$/,/^# <<< pine$/d' $custom >$custom.pine-new
  if [ -s $custom.pine-new ]; then
    chmod "$(stat -c %a $custom)" $custom.pine-new
    sync
    mv -f $custom.pine-new $custom
  else
    rm -f $custom.pine-new $custom
  fi
  sync
fi
var=/ostree/deploy/pine/var
if [ "${2:-}" != deleteData ] && [ -d $var ]; then
  mkdir -p "/var/lib/pine/$1"
  chmod 700 /var/lib/pine "/var/lib/pine/$1"
  rm -rf "/var/lib/pine/$1/var"
  mv $var "/var/lib/pine/$1/var"
  echo "/var/lib/pine/$1/var"
fi
if [ -d /ostree/deploy/pine/deploy ]; then
  for deployment in /ostree/deploy/pine/deploy/*/; do chattr -i "$deployment" 2>/dev/null || true; done
fi
rm -rf /.pine-new /.pine-var /ostree /boot/ostree /boot/loader /boot/loader.0 /boot/loader.1 $dir
[ ! -L /boot/boot ] || rm -f /boot/boot
sync
