/**
 * Figures that previews of images pass to previews of servers in the same run, before anything is built. They are shown
 * as "about".
 */
import type { SshServer } from "../boot/target.ts";

export interface ImageEstimate {
  /** Alpine's name of the architecture. */
  arch: string;
  /** Bytes of the packages as they are downloaded. */
  compressed: number;
  /** Bytes of the installed packages. */
  unpacked: number;
  target: "vm" | "container";
  /** Absent: the image has no SSH server. */
  ssh?: SshServer;
}

let latest: ImageEstimate | undefined;
const targets = new Set<ImageEstimate["target"]>();
const servers = new Set<ImageEstimate["ssh"]>();

/** Called by Rootfs' preview; the largest of a run counts. */
export function noteImage(estimate: ImageEstimate): void {
  targets.add(estimate.target);
  servers.add(estimate.ssh);
  if (!latest || estimate.unpacked > latest.unpacked) latest = estimate;
}

export function largestImage(): ImageEstimate | undefined {
  return latest;
}

/** The target of every image in this run; undefined: they differ, and which one a server gets is not known. */
export function onlyTarget(): ImageEstimate["target"] | undefined {
  return targets.size === 1 ? [...targets][0] : undefined;
}

/** The SSH server of every image of this run; undefined: they differ. */
export function onlySshServer(): SshServer | undefined {
  return servers.size === 1 ? [...servers][0] : undefined;
}

let leastDisk: number | undefined;
let fitDisk = false;
let unfitDisk: string | undefined;

/**
 * Called by DiskImage's preview: bytes of the disk, 0 when they are not known, and why an overwrite cannot use it. The
 * smallest of a run counts, because it is not known here which image a server gets.
 */
export function noteDisk(bytes: number, unfit?: string): void {
  leastDisk = Math.min(leastDisk ?? bytes, bytes);
  if (unfit === undefined) fitDisk = true;
  else unfitDisk = unfit;
}

/** Why an overwrite can use none of this run's disk images; undefined: it can use one, or that is not known. */
export function noDiskFits(): string | undefined {
  return fitDisk ? undefined : unfitDisk;
}

/** Bytes of the smallest disk image in this run; undefined: not known. */
export function smallestDisk(): number | undefined {
  return leastDisk || undefined;
}

/**
 * Least and most bytes of a packed sysroot, from the bytes of its files. Measured on systems with kernel modules and
 * firmware, which are packed already: zstd -3 took 0.42 to 0.58 of them, gzip -3 0.69 to 0.73. A system with a kernel
 * has more of what does not pack.
 */
export function packedRange(unpacked: number, compression: "zstd" | "gzip"): [number, number] {
  const [least, most] = compression === "zstd" ? [0.35, 0.75] : [0.4, 0.85];
  return [Math.round(unpacked * least), Math.round(unpacked * most)];
}
