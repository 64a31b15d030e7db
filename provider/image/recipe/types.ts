/** What a Rootfs is made of, in one normal form: types, and the names that they are made of. */
import type { Probe } from "../../boot/probe.ts";
import type { Target } from "../../boot/target.ts";
import type { Keys } from "../packages/apkfile.ts";

export const runlevels = ["sysinit", "boot", "default", "shutdown", "nonetwork"] as const;
export type Runlevel = (typeof runlevels)[number];
export type Services = Partial<Record<Runlevel, string[]>>;

// biome-ignore format: what belongs together is in one line
export const extraNames = [
  "backup", "bubblewrap", "glibc", "iomon", "podman", "resolver", "ssheval", "tcpmon", "toolbox", "unlock",
] as const;
export type Extra = (typeof extraNames)[number];

export interface RecipeUser {
  name: string;
  /** The next free one from 1000 when not given. */
  uid?: number;
  shell: string;
  groups: string[];
  authorizedKeys: string[];
  /** May become root without a password. */
  sudo: boolean;
  /** As in shadow(5): `$6$salt$…`. Without it the account has no password. */
  passwordHash?: string;
}

export interface RecipeFile {
  /** Absolute. */
  path: string;
  /** Octal digits, four. */
  mode: string;
  /** `user:group`, names or numbers. */
  owner: string;
  /** SHA-256 of the content, hex. */
  sha256: string;
}

/** A folder that an archive fills. */
export interface RecipeArchive {
  /** Absolute: the folder its entries lie in. */
  path: string;
  /** `user:group`; all entries get it. */
  owner: string;
  /** SHA-256 of the list of its entries and their contents (archive/read.ts), hex: not of the packed bytes. */
  sha256: string;
}

/** A kernel module that is not in the kernel's package. */
export interface RecipeModule {
  /** As `beegfs`: the file is beegfs.ko. */
  name: string;
  sha256: string;
}

/** Where pages go that do not fit into memory. Sizes in MiB. */
export type Memory =
  | { kind: "none" }
  | { kind: "zram"; percent: number }
  | { kind: "swapfile"; size: number }
  | { kind: "zswap"; size: number };

/** A line of fstab(5). */
export interface Mount {
  device: string;
  path: string;
  type: string;
  options: string;
  pass: number;
}

/** Tuning that is not a sysctl. */
export interface Knobs {
  /** Modes of transparent huge pages and of their defragmentation. */
  hugepages: "always" | "madvise" | "never";
  /** File below /sys/block/<disk>/queue to value. */
  block: Record<string, string>;
  /** ethtool's offloads to on or off. */
  offload: Record<string, "on" | "off">;
}

/** A health check that the server makes by itself. */
export interface RecipeCheck extends Probe {
  name: string;
  /** Seconds for one try. */
  timeout: number;
  /** Whether its failing makes the server unhealthy. */
  required: boolean;
}

export interface Recipe {
  target: Target;
  release: string;
  arch: string;
  mirror: string;
  /**
   * As apk reads them: a tag before the name. In their order: of two packages with the same version apk takes that of
   * the first. Sorted in the image.
   */
  repositories: string[];
  keys: Keys;
  /** What the user and the profile ask for, with constraints. Sorted. */
  packages: string[];
  /** Flavour: the package is linux-<kernel>; "none" where the system boots no kernel of its own. */
  kernel: string;
  timezone: string;
  hostname: string;
  authorizedKeys: string[];
  users: RecipeUser[];
  ssh: "dropbear" | "openssh";
  /** Besides the base system's. */
  services: Services;
  sysctl: Record<string, string>;
  modules: string[];
  /** Sorted by path. */
  files: RecipeFile[];
  /** Sorted by path. */
  archives: RecipeArchive[];
  /** Sorted by name. */
  extraModules: RecipeModule[];
  /** Sorted. */
  extras: Extra[];
  /** The console's keymap: `us`, `de-latin1`; layout, then variant. */
  keymap?: { layout: string; variant: string };
  /** LANG. */
  locale?: string;
  ntp?: { client: "busybox" | "chrony"; servers: string[] };
  /** Addresses for resolv.conf; what a server's own network says wins. */
  dns: string[];
  mounts: Mount[];
  memory: Memory;
  /** By ulimit's long names, "nofile" -> "917504". */
  limits: Record<string, string>;
  knobs?: Knobs;
  /** Absent: nothing feeds the hardware's watchdog outside of trials. */
  watchdog?: { seconds: number };
  motd?: string;
  /** Commands for /bin/sh with the tree as root, in order, without a network. */
  hooks: string[];
  /** Sorted by name; undefined, not empty, for none. */
  healthChecks?: RecipeCheck[];
}

/** What a setting or an extra brings to a tree. */
export interface Piece {
  packages?: string[];
  services?: Services;
  modules?: string[];
  files?: { path: string; content: string; mode?: string }[];
  links?: { path: string; target: string }[];
}
