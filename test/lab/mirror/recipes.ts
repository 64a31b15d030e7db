/** What Alpine has and its disk image has not: Alpine's package names and places, made of Debian 12's programs. */
import { GPL2, GPL3, program, type Recipe, script } from "./recipe.ts";
import { CLASSIC_RECIPES } from "./recipes-classic.ts";
import { EXTRA_RECIPES } from "./recipes-extras.ts";
import { SSH_RECIPES } from "./recipes-ssh.ts";
import {
  DROPBEAR_CONFD,
  DROPBEAR_INITD,
  LIGHTTPD_CONF,
  LIGHTTPD_CONFD,
  LIGHTTPD_INITD,
  LIGHTTPD_USER,
  MDEV_INITD,
} from "./services.ts";

const GRUB = "Bootloader with support for Linux, Multiboot and more";
const DROPBEAR = { debian: "dropbear-bin", license: "MIT" };
const LIGHTTPD = { debian: "lighttpd", license: "BSD-3-Clause" };

export const RECIPES: Recipe[] = [
  {
    ...program("ostree", "ostree", "LGPL-2.0-or-later", "Operating system deployment and upgrades", "usr/bin/ostree"),
    repo: "community",
  },
  {
    ...program(
      "signify-openbsd",
      "signify",
      "ISC",
      "OpenBSD tool to sign and verify signatures on files",
      "bin/signify-openbsd=usr/bin/signify",
    ),
    repo: "community",
  },
  {
    ...DROPBEAR,
    name: "dropbear",
    description: "Small SSH 2 client/server designed for small memory environments",
    take: ["usr/sbin/dropbear", "usr/bin/dropbearkey"],
    add: [{ path: "etc/dropbear", directory: true }],
  },
  {
    ...DROPBEAR,
    name: "dropbear-openrc",
    description: "Small SSH 2 client/server designed for small memory environments (OpenRC init scripts)",
    installIf: ["openrc", "dropbear=VERSION"],
    add: [script("etc/init.d/dropbear", DROPBEAR_INITD), { path: "etc/conf.d/dropbear", content: DROPBEAR_CONFD }],
  },
  {
    ...DROPBEAR,
    name: "dropbear-convert",
    description: "dropbear dropbearconvert command",
    take: ["usr/bin/dropbearconvert"],
  },
  { ...DROPBEAR, name: "dropbear-dbclient", description: "dropbear dbclient command", take: ["usr/bin/dbclient"] },
  program(
    "util-linux",
    "util-linux-misc",
    GPL2,
    "Misc binaries for util-linux",
    "sbin/fsfreeze",
    "sbin/blkdiscard",
    "sbin/pivot_root",
    "sbin/switch_root",
    "usr/bin/unshare",
    "usr/bin/nsenter",
  ),
  program("util-linux", "blkid", GPL2, "Block device identification tool from util-linux", "sbin/blkid"),
  program("util-linux", "wipefs", GPL2, "Utility to wipe filesystems from device from util-linux", "sbin/wipefs"),
  program("util-linux", "fstrim", GPL2, "File system trim from util-linux", "sbin/fstrim"),
  program("util-linux", "flock", "MIT", "File locker from util-linux", "usr/bin/flock"),
  program("mount", "losetup", GPL2, "Loop disk setup from util-linux", "sbin/losetup"),
  {
    ...program(
      "grub-common",
      "grub",
      GPL3,
      GRUB,
      ...["editenv", "file", "fstest", "mkimage", "mkrelpath", "script-check"].map((n) => `usr/bin/grub-${n}`),
      "usr/sbin/grub-probe",
    ),
    add: [{ path: "etc/default/grub", content: 'GRUB_DISTRIBUTOR="Alpine"\nGRUB_TIMEOUT=2\n' }],
  },
  {
    ...program("grub-pc-bin", "grub-bios", GPL3, `${GRUB} (BIOS version)`, "usr/lib/grub/i386-pc/*"),
    depends: ["grub"],
  },
  {
    ...program("grub-efi-amd64-bin", "grub-efi", GPL3, `${GRUB} (EFI version)`, "usr/lib/grub/x86_64-efi/*"),
    depends: ["grub"],
  },
  {
    ...program("mtools", "mtools", GPL3, "Utility for manipulating MSDOS files", "usr/bin/*", "etc/mtools.conf"),
    depends: ["lab-gconv"],
  },
  { ...program("dosfstools", "dosfstools", GPL3, "DOS filesystem utilities", "sbin/*"), depends: ["lab-gconv"] },
  program(
    "squashfs-tools",
    "squashfs-tools",
    GPL2,
    "Tools for squashfs, a compressed read-only filesystem",
    "usr/bin/*",
  ),
  program(
    "zstd",
    "zstd",
    "BSD-3-Clause OR GPL-2.0-or-later",
    "Zstandard - Fast real-time compression algorithm",
    ...["zstd", "unzstd", "zstdcat", "zstdmt"].map((n) => `usr/bin/${n}`),
  ),
  program("tar", "tar", GPL3, "Utility used to store, backup, and transport files", "bin/tar"),
  program("kexec-tools", "kexec-tools", GPL2, "Load another kernel from the currently executing one", "sbin/kexec"),
  program("cpio", "cpio", GPL3, "Tool to copy files into or out of a cpio or tar archive", "bin/cpio=usr/bin/cpio"),
  program("xfsprogs", "xfsprogs", "LGPL-2.1-or-later", "XFS filesystem utilities", "sbin/*"),
  {
    ...program(
      "xfsprogs",
      "xfsprogs-extra",
      "LGPL-2.1-or-later",
      "Extra XFS filesystem utilities",
      ...["admin", "bmap", "db", "freeze", "growfs", "info", "io"].map((n) => `usr/sbin/xfs_${n}`),
    ),
    depends: ["xfsprogs"],
  },
  program(
    "btrfs-progs",
    "btrfs-progs",
    GPL2,
    "BTRFS filesystem utilities",
    "bin/btrfs=sbin/btrfs",
    "bin/btrfsck=sbin/btrfsck",
    "sbin/mkfs.btrfs",
  ),
  program("tzdata", "tzdata", "Public-Domain", "Timezone data", "usr/share/zoneinfo/**"),
  {
    ...program("openssh-sftp-server", "openssh-sftp-server", "SSH-OpenSSH", "ssh sftp server module"),
    take: ["usr/lib/openssh/sftp-server=usr/lib/ssh/sftp-server"],
    // Debian's dropbear looks there, Alpine's in usr/lib/ssh.
    add: [{ path: "usr/lib/sftp-server", target: "ssh/sftp-server" }],
  },
  {
    name: "busybox-mdev-openrc",
    version: "1.37.0-r30",
    description: "OpenRC init scripts for busybox (mdev)",
    license: "GPL-2.0-only",
    depends: ["openrc", "mdev-conf"],
    add: [script("etc/init.d/mdev", MDEV_INITD)],
  },
  {
    ...LIGHTTPD,
    name: "lighttpd",
    description: "Secure, fast, compliant and very flexible web-server",
    take: ["usr/sbin/lighttpd", "usr/lib/lighttpd/mod_accesslog.so", "usr/lib/lighttpd/mod_dirlisting.so"],
    add: [
      { path: "etc/lighttpd/lighttpd.conf", content: LIGHTTPD_CONF },
      { path: "var/www/localhost/htdocs", directory: true },
    ],
    scripts: { "pre-install": LIGHTTPD_USER },
  },
  {
    ...LIGHTTPD,
    name: "lighttpd-openrc",
    description: "Secure, fast, compliant and very flexible web-server (OpenRC init scripts)",
    installIf: ["openrc", "lighttpd=VERSION"],
    add: [script("etc/init.d/lighttpd", LIGHTTPD_INITD), { path: "etc/conf.d/lighttpd", content: LIGHTTPD_CONFD }],
  },
  program("tree", "tree", GPL2, "Recursive directory indented listing program", "usr/bin/tree"),
  program("nano", "nano", GPL3, "Enhanced clone of the Pico text editor", "bin/nano=usr/bin/nano", "etc/nanorc"),
  program("jq", "jq", "MIT", "Lightweight and flexible command-line JSON processor", "usr/bin/jq"),
  program("htop", "htop", GPL2, "Interactive process viewer", "usr/bin/htop"),
  {
    ...program("figlet", "figlet", "BSD-3-Clause", "Program for making large letters out of ordinary text"),
    repo: "community",
    take: ["usr/bin/figlet-figlet=usr/bin/figlet", "usr/share/figlet/*.flf"],
  },
  ...CLASSIC_RECIPES,
  ...EXTRA_RECIPES,
  ...SSH_RECIPES,
];
