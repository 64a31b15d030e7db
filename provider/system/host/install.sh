#!/bin/sh
# Puts a Pine sysroot beside the running system of a server (Debian, Ubuntu). A step a call; every step can be run again.
# Sent over SSH; needs sh, tar, gzip or zstd, dd, fsfreeze. Nothing of the old system is changed but GRUB's custom.cfg, or /sbin/init.
#
#   begin ID STACK URN METHOD CREATED OLD [BOOT FOLDER]   writes the installation record, removes what a half-made install left;
#             BOOT: TYPE:UUID=... of /boot where it is a filesystem of its own; FOLDER: of the slots, where GRUB cannot write to /boot
#   receive zstd|gzip                         unpacks the sysroot from standard input to /.pine-new
#   place DEPLOYMENT                          moves it to its place
#   put DEPLOYMENT PATH MODE OWNER            a file of the new system, from standard input
#   fstab DEPLOYMENT                          lines for /etc/fstab, from standard input
#   boot NAME                                 a file of boot/grub/pine, from standard input
#   grub                                      GRUB's custom.cfg sources ours, last of all
#   init                                      in a container: its init is our wrapper, which starts what the slots say; the old one is kept
set -eu
umask 022
dir=/boot/grub/pine
custom=/boot/grub/custom.cfg
stateroot=/ostree/deploy/pine

fail() {
  echo "pine: $*" >&2
  exit 1
}

# Standard input to a file that is either the old or the new one, whole.
replace() { # path mode
  cat >"$1.pine-new"
  chmod "$2" "$1.pine-new"
  sync "$1.pine-new" 2>/dev/null || sync
  mv -f "$1.pine-new" "$1"
}

# Runs shell text in the root filesystem as it is, without what is mounted on it: /boot may be another one.
bare() { # text arguments...
  mkdir -p /run/pine-root
  text=$1
  shift
  unshare -m sh -euc "mount --make-rprivate / && mount --bind / /run/pine-root && cd /run/pine-root || exit 1
$text" sh "$@"
}

# A container's init is the old system's again, before anything that ours needs goes.
old_init() {
  if [ ! -e /sbin/init.pine-old ] && [ ! -L /sbin/init.pine-old ]; then return 0; fi
  if head -c 15 /sbin/init | grep -q '^#!/ostree/pine/'; then mv -fT /sbin/init.pine-old /sbin/init; else rm -f /sbin/init.pine-old; fi
  sync
}

clear_old() {
  [ ! -e /run/ostree-booted ] || fail "this server runs Pine already"
  # names no slot before anything that it named goes; in place, since GRUB may see a folder as it was
  if [ -s $dir/env ]; then
    { printf '# GRUB Environment Block\n'; head -c 1024 /dev/zero | tr '\0' '#'; } | head -c 1024 | dd of=$dir/env bs=1024 conv=notrunc,fsync 2>/dev/null
    rm -f $dir/env
    sync
  fi
  rm -f $dir/a.cfg $dir/b.cfg
  old_init
  chattr -i $stateroot/deploy/*.? 2>/dev/null || true
  # what an earlier installation kept in /var is kept over a reinstall
  if [ -e $stateroot/var/.pine-factory ] && [ ! -e /.pine-var ]; then mv $stateroot/var /.pine-var; fi
  bare 'rm -rf .pine-new ostree boot/ostree boot/loader boot/loader.0 boot/loader.1; [ ! -L boot/boot ] || rm -f boot/boot'
}

# Runs a program with a deployment as its root and the shared /var, in a mount namespace that ends with it.
within() { # deployment program…
  deployment=$1
  shift
  # shellcheck disable=SC2016
  unshare -m sh -c '
    root=$1; var=$2; shift 2
    mount --make-rprivate / && mount --bind "$root" "$root" && mount --bind "$var" "$root/var" && mount --bind /dev "$root/dev" || exit 1
    exec chroot "$root" "$@"' sh "$stateroot/deploy/$deployment" "$stateroot/var" "$@"
}

factory() { within "$1" /usr/libexec/pine/factory "$1"; }

case $1 in
  begin)
    # of an installation before this one, elsewhere
    if [ -e $dir ] && [ "$(readlink -f $dir)" != "${9:-$dir}" ]; then rm -rf "$(readlink -f $dir)" $dir; fi
    mkdir -p "${9:-$dir}"
    [ -e $dir ] || ln -s "$9" $dir
    clear_old
    {
      printf 'id=%s\nstack=%s\nurn=%s\nmethod=%s\ncreated=%s\nold=%s\n' "$2" "$3" "$4" "$5" "$6" "$7"
      [ -z "${8:-}" ] || printf 'boot=%s\n' "$8"
    } | replace $dir/install 644
    sync
    ;;
  receive)
    rm -rf /.pine-new
    mkdir -m 700 /.pine-new
    # a connection that is cut leaves nothing behind
    trap 'rm -rf /.pine-new' HUP INT TERM PIPE
    # file capabilities; busybox' tar knows none
    case $(tar --help 2>&1) in *xattrs-include*) xattrs="--xattrs --xattrs-include=security.capability" ;; *) xattrs= ;; esac
    # shellcheck disable=SC2086 # a list of words
    case $2 in
      zstd) { zstd -dc || echo "$?" >/.pine-new/.failed; } | tar -xpf - --numeric-owner $xattrs -C /.pine-new || fail "cannot unpack the sysroot" ;;
      gzip) { gzip -dc || echo "$?" >/.pine-new/.failed; } | tar -xpf - --numeric-owner $xattrs -C /.pine-new || fail "cannot unpack the sysroot" ;;
      *) fail "format $2" ;;
    esac
    if [ -e /.pine-new/.failed ]; then
      rm -rf /.pine-new
      fail "the sysroot did not arrive whole"
    fi
    sync
    ;;
  place)
    [ -d "/.pine-new$stateroot/deploy/$2/usr" ] || fail "the sysroot has no deployment $2"
    [ ! -e /ostree ] || fail "/ostree is there already"
    # grub/pine: where the new system mounts the slots when they are elsewhere
    # shellcheck disable=SC2016
    bare 'mkdir -p boot/grub/pine
      mv .pine-new/ostree ostree
      mv .pine-new/boot/ostree boot/ostree
      for entry in .pine-new/boot/loader*; do mv "$entry" boot/; done
      rm -rf .pine-new'
    if [ -e /.pine-var ]; then
      rm -rf "${stateroot:?}/var"
      mv /.pine-var $stateroot/var
    fi
    factory "$2"
    sync
    ;;
  put)
    root=$stateroot/deploy/$2
    [ -d "$root/usr" ] || fail "no deployment $2"
    # through the deployment's own links (/root -> var/roothome)
    # shellcheck disable=SC2016
    within "$2" /bin/sh -c '
      set -eu
      umask 077
      mkdir -p "${1%/*}"
      cat >"$1.pine-new"
      chown "$3" "$1.pine-new"
      chmod "$2" "$1.pine-new"
      mv -f "$1.pine-new" "$1"' sh "$3" "$4" "$5"
    ;;
  fstab)
    file=$stateroot/deploy/$2/etc/fstab
    { cat "$file"; cat; } | replace "$file" 644
    ;;
  boot)
    case $2 in grub.cfg | a.cfg | b.cfg | env) ;; *) fail "name $2" ;; esac
    replace "$dir/$2" 644
    ;;
  init)
    # what the container's manager wrote here: its changes from now on count in the new system, too
    mkdir -p /ostree/pine/host
    for f in hostname resolv.conf network/interfaces; do
      if [ -f "/etc/$f" ] && [ ! -L "/etc/$f" ]; then cp "/etc/$f" "/ostree/pine/host/${f##*/}"; fi
    done
    head -c 15 /ostree/pine/init | grep -q '^#!/ostree/pine/' || fail "the sysroot has no init for containers"
    for f in ld.so sh busybox; do [ -x "/ostree/pine/$f" ] || fail "the sysroot has no /ostree/pine/$f"; done
    # a link is kept as one
    rm -f /sbin/.init.pine
    cp -P /sbin/init /sbin/.init.pine
    mv -fT /sbin/.init.pine /sbin/init.pine-old
    cp /ostree/pine/init /sbin/.init.pine
    chmod 755 /sbin/.init.pine
    sync
    mv -fT /sbin/.init.pine /sbin/init
    sync
    ;;
  grub)
    if [ ! -e $custom ]; then
      cat | replace $custom 644
    else
      # as it was, to be given back
      grep -q '^# >>> pine$' $custom || cp -p $custom $custom.pine-old
      {
        sed '/^# >>> pine$/,/^# <<< pine$/d' $custom
        # its last line may have no end
        [ -z "$(tail -c 1 $custom)" ] || echo
        cat
      } | replace $custom "$(stat -c %a $custom)"
    fi
    sync
    ;;
  *)
    sed -n '2,/^set/s/^# \{0,1\}//p' "$0"
    exit 2
    ;;
esac
