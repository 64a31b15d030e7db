/**
 * What previews of images tell the previews of servers in the same run, before anything is built: figures to be marked
 * "about".
 */
import type { SshServer } from "../boot/target.ts";

export interface ImageEstimate {
  /** Alpine's name of the architecture. */
  arch: string;
  /** Bytes of the packages as they are downloaded. */
  compressed: number;
  /** Bytes when installed. */
  unpacked: number;
  target: "vm" | "container";
  /** Absent: neither. */
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

/** What every image of this run is for; undefined: they differ, and which one a server gets is not told. */
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
 * Called by DiskImage's preview: bytes of the disk, 0 when they are not known, and why an overwrite cannot take it.
 * Which image a server gets is not told: the smallest of a run counts.
 */
export function noteDisk(bytes: number, unfit?: string): void {
  leastDisk = Math.min(leastDisk ?? bytes, bytes);
  if (unfit === undefined) fitDisk = true;
  else unfitDisk = unfit;
}

/**
 * Why none of the disk images of this run can be written over a server's disk; undefined: one can, or it is not known.
 */
export function noDiskFits(): string | undefined {
  return fitDisk ? undefined : unfitDisk;
}

/** Bytes that any disk image of this run has at least; undefined: not known. */
export function smallestDisk(): number | undefined {
  return leastDisk || undefined;
}

/**
 * Bytes of a sysroot that is not packed yet, at least and at most, from the bytes of its files. Measured against them:
 * zstd -3 took 0.42 to 0.58, and gzip -3 0.69 to 0.73 of systems with kernel modules and firmware, which are packed
 * already; one with a kernel has more of what does not pack.
 */
export function packedRange(unpacked: number, compression: "zstd" | "gzip"): [number, number] {
  const [least, most] = compression === "zstd" ? [0.35, 0.75] : [0.4, 0.85];
  return [Math.round(unpacked * least), Math.round(unpacked * most)];
}
