/** The programs of upstream's classic server that the other recipes lack. */
import { GPL2, GPL3, program, type Recipe, script } from "./recipe.ts";
import { IPTABLES_CONFD, IPTABLES_INITD, MULTIPATHD_INITD } from "./services-classic.ts";

const IPTABLES = { debian: "iptables", license: "GPL-2.0-or-later" };
const MULTIPATH = { debian: "multipath-tools", license: "LGPL-2.0-only AND GPL-2.0-only AND GPL-3.0-or-later" };

/** The names iptables is called by; the nft kind is what has no suffix, as in Alpine. */
const NFT_NAMES = ["", "-save", "-restore"].flatMap((n) => [`iptables${n}`, `ip6tables${n}`]);
const BINUTILS = [
  "addr2line",
  "ar",
  "as",
  "elfedit",
  "nm",
  "objcopy",
  "objdump",
  "ranlib",
  "readelf",
  "size",
  "strings",
  "strip",
];
/** Alpine's util-linux is these packages; the lab has what the rest of it needs. */
// biome-ignore format: what belongs together is in one line
const UTIL_LINUX = [
  "blkid", "cfdisk", "dmesg", "findmnt", "flock", "fstrim", "hexdump", "logger", "losetup", "lsblk", "lscpu", "mcookie",
  "mount", "partx", "setarch", "setpriv", "sfdisk", "umount", "util-linux-misc", "uuidgen", "wipefs",
];

export const CLASSIC_RECIPES: Recipe[] = [
  {
    name: "alpine-base",
    version: "3.23.6-r0",
    description: "Meta package for minimal alpine base",
    license: "MIT",
    // Without alpine-conf and busybox-suid, which neither Alpine's disk nor Debian has.
    // biome-ignore format: what belongs together is in one line
    depends: [
      "alpine-baselayout", "alpine-release", "apk-tools", "busybox", "busybox-mdev-openrc", "busybox-openrc",
      "musl-utils", "openrc",
    ],
  },
  {
    ...program(
      "libc-bin",
      "lab-locale",
      "LGPL-2.1-or-later",
      "The locale C.UTF-8 for glibc",
      "usr/lib/locale/C.utf8/**",
    ),
    depends: ["lab-glibc"],
  },
  {
    ...program("libc6", "gcompat", "LGPL-2.1-or-later", "Lets programs made for glibc run: the lab's is glibc itself"),
    needs: [
      "ld-linux-x86-64.so.2",
      "libc.so.6",
      "libm.so.6",
      "libdl.so.2",
      "libpthread.so.0",
      "librt.so.1",
      "libutil.so.1",
      "libresolv.so.2",
      "libgcc_s.so.1",
      "libstdc++.so.6",
    ],
  },
  {
    ...program("bash", "bash", GPL3, "The GNU Bourne Again shell", "bin/bash"),
    scripts: {
      "post-install": "#!/bin/sh\nadd-shell /bin/bash\n",
      "pre-deinstall": "#!/bin/sh\nremove-shell /bin/bash\n",
    },
  },
  program(
    "coreutils",
    "coreutils",
    GPL3,
    "The basic file, shell and text manipulation utilities",
    // Where busybox has them, as in Alpine: two of a name would be one too many.
    ...["arch", "base64", "link", "nice", "printenv", "stat"].map((n) => `usr/bin/${n}=bin/${n}`),
    "bin/readlink=usr/bin/readlink",
    "bin/*",
    "usr/bin/*",
    "usr/sbin/*",
  ),
  program(
    "binutils-x86-64-linux-gnu",
    "binutils",
    "GPL-2.0-or-later AND GPL-3.0-or-later AND LGPL-2.0-or-later",
    "Tools necessary to build programs",
    ...BINUTILS.map((n) => `usr/bin/x86_64-linux-gnu-${n}=usr/bin/${n}`),
    "usr/bin/x86_64-linux-gnu-ld.bfd=usr/bin/ld.bfd",
    "usr/bin/x86_64-linux-gnu-ld.bfd=usr/bin/ld",
  ),
  { ...program("util-linux", "util-linux", GPL2, "Random collection of Linux utilities"), depends: UTIL_LINUX },
  program("util-linux", "dmesg", GPL2, "dmesg from util-linux", "bin/dmesg"),
  program("util-linux", "findmnt", GPL2, "Filesystem information tool from util-linux", "bin/findmnt"),
  program("util-linux", "lsblk", GPL2, "Block device list tool from util-linux", "bin/lsblk"),
  program("util-linux", "lscpu", GPL2, "CPU architecture tool from util-linux", "usr/bin/lscpu"),
  program("util-linux", "mcookie", GPL2, "Magic cookie tool from util-linux", "usr/bin/mcookie"),
  program("util-linux", "setarch", GPL2, "Reported architecture tool from util-linux", "usr/bin/setarch"),
  program("util-linux", "setpriv", GPL2, "Run with other privileges, from util-linux", "usr/bin/setpriv=bin/setpriv"),
  program("mount", "mount", GPL2, "Mount tools from util-linux", "bin/mount"),
  program("mount", "umount", GPL2, "Umount tool from util-linux", "bin/umount"),
  program("fdisk", "cfdisk", GPL2, "Partition table editor from util-linux", "sbin/cfdisk"),
  program("bsdextrautils", "hexdump", GPL2, "hexdump from util-linux", "usr/bin/hexdump"),
  program("bsdutils", "logger", GPL2, "Log to syslog, from util-linux", "usr/bin/logger"),
  program("uuid-runtime", "uuidgen", GPL2, "UUID generator from util-linux", "usr/bin/uuidgen"),
  {
    ...MULTIPATH,
    name: "multipath-tools",
    description: "Device Mapper Multipathing Driver",
    take: ["sbin/*", "lib/multipath/*"],
    depends: ["kpartx"],
  },
  {
    ...MULTIPATH,
    name: "multipath-tools-openrc",
    description: "Device Mapper Multipathing Driver (OpenRC init scripts)",
    installIf: ["openrc", "multipath-tools=VERSION"],
    add: [script("etc/init.d/multipathd", MULTIPATHD_INITD)],
  },
  program("kpartx", "kpartx", MULTIPATH.license, "Device Mapper partitions tool of multipath-tools", "sbin/kpartx"),
  {
    ...program("wget", "wget", GPL3, "Network utility to retrieve files from the Web", "usr/bin/wget"),
    depends: ["lab-tls"],
    add: [{ path: "etc/wgetrc", content: "# See wget(1).\n" }],
  },
  program(
    "ethtool",
    "ethtool",
    "GPL-2.0-only",
    "Display or change Ethernet card settings",
    "sbin/ethtool=usr/sbin/ethtool",
  ),
  {
    ...IPTABLES,
    name: "iptables",
    description: "Linux kernel firewall, NAT and packet mangling tools",
    take: [
      "usr/sbin/*tables-nft*",
      "usr/sbin/*-translate",
      "usr/sbin/xtables-monitor",
      "usr/lib/x86_64-linux-gnu/xtables/*",
    ],
    add: NFT_NAMES.map((n) => ({ path: `usr/sbin/${n}`, target: "xtables-nft-multi" })),
  },
  {
    ...IPTABLES,
    name: "iptables-legacy",
    description: "Linux kernel firewall, NAT and packet mangling tools (legacy)",
    take: ["usr/sbin/*tables-legacy*"],
    depends: ["iptables"],
  },
  {
    ...IPTABLES,
    name: "iptables-openrc",
    description: "Linux kernel firewall, NAT and packet mangling tools (OpenRC init scripts)",
    installIf: ["openrc", "iptables=VERSION"],
    add: ["iptables", "ip6tables"].flatMap((n) => [
      script(`etc/init.d/${n}`, IPTABLES_INITD),
      { path: `etc/conf.d/${n}`, content: IPTABLES_CONFD },
    ]),
  },
  {
    ...program("git", "git", "GPL-2.0-only", "Distributed version control system"),
    take: [
      ...["", "-receive-pack", "-upload-archive", "-upload-pack"].map((n) => `usr/bin/git${n}`),
      ...["remote-http", "remote-https", "sh-i18n", "sh-i18n--envsubst", "sh-setup", "submodule"].map(
        (n) => `usr/lib/git-core/git-${n}`,
      ),
      "usr/share/git-core/templates/**",
    ],
    // Debian's git calls itself there.
    add: [{ path: "usr/lib/git-core/git", target: "../../bin/git" }],
    depends: ["lab-tls"],
  },
  {
    ...program("iftop", "iftop", GPL2, "Displays bandwidth usage on an interface", "usr/sbin/iftop"),
    repo: "community",
  },
  program(
    "sysstat",
    "sysstat",
    GPL2,
    "Performance monitoring tools for Linux",
    ...["iostat", "mpstat", "pidstat", "sadf"].map((n) => `usr/bin/${n}`),
    "usr/bin/sar.sysstat=usr/bin/sar",
    "usr/lib/sysstat/sadc",
  ),
  {
    ...program("tmux", "tmux", "ISC", "Tool to control multiple terminals from one terminal", "usr/bin/tmux"),
    depends: ["lab-locale", "ncurses-terminfo-base"],
  },
  {
    ...program(
      "procps",
      "procps-ng",
      "GPL-2.0-or-later AND LGPL-2.1-or-later",
      "Utilities for monitoring your system and processes on your system",
    ),
    take: [
      "bin/*",
      "sbin/sysctl",
      "usr/bin/watch=bin/watch",
      ..."free pgrep pidwait pkill pmap pwdx slabtop tload top uptime vmstat w".split(" ").map((n) => `usr/bin/${n}`),
    ],
    provides: ["procps=VERSION"],
  },
];
