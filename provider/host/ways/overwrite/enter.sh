#!/bin/sh
# Leaves the running system for the RAM system. Runs on the old system, sent over SSH; needs sh, tar, mount. Everything
# lies in a tmpfs that only root can read. With kexec nothing on the disk is changed. Without it, the server's own GRUB
# boots the RAM system once, or systemd's shutdown stops and unmounts everything and leaves the running kernel to it.
#
#   begin                  an empty folder in memory
#   receive                vmlinuz, initramfs.img and tools/ from standard input (tar)
#   hostkeys [FILE TYPE BASE64]…   the server's SSH host keys, for this system's dropbear: their files, as facts found them, and public halves
#   put PATH MODE          a file of the RAM system, from standard input
#   load ARGUMENTS         packs what is this server's own, loads the kernel
#   go                     jumps; the connection is lost
#   stage SLOT             instead of both: everything into /boot/pine-ram, and the slot file from standard input
#   unpack MODULE…         instead of both: the RAM system where systemd's shutdown looks for it, on a kernel that has these modules loaded
#   leave                  shuts down into it; the connection is lost
#   end                    forgets everything
set -eu
umask 077
work=/run/pine-enter
staged=/boot/pine-ram
handed=/run/initramfs
dir=/boot/grub/pine

# this server's own files come first, then the archive that is the same everywhere (the kernel reads one after the
# other)
pack() {
  (cd $work/host && find . | $work/tools/busybox cpio -o -H newc) >$work/initrd 2>/dev/null
  cat $work/initramfs.img >>$work/initrd
  rm -rf $work/host $work/initramfs.img
}

end() {
  if [ -x $work/tools/kexec ]; then $work/tools/kexec -u 2>/dev/null || true; fi
  while [ -e $handed/etc/pine-names ]; do umount $handed || fail "$handed is in use"; done
  while grep -q " $work " /proc/self/mounts; do umount $work || fail "$work is in use"; done
  rm -rf $work
  [ ! -e $staged ] || for slot in a b; do
    if grep -qs " *pine_linux=\"\(/boot\)\{0,1\}${staged#/boot}/" $dir/$slot.cfg; then
      if [ -s $dir/$slot.kept ]; then mv -f $dir/$slot.kept $dir/$slot.cfg; else rm -f $dir/$slot.cfg; fi
    fi
  done
  rm -rf $staged
}

# loads a kernel module, which may be built in
loaded() {
  modprobe -q "$1" 2>/dev/null && return
  case $1 in
    af_packet) [ -e /proc/net/packet ] ;;
    8021q) [ -e /proc/net/vlan ] ;;
    *) grep -qw "$1" /proc/filesystems ;;
  esac
}

case $1 in
  begin)
    end
    mkdir -p $work
    # without the size limit of /run, which is a tenth of a small machine's memory
    mount -t tmpfs -o mode=700,size=90% tmpfs $work
    mkdir -p $work/host/etc/dropbear $work/host/root/.ssh
    chmod 755 $work/host $work/host/etc
    ;;
  receive) tar -xf - -C $work ;;
  hostkeys)
    shift
    [ $# -gt 0 ] || fail "the server has no SSH host key that can be kept"
    while [ $# -gt 0 ]; do
      case $2 in ssh-ed25519) type=ed25519 ;; ecdsa-*) type=ecdsa ;; ssh-rsa) type=rsa ;; *) fail "$1 is a key of type $2, which cannot be kept" ;; esac
      new=$work/host/etc/dropbear/dropbear_${type}_host_key
      cp "$1" $work/key
      if head -c 5 $work/key | grep -q -e '^-----'; then
        $work/tools/dropbearconvert openssh dropbear $work/key "$new" >/dev/null 2>&1 || fail "cannot convert the host key $1"
      else
        cp $work/key "$new"
      fi
      rm -f $work/key
      public=$($work/tools/dropbearkey -y -f "$new" | sed -n '/^\(ssh\|ecdsa\)-/p' | cut -d' ' -f1,2)
      [ "$public" = "$2 $3" ] || fail "the host key $1 was converted into another one"
      shift 3
    done
    ;;
  put)
    mkdir -p "$(dirname "$work/host$2")"
    cat >"$work/host$2"
    chmod "$3" "$work/host$2"
    ;;
  load)
    pack
    # kexec by file where the kernel can, else by segments; each says why it failed
    said=$($work/tools/kexec -s -l $work/vmlinuz --initrd=$work/initrd --command-line="$2" 2>&1) ||
      said="$said; $($work/tools/kexec -c -l $work/vmlinuz --initrd=$work/initrd --command-line="$2" 2>&1)" ||
      fail "the kernel does not start another kernel (kexec): $said"
    rm -f $work/vmlinuz $work/initrd
    ;;
  go)
    # syncs other disks, too: sysrq writes what is not on them by then
    sync_all 30 || true
    echo 1 >/proc/sys/kernel/sysrq 2>/dev/null || true
    # shellcheck disable=SC2016
    setsid sh -c 'sleep 1; echo s >/proc/sysrq-trigger; echo u >/proc/sysrq-trigger; sleep 2; "$1" -e; sleep 5; echo b >/proc/sysrq-trigger' sh $work/tools/kexec </dev/null >/dev/null 2>&1 &
    ;;
  stage)
    pack
    mkdir -p $staged $dir
    cp $work/vmlinuz $work/initrd $staged/
    chmod 755 $dir
    cat >"$dir/$2.cfg.pine-new"
    chmod 644 "$dir/$2.cfg.pine-new"
    # undone by the agent or by `end`
    [ ! -s "$dir/$2.cfg" ] || cp "$dir/$2.cfg" "$dir/$2.kept.new"
    sync
    [ ! -s "$dir/$2.cfg" ] || mv -f "$dir/$2.kept.new" "$dir/$2.kept"
    mv -f "$dir/$2.cfg.pine-new" "$dir/$2.cfg"
    rm -f "$dir/$2.next"
    sync
    umount $work
    ;;
  unpack)
    shift
    # the RAM system's own modules are for another kernel
    for module in "$@"; do loaded "$module" || fail "the running kernel has no $module, which the RAM system needs"; done
    # some machines lack it
    modprobe -q i6300esb || modprobe -q iTCO_wdt || true
    rm $work/vmlinuz
    mkdir $work/root
    $work/tools/zstd -dcq $work/initramfs.img | (cd $work/root && $work/tools/busybox cpio -idm 2>/dev/null) ||
      fail "the RAM system cannot be unpacked: is there enough memory?"
    rm $work/initramfs.img
    cp -a $work/host/. $work/root/
    mkdir -p $handed
    mount --bind $work/root $handed
    ;;
  leave)
    [ -x $handed/shutdown ] || fail "no RAM system is unpacked"
    setsid sh -c 'sleep 1; systemctl --no-block reboot' </dev/null >/dev/null 2>&1 &
    ;;
  end) end ;;
  *)
    sed -n '2,/^set/s/^# \{0,1\}//p' "$0"
    exit 2
    ;;
esac
