/** What Alpine has and its disk image has not: Alpine's package names and places, made of Debian 12's programs. */
import type { PackageFile, PackageSpec } from "./apk-format.ts";
import {
  DROPBEAR_CONFD,
  DROPBEAR_INITD,
  LIGHTTPD_CONF,
  LIGHTTPD_INITD,
  LIGHTTPD_USER,
  MDEV_INITD,
} from "./services.ts";

export interface Recipe extends Pick<PackageSpec, "installIf" | "scripts" | "provides" | "replaces"> {
  name: string;
  repo: "main" | "community";
  /** Debian's package that gives version and files; undefined: `version` and `add` say it all. */
  debian?: string;
  version?: string;
  description: string;
  license: string;
  /** Paths of the Debian package to take, "*" for within a folder, "**" for all below; `from=to` moves a file. */
  take?: string[];
  add?: PackageFile[];
  depends?: string[];
}

const script = (path: string, content: string): PackageFile => ({ path, content, mode: 0o755 });

export const RECIPES: Recipe[] = [
  {
    name: "ostree",
    repo: "community",
    debian: "ostree",
    description: "Operating system and container binary deployment and upgrades",
    license: "LGPL-2.0-or-later",
    take: ["usr/bin/ostree"],
  },
  {
    name: "dropbear",
    repo: "main",
    debian: "dropbear-bin",
    description: "Small SSH 2 client/server designed for small memory environments",
    license: "MIT",
    take: ["usr/sbin/dropbear", "usr/bin/dropbearkey"],
    add: [{ path: "etc/dropbear", directory: true }],
  },
  {
    name: "dropbear-openrc",
    repo: "main",
    debian: "dropbear-bin",
    description: "Small SSH 2 client/server designed for small memory environments (OpenRC init scripts)",
    license: "MIT",
    installIf: ["openrc", "dropbear=VERSION"],
    add: [script("etc/init.d/dropbear", DROPBEAR_INITD), { path: "etc/conf.d/dropbear", content: DROPBEAR_CONFD }],
  },
  {
    name: "dropbear-convert",
    repo: "main",
    debian: "dropbear-bin",
    description: "dropbear dropbearconvert command",
    license: "MIT",
    take: ["usr/bin/dropbearconvert"],
  },
  {
    name: "dropbear-dbclient",
    repo: "main",
    debian: "dropbear-bin",
    description: "dropbear dbclient command",
    license: "MIT",
    take: ["usr/bin/dbclient"],
  },
  {
    name: "util-linux-misc",
    repo: "main",
    debian: "util-linux",
    description: "Misc binaries for util-linux",
    license: "GPL-2.0-or-later",
    take: [
      "sbin/fsfreeze",
      "sbin/blkdiscard",
      "sbin/pivot_root",
      "sbin/switch_root",
      "usr/bin/unshare",
      "usr/bin/nsenter",
    ],
  },
  ...(["sbin/blkid", "sbin/wipefs", "sbin/fstrim", "usr/bin/flock"] as const).map(
    (path): Recipe => ({
      name: path.split("/").pop()!,
      repo: "main",
      debian: "util-linux",
      description: `${path.split("/").pop()} tool from util-linux`,
      license: "GPL-2.0-or-later",
      take: [path],
    }),
  ),
  {
    name: "losetup",
    repo: "main",
    debian: "mount",
    description: "Loop disk setup from util-linux",
    license: "GPL-2.0-or-later",
    take: ["sbin/losetup"],
  },
  {
    name: "grub",
    repo: "main",
    debian: "grub-common",
    description: "Bootloader with support for Linux, Multiboot and more",
    license: "GPL-3.0-or-later",
    take: [
      ...["editenv", "file", "fstest", "mkimage", "mkrelpath", "script-check"].map((n) => `usr/bin/grub-${n}`),
      "usr/sbin/grub-probe",
    ],
    add: [
      {
        path: "etc/default/grub",
        content: 'GRUB_DISTRIBUTOR="Alpine"\nGRUB_TIMEOUT=2\nGRUB_DISABLE_SUBMENU=y\nGRUB_DISABLE_RECOVERY=true\n',
      },
    ],
  },
  {
    name: "grub-bios",
    repo: "main",
    debian: "grub-pc-bin",
    description: "Bootloader with support for Linux, Multiboot and more (BIOS version)",
    license: "GPL-3.0-or-later",
    take: ["usr/lib/grub/i386-pc/*"],
    depends: ["grub"],
  },
  {
    name: "grub-efi",
    repo: "main",
    debian: "grub-efi-amd64-bin",
    description: "Bootloader with support for Linux, Multiboot and more (EFI version)",
    license: "GPL-3.0-or-later",
    take: ["usr/lib/grub/x86_64-efi/*"],
    depends: ["grub"],
  },
  {
    name: "mtools",
    repo: "main",
    debian: "mtools",
    description: "Utility for manipulating MSDOS files",
    license: "GPL-3.0-or-later",
    take: ["usr/bin/*", "etc/mtools.conf"],
    depends: ["lab-gconv"],
  },
  {
    name: "dosfstools",
    repo: "main",
    debian: "dosfstools",
    description: "DOS filesystem utilities",
    license: "GPL-3.0-or-later",
    take: ["sbin/*"],
    depends: ["lab-gconv"],
  },
  {
    name: "squashfs-tools",
    repo: "main",
    debian: "squashfs-tools",
    description: "Tools for squashfs, a highly compressed read-only filesystem for Linux",
    license: "GPL-2.0-or-later",
    take: ["usr/bin/*"],
  },
  {
    name: "zstd",
    repo: "main",
    debian: "zstd",
    description: "Zstandard - Fast real-time compression algorithm",
    license: "BSD-3-Clause OR GPL-2.0-or-later",
    take: ["usr/bin/zstd", "usr/bin/unzstd", "usr/bin/zstdcat", "usr/bin/zstdmt"],
  },
  {
    name: "tar",
    repo: "main",
    debian: "tar",
    description: "Utility used to store, backup, and transport files",
    license: "GPL-3.0-or-later",
    take: ["bin/tar"],
  },
  {
    name: "cpio",
    repo: "main",
    debian: "cpio",
    description: "Tool to copy files into or out of a cpio or tar archive",
    license: "GPL-3.0-or-later",
    take: ["bin/cpio=usr/bin/cpio"],
  },
  {
    name: "xfsprogs",
    repo: "main",
    debian: "xfsprogs",
    description: "XFS filesystem utilities",
    license: "LGPL-2.1-or-later",
    take: ["sbin/*"],
  },
  {
    name: "xfsprogs-extra",
    repo: "main",
    debian: "xfsprogs",
    description: "Extra XFS filesystem utilities",
    license: "LGPL-2.1-or-later",
    take: [...["admin", "bmap", "db", "freeze", "growfs", "info", "io"].map((n) => `usr/sbin/xfs_${n}`)],
    depends: ["xfsprogs"],
  },
  {
    name: "btrfs-progs",
    repo: "main",
    debian: "btrfs-progs",
    description: "BTRFS filesystem utilities",
    license: "GPL-2.0-or-later",
    take: ["bin/btrfs=sbin/btrfs", "bin/btrfsck=sbin/btrfsck", "sbin/mkfs.btrfs"],
  },
  {
    name: "tzdata",
    repo: "main",
    debian: "tzdata",
    description: "Timezone data",
    license: "Public-Domain",
    take: ["usr/share/zoneinfo/**"],
  },
  {
    name: "openssh-sftp-server",
    repo: "main",
    debian: "openssh-sftp-server",
    description: "ssh sftp server module",
    license: "SSH-OpenSSH",
    take: ["usr/lib/openssh/sftp-server=usr/lib/ssh/sftp-server"],
    // Debian's dropbear looks there, Alpine's in usr/lib/ssh.
    add: [{ path: "usr/lib/sftp-server", target: "ssh/sftp-server" }],
  },
  {
    name: "busybox-mdev-openrc",
    repo: "main",
    version: "1.37.0-r30",
    description: "OpenRC init scripts for busybox (mdev)",
    license: "GPL-2.0-only",
    depends: ["openrc", "mdev-conf"],
    provides: ["dev"],
    add: [script("etc/init.d/mdev", MDEV_INITD)],
  },
  {
    name: "lighttpd",
    repo: "main",
    debian: "lighttpd",
    description: "Secure, fast, compliant and very flexible web-server",
    license: "BSD-3-Clause",
    take: ["usr/sbin/lighttpd", "usr/lib/lighttpd/mod_accesslog.so", "usr/lib/lighttpd/mod_dirlisting.so"],
    add: [
      { path: "etc/lighttpd/lighttpd.conf", content: LIGHTTPD_CONF },
      { path: "var/www/localhost/htdocs", directory: true },
    ],
    scripts: { "pre-install": LIGHTTPD_USER },
  },
  {
    name: "lighttpd-openrc",
    repo: "main",
    debian: "lighttpd",
    description: "Secure, fast, compliant and very flexible web-server (OpenRC init scripts)",
    license: "BSD-3-Clause",
    installIf: ["openrc", "lighttpd=VERSION"],
    add: [
      script("etc/init.d/lighttpd", LIGHTTPD_INITD),
      {
        path: "etc/conf.d/lighttpd",
        content: 'LIGHTTPD_CONF="/etc/lighttpd/lighttpd.conf"\nLIGHTTPD_PID="/run/lighttpd.pid"\n',
      },
    ],
  },
  ...(
    [
      ["tree", "main", "GPL-2.0-or-later", "Recursive directory indented listing program", ["usr/bin/tree"]],
      [
        "nano",
        "main",
        "GPL-3.0-or-later",
        "Enhanced clone of the Pico text editor",
        ["bin/nano=usr/bin/nano", "etc/nanorc"],
      ],
      ["jq", "main", "MIT", "Lightweight and flexible command-line JSON processor", ["usr/bin/jq"]],
      ["htop", "main", "GPL-2.0-or-later", "Interactive process viewer", ["usr/bin/htop"]],
      [
        "figlet",
        "community",
        "BSD-3-Clause",
        "Program for making large letters out of ordinary text",
        ["usr/bin/figlet-figlet=usr/bin/figlet", "usr/share/figlet/*.flf"],
      ],
    ] as const
  ).map(
    ([name, repo, license, description, take]): Recipe => ({
      name,
      repo,
      debian: name,
      license,
      description,
      take: [...take],
    }),
  ),
];

/** Debian packages whose shared libraries those programs may need; only libraries that something needs become packages. */
export const LIBRARY_PACKAGES = [
  "libc6 libgcc-s1 libstdc++6 libcrypt1 libtomcrypt1 libtommath1 zlib1g liblzma5 libzstd1 liblz4-1 liblzo2-2 libbz2-1.0",
  "libostree-1-1 libglib2.0-0 libffi8 libpcre2-8-0 libmount1 libblkid1 libuuid1 libsmartcols1 libgpgme11 libassuan0",
  "libgpg-error0 libarchive13 libacl1 libnettle8 libfuse3-3 libudev1 libdevmapper1.02.1",
  "libedit2 libbsd0 libmd0 libinih1 liburcu8 libtinfo6 libncursesw6 libjq1 libonig5 libnl-3-200 libnl-genl-3-200 libxxhash0",
  "libcap2 libssl3 libattr1 libgmp10 libcurl3-gnutls libnghttp2-14",
]
  .join(" ")
  .split(" ");

/**
 * Libraries that Debian's builds link and Alpine's do without, or that only serve what the lab never does (avahi, the journal, SELinux,
 * xar archives, curl's other protocols; ostree over https does not work): each becomes a stub with the functions that are imported, all
 * returning 0. Debian package by library. It saves 48 MB.
 */
export const STUBBED: Record<string, string> = {
  "libavahi-client.so.3": "libavahi-client3",
  "libavahi-common.so.3": "libavahi-common3",
  "libavahi-glib.so.1": "libavahi-glib1",
  "libsystemd.so.0": "libsystemd0",
  "libselinux.so.1": "libselinux1",
  "libxml2.so.2": "libxml2",
  "libgnutls.so.30": "libgnutls30",
  "libidn2.so.0": "libidn2-0",
  "libpsl.so.5": "libpsl5",
  "librtmp.so.1": "librtmp1",
  "libssh2.so.1": "libssh2-1",
  "libgssapi_krb5.so.2": "libgssapi-krb5-2",
  "libldap-2.5.so.0": "libldap-2.5-0",
  "liblber-2.5.so.0": "libldap-2.5-0",
  "libbrotlidec.so.1": "libbrotli1",
};
