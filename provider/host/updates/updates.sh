#!/bin/sh
# A server's settings for updates; sent over SSH, after flush and prelude.
#   updates.sh set      standard input: the settings (settings.ts), which libexec/pine/pulling reads
#   updates.sh remove   no updates any more; what is staged goes
set -eu
umask 077
settings=/var/lib/pine/updates
service() { [ ! -x /etc/init.d/pine-updates ] || rc-service pine-updates "$1" >/dev/null 2>&1 || true; }
[ -x /usr/libexec/pine/upgrade ] || [ "$1" = remove ] || fail "this image is of a Pine that pulls no updates: build its Rootfs again"
case $1 in
  set)
    mkdir -p "${settings%/*}"
    whole $settings
    # the next look is soon: the mirror may be another one
    [ ! -e /var/lib/pine/pull/state ] || { grep -v '^\(next\|failures\|problem\|window_end\)=' /var/lib/pine/pull/state || true; } | whole /var/lib/pine/pull/state
    service restart
    ;;
  remove)
    service stop
    rm -f $settings
    [ ! -x /usr/libexec/pine/pull ] || /usr/libexec/pine/pull drop "updates were switched off" || true
    ;;
  *) exit 2 ;;
esac
