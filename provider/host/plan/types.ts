/** Types of what is planned for a server (ways/plan.ts). */
import type { Lack } from "../../boot/device.ts";
import type { CommitKernel } from "../../boot/kernel.ts";
import type { SlotsPlace } from "../../boot/place.ts";
import type { SshServer } from "../../boot/target.ts";
import type { SignedManifest } from "../../trust/manifest.ts";
import type { HostKeyFile } from "../facts/types/facts.ts";
import type { NetworkFiles, NetworkInput } from "../network/model/types.ts";
import type { Refusal } from "../refusal.ts";
import type { NotRoot, RootWay } from "../ssh/types.ts";
import type { Ignorable } from "./ignorable.ts";
import type { Sending, Step } from "./steps.ts";

export interface BootPlace {
  /** /boot as a filesystem of its own. */
  boot?: { device: string; type: string; uuid: string };
  /** Where the slots lie, unless on the root filesystem. */
  slots?: SlotsPlace;
  /** The folder on the old system, when it is not /boot/grub/pine itself. */
  folder?: string;
}

/** Ways to install a system, by the program's names; auto chooses one. */
export const METHODS = ["auto", "alongside", "overwrite", "container"] as const;
export type Method = (typeof METHODS)[number];

/** A partition behind the image, for data that outlives reinstalls. */
export interface DataPartition {
  /** Label of the file system, by which it is found again; at most 12 characters. */
  label: string;
  /** MiB; the last partition may leave it out and takes the rest of the disk. */
  size?: number;
  filesystem: string;
  /** In /var, /srv, /home, /opt, /mnt or /root. */
  mountPoint: string;
}

export interface PlanInputs {
  method?: Method;
  /** Overwrite may erase the disk. */
  erase?: boolean;
  /**
   * Which disk: the id of its partition table, a link in /dev/disk/by-id, or its device. Needed only if there are
   * several.
   */
  disk?: string;
  dataPartitions?: DataPartition[];
  /** Install anew although Pine runs there. */
  reinstall?: boolean;
  /** URN of the resource: only its own Pine is installed anew. */
  urn?: string;
  network?: NetworkInput;
  /** Refusals that a person overrules. */
  ignoreChecks?: readonly Ignorable[];
  /** New hostname; default the old one. */
  hostname?: string;
  /** Keys of root in addition to those kept; public key lines. */
  authorizedKeys?: string[];
  /** How the connection becomes root (`Ssh.rootWay`) and who logs in. */
  rootWay: RootWay;
  /** Why, when rootWay is "none" (`Ssh.notRoot`). */
  notRoot?: NotRoot;
  user: string;
  /** What the connection dials: an address or a name, and its port; default 22. */
  host?: string;
  port?: number;
  /** Public keys the connection can log in with (`loginPublicKeys`); at least one must be accepted afterwards. */
  loginKeys: string[];
  /** The host key that the connection saw (`Ssh.hostKeySeen`): the new system must have it. */
  hostKeySeen?: string;
  /** `project/stack`, to tell our installs from those of others. */
  stack: string;
  /** The installation id in the state, when there is one. */
  installationId?: string;
  onDestroy?: "restore" | "retain";
  /** The old system is removed once the new one is confirmed. */
  finalize?: boolean;
  /** Seconds; default 300. */
  deadman?: number;
  /** Kernel arguments of the user, for a machine only. */
  kernelArguments?: string[];
  /** The commit is rehearsed before the server is touched. */
  rehearse?: { required: boolean };
}

export interface ImageFacts {
  /** As `uname -m` says it. */
  arch: string;
  /** What the commit is for; absent: not known yet. */
  target?: "vm" | "container";
  /** Compressed bytes to send. */
  sysrootBytes?: number;
  /** While the sysroot is not packed: at least and at most. */
  sysrootRange?: [number, number];
  /** Bytes on the disk when unpacked. */
  unpackedBytes?: number;
  /** The figures are estimates (preview of an image not built yet). */
  about: boolean;
  /** Compression of the sysroot as it is sent; decides which tool the server needs. */
  compression?: "zstd" | "gzip";
  /** Checksum of the commit that is to run. */
  commit?: string;
  /** Root filesystems that its initramfs mounts. */
  filesystems?: string[];
  /** It has the program curl; absent: not known. */
  curl?: boolean;
  /** busybox' wget checks certificates with it. */
  ssl_client?: boolean;
  /** Seconds that it may need to judge itself on trial, with all its health checks; absent: not known. */
  judgeSeconds?: number;
  /** Its SSH server; absent: not known. */
  ssh?: SshServer;
  /** Its kernel and initramfs. */
  kernel?: CommitKernel;
  /** What the server has that the commit does not drive; absent: not known. */
  lacks?: Lack[];
  /** Kernels of the commits on the server that the store knows: checksum -> id of their kernel. */
  kernels?: Record<string, string | undefined>;
  /** Its manifest, if it is signed. */
  signed?: SignedManifest;
  /** The disk image that overwrite writes; absent while it is not built. */
  disk?: { commit: string; bytes: number; packedBytes: number; filesystem?: string };
  /** Inputs of its DiskImage that prevent writing it over a disk: `format: "qcow2"`. */
  diskUnfit?: string;
  /** Least size of the image in bytes, while it is not built; absent: not known. */
  diskAtLeast?: number;
}

/** A data partition as it will lie on the disk. */
export interface PlannedData extends Omit<DataPartition, "size"> {
  /** Bytes from the start of the disk. */
  start: number;
  /** Absent: the rest of the disk. */
  bytes?: number;
  /** It exists and stays as it is. */
  keep: boolean;
  partuuid?: string;
}

export interface OverwritePlan {
  /**
   * How the RAM system is started: the running kernel starts another one, the server's own GRUB boots it once, or
   * systemd starts it on the running kernel.
   */
  enter: "kexec" | "grub" | "shutdown";
  /** The boot slot in which GRUB finds it. */
  slot: "a" | "b";
  disk: {
    /** The old system's name for it; the RAM system finds the disk by the other fields. */
    device: string;
    bytes: number;
    sectorSize: number;
    /** sha256 of the first two sectors. */
    head: string;
  };
  data: PlannedData[];
  /** Filesystem of the image's root; absent while it is not built. */
  filesystem?: string;
  /** The inputs from which the plan's network and keys were made; absent: an earlier version made the plan. */
  asked?: { network: NetworkInput; authorizedKeys: string[] };
  /** What is on the disk now and will be gone; for comparing. */
  erases: string;
}

/** What `Pine already here` means for the caller. */
export type Existing = "none" | "half" | "ours" | "adopt";

/** How a server gets the system it is to run. `begun`: an overwrite that was cut off goes on in its RAM system. */
export type Way = Exclude<Method, "auto"> | "update" | "begun";

export interface Plan extends Sending {
  /** How the installation is made, or was made. */
  method: Exclude<Method, "auto">;
  way: Way;
  /**
   * What is done, in this order. The steps of an update are known once the server's files were looked at
   * (resources/hijack/plan/update.ts).
   */
  steps: Step[];
  existing: Existing;
  disk: {
    device: string;
    partition?: number;
    ptuuid?: string;
    partuuid?: string;
    rootUuid: string;
    /** UUID of the /boot filesystem, for a Pine whose image has a /boot partition. */
    bootUuid?: string;
    rootDevice: string;
    rootType: string;
  };
  /** Where GRUB keeps the slots; only for alongside. */
  boot: BootPlace;
  /** UUIDs of the old system's swap partitions, which the new one uses; only for alongside. */
  swap: string[];
  overwrite?: OverwritePlan;
  grubFolder: string;
  network: NetworkFiles;
  hostname: string;
  /** Lines for root's authorized_keys of the new system. */
  authorizedKeys: string[];
  /** Public host keys that are kept (DSA keys are not). */
  hostKeys: string[];
  /** Their files on the running system. */
  hostKeyFiles: HostKeyFile[];
  /** Where the new system's SSH server listens. */
  sshPorts: number[];
  /** console= arguments for the new kernel. */
  consoles: string[];
  /** Restarts of the server. */
  boots: number;
  keeps: string[];
  erases: string[];
  /** What destroy restores: "Debian 12 (bookworm)"; undefined: nothing. */
  restore?: string;
  /** Seconds. */
  deadman: number;
  watchdog: boolean;
  /** The one line of preview. */
  summary: string;
  /** The whole plan for people. */
  lines: string[];
  /** What an update does to files of /etc, a line each. */
  notes?: string[];
}

export type PlanResult = { plan: Plan; refusals: [] } | { plan?: undefined; refusals: Refusal[] };
