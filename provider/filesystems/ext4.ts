/** ext4, and ext2 and ext3, which its driver mounts. */
import { type Content, type Filesystem, MiB, up } from "./filesystem.ts";

/** The root's journal in MiB. Small, because the system writes little and disks are small. */
export const JOURNAL_MIB = 8;
/** The journal of a /boot: the least that ext4 has with blocks of 4 KiB. */
export const BOOT_JOURNAL_MIB = 4;
/** Bytes of filesystem an inode: an OSTree object is 15 kB on average (measured on a minimal system). */
export const BYTES_PER_INODE = 16384;
const INODE_SIZE = 256;

/** Bytes that ext4 takes for itself in a filesystem of this size: inode tables, journal, bitmaps and descriptors. */
function overhead(size: number, journalMiB: number): number {
  return Math.ceil(size / BYTES_PER_INODE) * INODE_SIZE + journalMiB * MiB + Math.ceil(size * 0.002) + 2 * MiB;
}

/** Bytes of the smallest ext4 in which so many bytes are free for files: whole MiB, `least` or more. */
export function ext4For(bytes: number, journalMiB: number, least = bytes): number {
  let size = up(Math.max(bytes, least), MiB);
  while (size - overhead(size, journalMiB) < bytes) size += MiB;
  return size;
}

export const ext4: Filesystem = {
  name: "ext4",
  root: {
    bytesFor: ({ bytes, inodes }: Content, free) =>
      ext4For(bytes + free, JOURNAL_MIB, (inodes + 1024) * BYTES_PER_INODE),
    packages: ["e2fsprogs", "e2fsprogs-extra"],
  },
  data: {
    // room for its journal
    least: 16 * MiB,
    packages: ["e2fsprogs"],
    // nothing boots from this partition, so it may have features that some GRUBs and kernels cannot read
    make: (label) => ["mke2fs", "-q", "-F", "-t", "ext4", "-L", label],
  },
  grubWrites: true,
  leaves: true,
  newUuid: "ext4: tune2fs -U random",
};

/** Of old systems only. */
export const ext3: Filesystem = { name: "ext3", grubWrites: true, leaves: true };
export const ext2: Filesystem = { name: "ext2", grubWrites: true, leaves: true };
