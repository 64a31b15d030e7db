#!/bin/sh
# Prints the facts of a server as key=value lines, for provider/host/facts/facts.ts. Reads only, writes nothing. Runs in
# sh of Debian 8 and later, Ubuntu 14.04 and later, or busybox. What cannot be read, as without root, is left out.
#   facts.sh [LOGIN]    LOGIN: the user whose authorized_keys are wanted beside root's
#
# A key may repeat; the value is the rest of the line, as the source has it. Values of several words are split by one
# space, "-" stands for an empty word. Keys, in the order they come:
#   format uid hostname timezone boot_id kernel arch cmdline os.ID … (of os-release)
#   container NAME, container.user LINE (of uid_map), container.no WHAT (that a new root needs and is refused), container.chroot 1
#   container.pid first|own (whether process 1 is the kernel's own first one)
#   machine VENDOR PRODUCT, hypervisor NAME, xen TYPE, efi 32|64|1 (1: not known which), secureboot BYTE, lockdown LINE, watchdog NAME
#   kexec.disabled 0|1, kexec.config LINE (of the kernel's configuration), systemd SHUTDOWN (its program); mem LINE (of meminfo)
#   mount LINE (of mountinfo), elsewhere PID COMM LINE (of another mount namespace), swap LINE (of /proc/swaps)
#   statfs BLOCKSIZE BLOCKS AVAILABLE INODES FREE TARGET, else df LINE (of df -kP); efiboot HEX (the entry that UEFI booted: EFI_LOAD_OPTION)
#   block NAME MAJ:MIN SECTORS PARTITION DISK SLAVES LEVEL DM-UUID; disk NAME REMOVABLE READONLY MODEL; start PARTITION SECTOR
#   dm NAME MAPPER-NAME, loop NAME FILE, virtual NAME (no hardware below it), member UUID NAME (of a file system with several)
#   device card|disk NAME MODULE MODALIAS (what a loaded module drives, from a card or disk up to its bus), firmware MODULE FILE (that it may ask for and that is there)
#   table DISK SECTOR HEX (its first two sectors); blkid LINE; link KIND NAME VALUE (of /dev/disk/by-KIND)
#   grub.version grub.folder grub.platform grub.source grub.custom grub.env grub.default
#   grub.password 1 (superusers), grub.signed 1 (check_signatures), grub.waits LINE (at every boot), grub.after LINE (set after custom.cfg)
#   boot.loader other (/boot/loader is not OSTree's link)
#   if NAME INDEX MAC MTU STATE KIND MASTER, vlan LINE (of ip -d link or /proc/net/vlan/config), bond NAME MODE CARD…
#   macset NAME OWN-MAC (a card whose address was set by software; of ip's permaddr)
#   addr LINE, route4 LINE, route6 LINE, rule4 LINE, rule6 LINE (of ip -o), ra NAME ACCEPT_RA FORWARDING AUTOCONF
#   noipv6 NAME (IPv6 is off), daemon COUNT proto NAME (a routing daemon's routes, which are not listed)
#   without ip: proc.route4 LINE, proc.route6 LINE, proc.addr6 LINE (of /proc/net), proc.addr4 ADDRESS
#   ssh ADDRESS PORT (of this server, that the connection goes to)
#   resolv LINE, resolved LINE; dhcp SOURCE WHAT, dhcp.kept FILE LINE (as whom a client asks), managed INDEX (by networkd)
#   ifupdown LINE (iface and address of the files that ifup reads); tool NAME PATH, tar LINE
#   sshd SETTING VALUE (of sshd -T, as it was started; port: only where it listens), hostkey [FILE] LINE (no file: only an agent or a passphrase opens it), key.root LINE, key.login LINE
#   pine.cmdline LINE (of a container), pine.install LINE, pine.env LINE, pine.options WORDS (of the running slot's file), pine.trust LINE, pine.updates SHA256, pine.pull LINE, pine.staged LINE, pine.hold LINE, pine.refused LINE, pine.turn.without LINE, pine.red NAME: WHY (of a required health check), pine.deployment NAME, pine.ram.FILE LINE, pine.leftover PATH
# not the login's own: a folder in it, or one of /usr/local, may be on a mount with a dead server
export LC_ALL=C PATH="/usr/sbin:/usr/bin:/sbin:/bin"
if ! grep -q '^\([^ ]* \)\{4\}/usr/local[/ ]' /proc/self/mountinfo || { ends 5 ls /usr/local/sbin/. && ends 5 ls /usr/local/bin/.; }; then
  PATH="/usr/local/sbin:/usr/local/bin:$PATH"
fi
# shellcheck disable=SC2034 # of login.sh
login=${1:-}

put() { # key value
  [ -z "$2" ] || printf '%s=%s\n' "$1" "$2"
}
# every line of standard input that is not empty
each() { # key
  while IFS= read -r line || [ -n "$line" ]; do put "$1" "$line"; done
}
# the first line of a file, else what is given
first() { # file [else]
  line=
  if [ -r "$1" ]; then IFS= read -r line <"$1"; fi 2>/dev/null
  printf '%s' "${line:-${2:-}}"
}
# the same into $line: for loops, where a process for every file is slow
get() { # file [else]
  line=
  if [ -r "$1" ]; then { IFS= read -r line <"$1"; } 2>/dev/null || true; fi
  line=${line:-${2:-}}
}
have() { command -v "$1" >/dev/null 2>&1; }

identity() {
  put format 1
  put uid "$(id -u)"
  get /proc/sys/kernel/hostname
  put hostname "$line"
  zone=$(readlink -f /etc/localtime)
  case $zone in */zoneinfo/*) put timezone "${zone##*/zoneinfo/}" ;; *) put timezone "$(first /etc/timezone)" ;; esac
  get /proc/sys/kernel/random/boot_id
  boot=$line
  # when the first process started: tells a container's restarts apart
  # shellcheck disable=SC2046 # words
  set -- $(sed 's/.*) //' /proc/1/stat 2>/dev/null)
  put boot_id "$boot.${20:-}"
  get /proc/sys/kernel/osrelease
  put kernel "$line"
  put arch "$(uname -m)"
  get /proc/cmdline
  put cmdline "$line"
  for f in /etc/os-release /usr/lib/os-release; do
    [ -r $f ] || continue
    grep -E '^(ID|ID_LIKE|VERSION_ID|VERSION_CODENAME|PRETTY_NAME)=' $f | while IFS= read -r l; do printf 'os.%s\n' "$l"; done
    break
  done
}

machine() {
  put machine "$(first /sys/class/dmi/id/sys_vendor) $(first /sys/class/dmi/id/product_name)"
  if have systemd-detect-virt && line=$(systemd-detect-virt -v 2>/dev/null); then put hypervisor "$line"; fi
  get /sys/hypervisor/type
  put hypervisor "$line"
  ! grep -qs '^flags.* hypervisor' /proc/cpuinfo || put hypervisor unknown
  get /sys/hypervisor/guest_type
  put xen "$line"
  if [ -d /sys/firmware/efi ]; then
    put efi "$(first /sys/firmware/efi/fw_platform_size 1)"
    # firmware without Secure Boot has no such variable; if no variable can be read, nothing is known
    set -- /sys/firmware/efi/efivars/* /sys/firmware/efi/vars/*
    known=
    for f; do case $f in */SecureBoot-*) known=; break ;; */Boot*) known=0 ;; esac; done
    put secureboot "$known"
    for f in /sys/firmware/efi/efivars/SecureBoot-*; do
      [ ! -r "$f" ] || put secureboot "$(dd if="$f" bs=1 skip=4 count=1 2>/dev/null | od -An -tu1 | tr -d ' ')"
    done
    # before efivarfs was mounted everywhere: the value alone
    for f in /sys/firmware/efi/vars/SecureBoot-*/data; do
      [ ! -r "$f" ] || put secureboot "$(dd if="$f" bs=1 count=1 2>/dev/null | od -An -tu1 | tr -d ' ')"
    done
  fi
  put lockdown "$(first /sys/kernel/security/lockdown)"
  # Debian loads no watchdog driver by itself, but the table or the card is there all the same
  for f in /dev/watchdog* /sys/firmware/acpi/tables/WDAT; do [ ! -e "$f" ] || put watchdog "${f##*/}"; done
  ! grep -qs '^0x25ab' /sys/bus/pci/devices/*/device || put watchdog i6300esb
  put kexec.disabled "$(first /proc/sys/kernel/kexec_load_disabled)"
  { cat "/boot/config-$(uname -r)" || gzip -dc /proc/config.gz; } 2>/dev/null |
    grep -E '^CONFIG_KEXEC(_FILE|_SIG|_SIG_FORCE)?=' | each kexec.config
  [ ! -d /run/systemd/system ] || [ ! -x /lib/systemd/systemd-shutdown ] || put systemd /lib/systemd/systemd-shutdown
  grep -E '^(MemTotal|MemAvailable|MemFree|Buffers|Cached|SwapTotal):' /proc/meminfo | each mem
}

tools() {
  for t in zstd gzip xz tar dd fsfreeze sha256sum sync chroot unshare mount chattr kexec curl wget python3 systemctl; do
    IFS=:
    for dir in $PATH; do
      [ -x "$dir/$t" ] || continue
      put tool "$t $dir/$t"
      break
    done
    unset IFS
  done
  if have tar; then tar --version 2>&1 | head -n 1 | each tar; fi
}

identity
container
machine
storage
devices
grub
network
tools
keys
pine
exit 0
