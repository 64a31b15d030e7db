/** What is known of a server (facts.ts). Anything that could not be read is absent. */

export interface Address {
  family: 4 | 6;
  address: string;
  prefix: number;
  /** Point-to-point peer. */
  peer?: string;
  /** With a lifetime: from DHCP or router advertisements. */
  dynamic: boolean;
  scope: "global" | "link" | "host" | "site";
}

export type InterfaceKind = "physical" | "loopback" | "vlan" | "bond" | "bridge" | "virtual";

export interface Interface {
  name: string;
  /** The kernel's number: the order in which it found them. */
  index: number;
  kind: InterfaceKind;
  mac?: string;
  mtu?: number;
  up: boolean;
  /** Name of the bond or bridge this one is in. */
  master?: string;
  addresses: Address[];
  /** Where a DHCP client for it was seen: "dhclient", "networkd", "interfaces", … */
  dhcp?: string;
}

export interface Route {
  family: 4 | 6;
  /** "default" or a prefix. */
  to: string;
  via?: string;
  dev: string;
  onlink: boolean;
  metric?: number;
  src?: string;
  /** "kernel", "ra", "dhcp", "static", "boot", … */
  proto?: string;
}

export interface NetworkFacts {
  interfaces: Interface[];
  routes: Route[];
  nameservers: string[];
  search: string[];
}

/** What lies between a file system and the disk. "plain" is a partition, "disk" a whole disk. */
export type BlockKind = "plain" | "disk" | "lvm" | "raid" | "luks" | "multipath" | "mapper" | "loop" | "unknown";

export interface RootFacts {
  /** `/dev/vda2`; as the kernel names it. */
  device: string;
  /** ext4, xfs, btrfs, overlay, … */
  type: string;
  uuid?: string;
  options: string[];
  sizeKiB: number;
  freeKiB: number;
  /** Absent where the file system does not count inodes. */
  freeInodes?: number;
  kind: BlockKind;
  partition?: number;
  /** `/dev/vda`. */
  disk?: string;
  diskBytes?: number;
  /** gpt or dos. */
  tableType?: string;
  tableId?: string;
  partuuid?: string;
}

export interface Mount {
  source: string;
  target: string;
  type: string;
  /** Free space, where it could be had. */
  freeKiB?: number;
}

export interface GrubFacts {
  version?: string;
  /** Folder of grub.cfg on the running system: `/boot/grub` or `/boot/grub2`. */
  folder: string;
  /** Platform folders in it: `i386-pc`, `x86_64-efi`. */
  platforms: string[];
  /** grub.cfg sources custom.cfg of its folder (Debian's 41_custom). */
  sourcesCustom: boolean;
  /** A custom.cfg exists; with our marker in it or not. */
  custom: "none" | "ours" | "other" | "mixed";
  grubenv: boolean;
  /** GRUB_DEFAULT of /etc/default/grub. */
  default?: string;
}

export interface Slots {
  /** Confirmed slot, "" the old system. */
  slot: string;
  trial: string;
  tries: number;
  boots: number;
}

/** A disk of the server, not a partition or a layer over one. */
export interface Disk {
  /** `/dev/vda`. */
  device: string;
  /** Its lasting names: `/dev/disk/by-id/…`. */
  byId: string[];
  bytes: number;
  /** gpt or dos. */
  tableType?: string;
  tableId?: string;
  /** Bytes of a sector as the disk counts them. */
  sectorSize: number;
  /** sha256 of its first two sectors: what it is known by while its partition table may be none. */
  head?: string;
  partitions: DiskPartition[];
  /** File systems on it that are mounted, by whatever layers; swap is not among them. */
  mounts: { target: string; source: string; type: string }[];
}

export interface DiskPartition {
  /** `/dev/vda5`. */
  device: string;
  number: number;
  /** Bytes. */
  start: number;
  bytes: number;
  /** Of the file system. */
  label?: string;
  type?: string;
  uuid?: string;
  partuuid?: string;
}

/** The RAM system of an overwrite that runs instead of any installed one. */
export interface RamFacts {
  /** id, stack, urn, created, old. */
  install: Record<string, string>;
  /** The plan it was started with, as JSON. */
  plan: string;
  /** sha256 of the image whose blocks are being written. */
  image?: string;
  /** Blocks of it, and how many of them are written and compared. */
  blocks: number;
  verified: number;
  finished: boolean;
}

export interface PineFacts {
  /** boot/grub/pine/install as it is: id, stack, urn, method, created, old, … */
  install?: Record<string, string>;
  slots?: Slots;
  /** From the kernel's arguments: slot and deployment (`<checksum>.<n>`) that run. */
  runningSlot?: string;
  runningTrial: boolean;
  deployment?: string;
  /** Deployments on the disk, `<stateroot>/<checksum>.<n>`. */
  deployments: string[];
  ram?: RamFacts;
  /** Left by an install that did not finish: "/.pine-new", "/ostree", "/boot/ostree". */
  leftovers: string[];
}

/** What is known of a server. Anything that could not be read is absent. */
export interface Facts {
  uid: number;
  os: { id: string; idLike: string[]; versionId?: string; codename?: string; name: string };
  hostname: string;
  timezone?: string;
  kernelRelease: string;
  /** `uname -m`: x86_64, aarch64, … */
  arch: string;
  cmdline: string[];
  /** console= arguments, in their order. */
  consoles: string[];
  bootId: string;
  /** lxc, openvz, docker, … when it is no machine of its own. */
  container?: string;
  /** DMI vendor and product: "QEMU", "Standard PC". */
  machine?: string;
  /** PV, PVH or HVM under Xen: a PV guest's kernel is not started by the GRUB on its disk. */
  xen?: string;
  firmware: "bios" | "uefi";
  secureBoot?: boolean;
  /** none, integrity, confidentiality. */
  lockdown?: string;
  /** Whether the kernel starts another one (kexec); undefined: it was built without. */
  kexec?: "allowed" | "disabled";
  /** A hardware watchdog's device is there. */
  watchdog: boolean;
  ramKiB: number;
  availableKiB?: number;
  swapKiB: number;
  root: RootFacts;
  mounts: Mount[];
  disks: Disk[];
  grub?: GrubFacts;
  network: NetworkFacts;
  /** name -> path or, for tar, its kind ("gnu", "busybox"). */
  tools: Record<string, string>;
  /** Public SSH host keys, `ssh-ed25519 AAAA…`. */
  hostKeys: string[];
  authorizedKeys: { root: string[]; login: string[] };
  pine: PineFacts;
}
