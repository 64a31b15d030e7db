/** What previews of images tell the previews of servers in the same run, before anything is built: figures to be marked "about". */
export interface ImageEstimate {
  /** Alpine's name of the architecture. */
  arch: string;
  /** Bytes of the packages as they are downloaded. */
  compressed: number;
  /** Bytes when installed. */
  unpacked: number;
}

let latest: ImageEstimate | undefined;

/** Called by Rootfs' preview; the largest of a run counts. */
export function noteImage(estimate: ImageEstimate): void {
  if (!latest || estimate.unpacked > latest.unpacked) latest = estimate;
}

export function largestImage(): ImageEstimate | undefined {
  return latest;
}

let leastDisk: number | undefined;

/** Called by DiskImage's preview: bytes of the disk, 0 when they are not known. Which image a server gets is not told: the smallest of a run counts. */
export function noteDisk(bytes: number): void {
  leastDisk = Math.min(leastDisk ?? bytes, bytes);
}

/** Bytes that any disk image of this run has at least; undefined: not known. */
export function smallestDisk(): number | undefined {
  return leastDisk || undefined;
}
