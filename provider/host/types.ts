/**
 * The shapes that provider/host/ works with: connection, facts, network, plan. Who makes them:
 *   ssh.ts      openSsh(connection, task, options?): Promise<Ssh>; withSsh(connection, task, fn); waitForSsh(connection, task, options)
 *   keys.ts     loginPublicKeys(connection, task): Promise<string[]>
 *   errors.ts   SshError (code), RemoteError (exitCode, stdout, stderr)
 *   facts.ts    readFacts(ssh): Promise<Facts>; parseFacts(text): Facts
 *   network.ts  planNetwork(facts, input, hostname): NetworkPlan
 *   plan.ts     planInstall(facts, inputs, image): PlanResult
 */
import type { Readable, Writable } from "node:stream";

// ---- ssh.ts ----------------------------------------------------------------------------------------------------

export interface OpenOptions {
  /** Retry while the server cannot be reached, `dialErrorLimit` times in all. Default: one attempt. */
  wait?: boolean;
  /** Seconds for one attempt, instead of the connection's `perDialTimeout`. */
  connectTimeout?: number;
}

export interface ExecOptions {
  /** What the script finds on its standard input. */
  input?: string | Uint8Array | Readable;
  /** Where standard output goes instead of `stdout`. */
  output?: Writable;
  /** Milliseconds; default no limit. */
  timeout?: number;
  /** As root, through `sudo -n` where the login is not root. Default true. */
  root?: boolean;
  /** Exit codes that are no error; default [0]. */
  ok?: number[];
  onLine?: (line: string, from: "stdout" | "stderr") => void;
  /** What the script does, for errors: "reading facts". */
  what?: string;
}

export interface ExecResult {
  stdout: string;
  stderr: string;
  exitCode: number;
}

export interface UploadOptions extends Omit<ExecOptions, "input" | "output"> {
  /** Bytes to come; fewer or more is an error. */
  size?: number;
  /** Bytes sent so far; some four times a second and at the end. */
  onProgress?: (bytes: number) => void;
}

/** How the login becomes root. */
export type RootWay = "root" | "sudo" | "none";

/** One connection to a server, held open for one operation. */
export interface Ssh {
  /** `user@host:port`, for messages. */
  readonly target: string;
  readonly user: string;
  readonly uid: number;
  readonly rootWay: RootWay;
  /** The host key the server showed: `ssh-ed25519 AAAA…`. */
  readonly hostKeySeen: string;
  /** Boot id of the system this connection was opened to. */
  readonly bootId: string;
  /**
   * Runs a POSIX sh script with `$1`, `$2`, … = `args`. Script and arguments travel over standard input, so neither is in
   * a process list, here or there. Throws {@link RemoteError}, or {@link SshError} when the connection is lost.
   */
  exec(script: string, args?: string[], options?: ExecOptions): Promise<ExecResult>;
  /** Runs a script whose standard input is `source`: a stream, a file (path) or bytes. */
  upload(
    source: Readable | string | Uint8Array,
    script: string,
    args?: string[],
    options?: UploadOptions,
  ): Promise<ExecResult>;
  /** Ends the connection: no process and no file is left. Never throws. */
  close(): Promise<void>;
}

// ---- facts.ts --------------------------------------------------------------------------------------------------

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
  firmware: "bios" | "uefi";
  secureBoot?: boolean;
  /** none, integrity, confidentiality. */
  lockdown?: string;
  /** A hardware watchdog's device is there. */
  watchdog: boolean;
  ramKiB: number;
  availableKiB?: number;
  swapKiB: number;
  root: RootFacts;
  mounts: Mount[];
  /** /boot is a file system of its own. */
  grub?: GrubFacts;
  network: NetworkFacts;
  /** name -> path or, for tar, its kind ("gnu", "busybox"). */
  tools: Record<string, string>;
  /** Public SSH host keys, `ssh-ed25519 AAAA…`. */
  hostKeys: string[];
  authorizedKeys: { root: string[]; login: string[] };
  pine: PineFacts;
}

// ---- network.ts ------------------------------------------------------------------------------------------------

export interface StaticNetwork {
  /** By MAC, else by the old system's name; default: the card of the default route. */
  mac?: string;
  interface?: string;
  /** With prefix: `203.0.113.7/32`, `2001:db8::7/64`. */
  addresses: string[];
  /** At most one a family; outside the prefix = on-link. */
  gateways?: string[];
  nameservers?: string[];
  search?: string[];
  mtu?: number;
}

export type NetworkInput = "keep" | "dhcp" | { static: StaticNetwork };

/** Files of the new system, each whole. */
export interface NetworkFiles {
  /** /etc/network/interfaces, ifupdown-ng. */
  interfaces: string;
  /** /etc/mactab for busybox nameif: `eth0 52:54:00:12:34:56`. */
  mactab: string;
  /** /etc/resolv.conf; undefined: the DHCP client writes it. */
  resolvConf?: string;
  /** /etc/hosts. */
  hosts: string;
  /** One line: `10.0.2.15/24 via 10.0.2.2`. */
  summary: string;
}

export interface Refusal {
  /** Stable name: "container", "secure-boot", "root-lvm", … */
  code: string;
  message: string;
  hint: string;
}

export type NetworkPlan = { files: NetworkFiles; refusals: []; notes: string[] } | { refusals: Refusal[] };

// ---- plan.ts ---------------------------------------------------------------------------------------------------

export type Method = "auto" | "alongside" | "overwrite" | "container";

export interface PlanInputs {
  method?: Method;
  network?: NetworkInput;
  /** Go on where only the distribution is unknown. */
  force?: boolean;
  /** New hostname; default the old one. */
  hostname?: string;
  /** Keys of root in addition to those kept; public key lines. */
  authorizedKeys?: string[];
  /** How the connection becomes root (`Ssh.rootWay`) and who logs in. */
  rootWay: RootWay;
  user: string;
  /** Public keys the connection can log in with (`loginPublicKeys`); at least one must be accepted afterwards. */
  loginKeys: string[];
  /** `project/stack`, to tell our installs from those of others. */
  stack: string;
  /** The installation id in the state, when there is one. */
  installationId?: string;
  onDestroy?: "restore" | "retain";
  /** Seconds; default 300. */
  deadman?: number;
}

export interface ImageFacts {
  /** As `uname -m` says it. */
  arch: string;
  /** Compressed bytes to send. */
  sysrootBytes?: number;
  /** Bytes on the disk when unpacked. */
  unpackedBytes?: number;
  /** The figures are estimates (preview of an image not built yet). */
  about: boolean;
  /** Compression of the sysroot as it is sent; decides which tool the server needs. */
  compression?: "zstd" | "gzip";
}

/** What `Pine already here` means for the caller. */
export type Existing = "none" | "half" | "ours" | "adopt";

export interface Plan {
  method: "alongside";
  existing: Existing;
  disk: {
    device: string;
    partition?: number;
    ptuuid?: string;
    partuuid?: string;
    rootUuid: string;
    rootDevice: string;
  };
  grubFolder: string;
  network: NetworkFiles;
  hostname: string;
  /** Lines for root's authorized_keys of the new system. */
  authorizedKeys: string[];
  /** Public host keys that are kept (DSA is not). */
  hostKeys: string[];
  /** console= arguments for the new kernel. */
  consoles: string[];
  sendBytes?: number;
  about: boolean;
  /** Reboots. */
  boots: number;
  keeps: string[];
  erases: string[];
  /** What destroy gives back: "Debian 12 (bookworm)"; undefined: nothing. */
  restore?: string;
  /** Seconds. */
  deadman: number;
  watchdog: boolean;
  /** The one line of preview. */
  summary: string;
  /** The whole plan for people. */
  lines: string[];
}

export type PlanResult = { plan: Plan; refusals: [] } | { plan?: undefined; refusals: Refusal[] };
