#!/bin/sh
# Puts a Pine sysroot beside the running system of a server (Debian, Ubuntu), one step per call. Sent over SSH, after
# parts.sh and beside.sh; needs sh, tar, gzip or zstd, dd, sha256sum, fsfreeze. It changes nothing of the old system
# except GRUB's custom.cfg or /sbin/init.
#
#   begin ID STACK URN METHOD CREATED OLD [BOOT FOLDER]   writes the installation record, removes what a half-made install left;
#             BOOT: TYPE:UUID=... of /boot where it is a filesystem of its own; FOLDER: of the slots, where GRUB cannot write to /boot
#   part SHA256 BYTES [KIB]                   prints what is there of the sysroot's archive (parts.sh); "straight": there is no room for it beside the system
#   receive SHA256 BYTES FROM zstd|gzip [KIB] the archive from byte FROM on, from standard input; unpacks the sysroot, that takes so much room, to
#             /.pine-new. FROM -: all of it, unpacked as it comes
#   place DEPLOYMENT                          moves it to its place, with the /var that an installation before this one had
#   put DEPLOYMENT PATH MODE OWNER            a file of the new system, from standard input
#   fstab DEPLOYMENT                          lines for /etc/fstab, from standard input
#   boot NAME [DEPLOYMENT]                    a file of boot/grub/pine, from standard input; a slot's with this deployment's boot part
#   grub                                      GRUB's custom.cfg sources ours, last of all
#   forget                                    the archive goes: all is in its place
#   init                                      in a container: its init is our wrapper, which starts what the slots say; the old one is kept
#   clear                                     all of it goes again, but for the record
# shellcheck disable=SC2154 # what beside.sh has
set -eu

# Free KiB and inodes where a path lies.
room() { # path
  for what in -k -i; do df -P $what "$1" 2>/dev/null | { read -r _ && read -r _ _ _ n _ && echo "$n"; } || echo '?'; done | tr '\n' ' ' | sed 's/\([^ ]*\) \([^ ]*\) /\1 KiB and \2 inodes are free there/'
}

# Writes standard input to a file, whole. Not all is flushed: an old system may have much that waits for its disk.
replace() { # path mode
  whole "$1" "$2" only || fail "cannot write $1: $(room "${1%/*}")"
}

# Runs a program with a deployment as its root and the given /var. The mount namespace ends with the program.
within() { # deployment var program…
  # shellcheck disable=SC2016
  unshare -m sh -c '
    root=$1; var=$2; shift 2
    mount --make-rprivate / && mount --bind "$root" "$root" && mount --bind "$var" "$root/var" && mount --bind /dev "$root/dev" || exit 1
    exec chroot "$root" "$@"' sh "$@"
}

# The id of the installation that owns the data for the next placing.
owner() { of=$(noted var) && echo "${of:-$(noted id)}"; }

# Runs a command when a step ends early.
on_failure() { # command
  # shellcheck disable=SC2064 # as it is now
  trap "$1" EXIT
  trap 'exit 1' HUP INT TERM PIPE
}

# held until the script ends (parts.sh)
exec 8>>"$receiving"
case $1 in
  begin)
    bare '[ ! -e boot/loader ] || [ -L boot/loader ]' || fail "/boot/loader belongs to the old system: move it away if nothing boots with it"
    [ ! -e /run/ostree-booted ] || fail "this server runs Pine already"
    # without a record nothing of ours is here; boot/boot -> . may also be an old link of GRUB's
    own=$(noted link)
    if [ ! -s "$record" ]; then
      # shellcheck disable=SC2016
      there=$(bare 'for f in ostree boot/ostree boot/loader boot/loader.0 boot/loader.1; do
        if [ -e $f ] || [ -L $f ]; then echo "/$f"; fi
      done' | tr '\n' ' ')
      [ -z "$there" ] || fail "${there% }: Pine did not make that, move it away if nothing uses it"
      own=$(bare '[ ! -L boot/boot ] || echo 1')
    fi
    alone
    of=$(owner)
    : "${of:=$2}"
    clear_away "$of"
    # left by an earlier installation in another folder
    if [ -e "$dir" ] && [ "$(readlink -f "$dir")" != "${9:-$dir}" ]; then rm -rf "$(readlink -f "$dir")" "$dir"; fi
    mkdir -p "${9:-$dir}"
    [ -e "$dir" ] || ln -sfn "$9" "$dir"
    {
      printf 'id=%s\nstack=%s\nurn=%s\nmethod=%s\ncreated=%s\nold=%s\n' "$2" "$3" "$4" "$5" "$6" "$7"
      [ -z "${8:-}" ] || printf 'boot=%s\n' "$8"
      [ "$of" = "$2" ] || printf 'var=%s\n' "$of"
      [ -z "$own" ] || echo link=1
    } | replace "$record" 644
    sync
    ;;
  part)
    # a tenth more, since this is the old system's disk
    part "$parts" "$2" "$3" $((${4:-0} * 11 / 10))
    [ "$missing" -le 0 ] || echo straight
    ;;
  receive)
    format=$5 kib=${6:-0}
    case $format in zstd | gzip) ;; *) fail "format $format" ;; esac
    alone
    rm -rf /.pine-new
    if [ "$4" != - ]; then
      arrive "$parts" "$2" "$3" "$4" "the sysroot"
      exec <"./$2"
      cd /
    fi
    on_failure 'rm -rf /.pine-new /run/pine.tar'
    enough() { # nothing where that is so
      free=$(df -kP / | { read -r _ && read -r _ _ _ n _ && echo "$n"; })
      [ "$1" -le "$free" ] || fail "the root file system is too full: $free KiB are free, the system takes $1 KiB, so $(($1 - free)) KiB are missing"
    }
    enough "$kib"
    mkdir -m 700 /.pine-new
    # keep file capabilities; busybox' tar does not know them
    case $(tar --help 2>&1) in *xattrs-include*) xattrs="--xattrs --xattrs-include=security.capability" ;; *) xattrs= ;; esac
    # shellcheck disable=SC2086 # a list of words
    if ! { "$format" -dc || echo "$?" >/.pine-new/.failed; } | LC_ALL=C tar -xpf - --numeric-owner $xattrs -C /.pine-new 2>/run/pine.tar; then
      rm -rf /.pine-new
      why=$(grep 'No space left\|quota' /run/pine.tar || tail -n 3 /run/pine.tar)
      case $why in
        *'No space left'*)
          rm -rf "$parts"
          enough "$kib"
          ;;
      esac
      fail "cannot unpack the sysroot: $(echo "$why" | head -n 1); $(room /)"
    fi
    [ ! -e /.pine-new/.failed ] || fail "the sysroot did not arrive whole"
    sync
    trap - EXIT
    rm -f /run/pine.tar
    ;;
  place)
    new=/.pine-new$stateroot
    [ -d "$new/deploy/$2/usr" ] || fail "the sysroot has no deployment $2"
    [ ! -e /ostree ] || fail "/ostree is there already"
    data=$(kept "$(owner)" | head -n 1)
    # before anything is put in its place, so that what is there is whole
    within "$new/deploy/$2" "${data:-$new/var}" /usr/libexec/pine/factory "$2" || {
      there=$(room /)
      rm -rf /.pine-new
      fail "cannot fill /var: $there"
    }
    sync
    # grub/pine: the new system mounts the slots here when they are elsewhere. The sysroot's /var makes room for the one
    # that is kept
    # shellcheck disable=SC2016
    bare 'mkdir -p boot/grub/pine
      [ -z "$1" ] || rm -rf .pine-new/ostree/deploy/pine/var
      mv .pine-new/ostree ostree
      [ -z "$1" ] || mv ".$1" ostree/deploy/pine/var
      mv .pine-new/boot/ostree boot/ostree
      for entry in .pine-new/boot/loader*; do mv "$entry" boot/; done
      rm -rf .pine-new' "$data"
    [ -z "$data" ] || rmdir "${data%/*}" "${data%/*/*}" 2>/dev/null || true
    sync
    ;;
  put)
    root=$stateroot/deploy/$2
    [ -d "$root/usr" ] || fail "no deployment $2"
    # follows the deployment's own links (/root -> var/roothome), but no other links of an earlier /var
    within "$root" "$stateroot/var" /bin/sh -euc "$safely
put \"\$@\"" sh "$3" "$4" "$5" || fail "cannot write $3 of the new system: $(room "$stateroot/var")"
    ;;
  fstab)
    file=$stateroot/deploy/$2/etc/fstab
    { cat "$file"; cat; } | replace "$file" 644
    ;;
  boot)
    case $2 in grub.cfg | a.cfg | b.cfg | env) ;; *) fail "name $2" ;; esac
    line=
    [ -z "${3:-}" ] || line=$(bring_part "$stateroot/deploy/$3" "${3%.*}") || fail "cannot write $dir/$2: $(room "$dir")"
    { cat; [ -z "$line" ] || echo "$line"; } | replace "$dir/$2" 644
    ;;
  init)
    # files that the container's manager wrote here: its later changes count in the new system, too
    mkdir -p /ostree/pine/host
    for f in hostname resolv.conf network/interfaces; do
      if [ -f "/etc/$f" ] && [ ! -L "/etc/$f" ]; then cp "/etc/$f" "/ostree/pine/host/${f##*/}"; fi
    done
    is_ours /ostree/pine/init || fail "the sysroot has no init for containers"
    for f in ld.so sh busybox; do [ -x "/ostree/pine/$f" ] || fail "the sysroot has no /ostree/pine/$f"; done
    on_failure 'rm -f /sbin/.init.pine'
    rm -f /sbin/.init.pine
    # a link is kept as one
    if ! is_ours /sbin/init; then
      cp -P /sbin/init /sbin/.init.pine
      mv -fT /sbin/.init.pine /sbin/init.pine-old
    fi
    cp /ostree/pine/init /sbin/.init.pine
    chmod 755 /sbin/.init.pine
    sync
    mv -fT /sbin/.init.pine /sbin/init
    sync
    ;;
  grub)
    if [ ! -e "$custom" ]; then
      cat | replace "$custom" 644
    else
      # a copy as it was, for the restore
      if ! grep -q '^# >>> pine$' "$custom" && ! cp -p "$custom" "$custom.pine-old"; then
        rm -f "$custom.pine-old"
        fail "cannot write $custom.pine-old: $(room "$custom")"
      fi
      {
        sed '/^# >>> pine$/,/^# <<< pine$/d' "$custom"
        # the last line may lack its newline
        [ -z "$(tail -c 1 "$custom")" ] || echo
        cat
      } | replace "$custom" "$(stat -c %a "$custom")"
    fi
    sync
    ;;
  forget) rm -rf "$parts" ;;
  clear)
    alone
    rm -rf "$parts"
    clear_away "$(owner)"
    ;;
  *) exit 2 ;;
esac
