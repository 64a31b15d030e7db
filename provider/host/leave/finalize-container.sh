#!/bin/sh
# Gives the old system up in a container that runs Pine beside it, confirmed. Sent over SSH, after finalize-both.sh;
# every step can be run again.
#   config    the wrapper has no other way any more than the slots
#   remove    the old system's files go, but for what its manager reads and writes on the physical root: a manager that was told "Debian" looks
#             for that. Standard input: links to busybox for its scripts, a path a line
# shellcheck disable=SC2154 # what finalize-both.sh has
set -eu

# Nobody reads a container's filesystem behind its kernel's back.
checkpoint() { sync; }

[ -e /run/pine.cmdline ] || fail "this is no container that runs Pine"
only_confirmed /run/pine.cmdline
grep -q '^method=container$' "$record" || fail "there is no old system beside this one"
# /sbin may be a link to usr/sbin: that is what the manager starts
sbin=$(readlink -f /sysroot/sbin)
case $sbin in /sysroot/*) ;; *) fail "/sbin of the old system leads to $sbin" ;; esac
head -c 15 "$sbin/init" | grep -q '^#!/ostree/pine/' || fail "/sbin/init is not Pine's"

case ${1:-} in
  config)
    note begun
    rm -f "$sbin/init.pine-old"
    sync
    ;;
  remove)
    grep -q '^finalized=' "$record" || fail "the way back is still there"
    nothing_mounted
    # not df, which also asks other mounts
    free() { stat -f -c '%a %S' /sysroot | awk '{ print int($1 * $2 / 1024) }'; }
    before=$(free)
    take_kept
    mkdir -p /sysroot/etc/network
    # it may be a link into /usr, which is removed
    for file in os-release hostname resolv.conf; do
      if [ -L /sysroot/etc/$file ]; then
        cat "/sysroot$(readlink -f "/sysroot/etc/$file" | sed "s,^/sysroot,,")" >/sysroot/etc/$file.pine-new 2>/dev/null || : >/sysroot/etc/$file.pine-new
        mv -f /sysroot/etc/$file.pine-new /sysroot/etc/$file
      fi
    done
    for entry in /sysroot/etc/* /sysroot/etc/.[!.]*; do
      case ${entry##*/} in hostname | hosts | resolv.conf | network | debian_version | os-release | lsb-release | passwd | group | shadow | securetty) ;; *) gone "$entry" ;; esac
    done
    for entry in /sysroot/* /sysroot/.[!.]* /sysroot/..?*; do
      case $entry in
        /sysroot/ostree | /sysroot/boot | /sysroot/dev | /sysroot/proc | /sysroot/sys | /sysroot/run | /sysroot/tmp | /sysroot/etc | /sysroot/lost+found) continue ;;
        /sysroot/bin | /sysroot/lib | /sysroot/sbin | /sysroot/usr) [ ! -L "$entry" ] || continue ;;
      esac
      # what leads to the init stays
      case $sbin in
        "$entry") for f in "$entry"/* "$entry"/.[!.]*; do [ "$f" = "$sbin/init" ] || gone "$f"; done ;;
        "$entry"/*)
          for f in "$entry"/* "$entry"/.[!.]*; do
            if [ "$f" = "$sbin" ]; then
              for g in "$f"/* "$f"/.[!.]*; do [ "$g" = "$sbin/init" ] || gone "$g"; done
            else
              gone "$f"
            fi
          done
          ;;
        *) gone "$entry" ;;
      esac
    done
    # root alone, without a password; keys that the manager gives to root are those of the system that runs
    echo 'root:x:0:0:root:/root:/bin/sh' >/sysroot/etc/passwd
    echo 'root:x:0:' >/sysroot/etc/group
    (umask 077 && echo 'root:*:::::::' >/sysroot/etc/shadow)
    ln -sfn ostree/deploy/pine/var/roothome /sysroot/root
    # relative, so that they are made below the old root: its bin and lib may be links to usr/bin and usr/lib
    (
      cd /sysroot
      mkdir -p usr/bin usr/lib usr/sbin mnt
      for d in bin lib; do [ -L $d ] || mkdir -p $d; done
      while IFS= read -r path; do
        mkdir -p "${path%/*}"
        [ "$path" = "${sbin#/sysroot/}/init" ] || ln -sf /ostree/pine/busybox "$path"
      done
      for loader in /usr/lib/ld-musl-*.so.1; do ln -sf /ostree/pine/ld.so "lib/${loader##*/}"; done
      printf '#!/bin/sh\nexec /bin/sh "$@"\n' >bin/bash
      chmod 755 bin/bash
    )
    find /sysroot/boot -mindepth 1 -maxdepth 1 ! -name grub ! -name ostree ! -name 'loader*' -exec rm -rf {} +
    sync
    note 1
    echo "freed $(($(free) - before))"
    ;;
  *) exit 2 ;;
esac
