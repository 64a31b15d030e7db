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
