#!/bin/sh
# The part of facts.sh about a container and Pine; facts.sh has the other functions. Sent before it, as one script
# (host/facts/facts.ts).
line=

container() {
  said=$(container_names)
  [ -n "$said" ] || return 0
  printf '%s\n' "$said"
  # the number of the first PID namespace (PROC_PID_INIT_INO of the kernel's proc_ns.h); before Linux 3.8 the kernel's
  # threads, which no other one shows
  case $(readlink /proc/self/ns/pid) in
    'pid:[4026531836]') put container.pid first ;;
    pid:*) put container.pid own ;;
    *) ! grep -qs '^Name:.kthreadd$' /proc/2/status || put container.pid first ;;
  esac
  each container.user </proc/self/uid_map
  if [ "$(id -u)" = 0 ]; then rights; fi
}

container_names() {
  if [ -d /proc/vz ] && [ ! -d /proc/bc ]; then put container openvz; fi
  get /run/systemd/container
  put container "$line"
  if [ -r /proc/1/environ ]; then
    { tr '\0' '\n' </proc/1/environ; } 2>/dev/null | sed -n 's/^container=//p' | each container
  fi
  [ ! -e /.dockerenv ] || put container docker
  [ ! -e /run/.containerenv ] || put container podman
  # exit code 1 and "none" where there is none
  if have systemd-detect-virt && line=$(systemd-detect-virt -c 2>/dev/null); then put container "$line"; fi
  sed -n 's#.*/\(lxc\|docker\|kubepods\)[/.-].*#\1#p' /proc/1/cgroup 2>/dev/null | head -n 1 | each container
  # Pine's own init wrote this
  [ ! -e /run/pine.cmdline ] || put container unknown
}

# Tries whether what system/container/init does is allowed here: the same mounts, in a temporary mount namespace.
rights() {
  have unshare || { put container.no unshare; return 0; }
  # shellcheck disable=SC2016
  unshare -m sh -c '
    no() { echo "container.no=$1"; }
    mount --make-rprivate / 2>/dev/null
    mount -t tmpfs -o mode=755 tmpfs /run || { no tmpfs; exit; }
    mkdir /run/root
    mount --bind / /run/root && cd /run/root || { no bind; exit; }
    mount --bind usr usr || { no bind; exit; }
    if ! mount -o remount,bind,ro usr 2>/dev/null; then
      flags=
      while read -r _ _ _ _ point options _; do [ "$point" != /run/root/usr ] || flags=$options; done </proc/self/mountinfo
      mount -o "remount,bind,$flags,ro" usr || no readonly
    fi
    for m in dev proc sys; do mount --rbind /$m $m || no "$m"; done
    chroot . /bin/true || no chroot
    pivot_root . run 2>/dev/null || echo container.chroot=1
  ' 2>/dev/null || put container.no namespace
}

pine() {
  get /run/pine.cmdline
  put pine.cmdline "$line"
  dir=/boot/grub/pine
  [ -d $dir ] || dir=/sysroot/boot/grub/pine
  [ ! -r $dir/install ] || each pine.install <$dir/install
  [ ! -r $dir/env ] || grep '^pine_' $dir/env | each pine.env
  words=/proc/cmdline
  [ ! -e /run/pine.cmdline ] || words=/run/pine.cmdline
  slot=$(tr ' ' '\n' 2>/dev/null <$words | sed -n 's/^pine\.slot=\([ab]\)$/\1/p' | tail -n 1)
  [ -z "$slot" ] || [ ! -r "$dir/$slot.cfg" ] || sed -n 's/^set pine_options="\(.*\)"$/\1/p' "$dir/$slot.cfg" | each pine.options
  case $(readlink /boot/loader) in
    loader.[01]) ;;
    *) if [ -e /boot/loader ] || [ -L /boot/loader ]; then put boot.loader other; fi ;;
  esac
  # also of an installation that fell back (trust.sh)
  for f in /var /ostree/deploy/pine/var /.pine-var; do
    [ -r "$f/lib/pine/trust/manifest" ] || continue
    each pine.trust <"$f/lib/pine/trust/manifest"
    break
  done
  # what a person told the running system (libexec/pine/trials, sbin/pine)
  for f in hold refused turn.without; do
    [ ! -r /var/lib/pine/$f ] || [ ! -e /run/ostree-booted ] || each pine.$f </var/lib/pine/$f
  done
  # whoever made the file by hand holds it, too
  f=/var/lib/pine/hold
  [ ! -e $f ] || [ -s $f ] || [ ! -e /run/ostree-booted ] || put pine.hold "since=$(date -u -r $f +%Y-%m-%dT%H:%M:%SZ)"
  # its last look at its own health
  [ ! -r /run/pine.health ] || sed -n 's/^\([^ =]*\) red [^ ]* /\1: /p' /run/pine.health | cut -c 1-250 | each pine.red
  # its settings may hold a password
  if [ -r /var/lib/pine/updates ] && [ -e /run/ostree-booted ]; then
    put pine.updates "$(sha256sum </var/lib/pine/updates | cut -d ' ' -f 1)"
    [ ! -r /var/lib/pine/pull/state ] || each pine.pull </var/lib/pine/pull/state
    [ ! -r /var/lib/pine/pull/staged.commit ] || each pine.staged </var/lib/pine/pull/staged.commit
  fi
  for f in /sysroot/ostree/deploy/*/deploy/*.[0-9] /ostree/deploy/*/deploy/*.[0-9]; do
    [ ! -d "$f" ] || put pine.deployment "$f"
  done
  # the RAM system of an overwrite
  for f in install plan image blocks verified finished; do
    [ ! -r /run/pine-ram/$f ] || each "pine.ram.$f" <"/run/pine-ram/$f"
  done
  for f in /.pine-new /.pine-var /ostree /boot/ostree /boot/loader /boot/boot; do [ ! -e $f ] || put pine.leftover $f; done
}
