/**
 * What mkswap writes, with a UUID of ours, so that the same image has the same bytes: busybox' has no such option.
 * Pure.
 */

/** Bytes of a page of Linux on everything that images are made for. */
export const PAGE = 4096;

/**
 * The first page of a swap partition of so many bytes: version, last page, UUID and label behind the first KiB, the
 * signature at its end (linux/include/linux/swap.h, union swap_header).
 */
export function swapHeader(bytes: number, uuid: string): Buffer {
  const page = Buffer.alloc(PAGE);
  page.writeUInt32LE(1, 1024);
  page.writeUInt32LE(Math.floor(bytes / PAGE) - 1, 1028);
  Buffer.from(uuid.replaceAll("-", ""), "hex").copy(page, 1036);
  page.write("swap", 1052, 15, "latin1");
  page.write("SWAPSPACE2", PAGE - 10, "latin1");
  return page;
}
