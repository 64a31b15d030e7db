/** What differs between a machine and a container, as data: everything else is the same for both. */
import type { Target } from "../../boot/target.ts";
import type { Services } from "./types.ts";

export interface TargetPlan {
  /** Brings and boots a kernel of its own. */
  kernel: boolean;
  /** Besides what every system has. */
  packages: string[];
  services: Services;
  /** Consoles that a person can log in on, as lines of inittab. */
  gettys: string[];
  /** Lines of fstab. */
  mounts: string[];
  /** Modules loaded at boot. */
  modules: string[];
  /** Folders of provider/system/ whose files lie in the image. */
  system: string[];
}

/** What every server of ours has: it starts, is reached over SSH, updates itself. */
export const common = {
  // biome-ignore format: what belongs together is in one line
  packages: [
    "alpine-baselayout", "alpine-release", "alpine-keys", "apk-tools", "musl-utils", "ca-certificates-bundle",
    "busybox", "busybox-openrc", "openrc", "ifupdown-ng", "ostree",
    "util-linux-misc", // fsfreeze, with which an update becomes durable
    "signify", // looks at the signature of what is to run (trust.sh); 40 kB and libbsd
  ],
  /** OpenRC's savecache is not among them: it would write to /usr. */
  services: {
    boot: ["bootmisc", "localmount", "networking", "pine-version", "sysctl", "syslog"],
    shutdown: ["killprocs"],
  } satisfies Services as Services,
};

/** /tmp is made anew at every boot. */
const TMP = "tmpfs /tmp tmpfs nosuid,nodev,mode=1777 0 0";

export const targets: Record<Target, TargetPlan> = {
  vm: {
    kernel: true,
    packages: [
      "busybox-mdev-openrc",
      "kmod",
      "e2fsprogs",
      // resize2fs, and what tells the kernel that a partition in use has grown: 0.6 MB in all
      "e2fsprogs-extra",
      "partx",
    ],
    services: {
      sysinit: ["devfs", "dmesg", "mdev", "hwdrivers"],
      boot: ["hostname", "modules", "swap", "hwclock", "seedrng", "pine-slots", "pine-grow", "pine-names"],
      default: ["pine-ok", "pine-health", "pine-updates"],
      shutdown: ["mount-ro"],
    },
    gettys: ["tty1::respawn:/sbin/getty 38400 tty1", "ttyS0::respawn:/sbin/getty -L 115200 ttyS0 vt100"],
    mounts: [TMP],
    modules: ["af_packet", "ipv6"],
    system: ["rootfs"],
  },
  // kernel, clock, modules, consoles, most devices and the name are the host's (OpenRC's hostname leaves containers
  // alone); what boots it (issue: container method) looks for its own slots
  container: {
    kernel: false,
    packages: [],
    services: { sysinit: ["pine-devices"], boot: ["pine-booted"], default: ["pine-ok", "pine-health", "pine-updates"] },
    gettys: [],
    mounts: [
      TMP,
      // 5 is the group tty
      "devpts /dev/pts devpts nosuid,noexec,gid=5,mode=620,nofail 0 0",
      "tmpfs /dev/shm tmpfs nosuid,nodev,mode=1777,nofail 0 0",
    ],
    modules: [],
    system: ["rootfs", "targets/container"],
  },
};
