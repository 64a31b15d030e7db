/** btrfs. A kernel fills it, since its mkfs keeps no capabilities of files. GRUB cannot write to it. */
import { type Filesystem, MiB, up } from "./filesystem.ts";

/** mkfs.btrfs makes no smaller filesystem with its metadata twice. */
const LEAST = 128 * MiB;
/** Chunks of metadata (32 MiB) and of the system (8 MiB), twice each, and what is reserved. */
const CHUNKS = 96 * MiB;
/** Bytes of an inode with its names, twice; small files lie there too, not in blocks of their own. */
const INODE = 2048;
const SHARE = 1.1;

export const btrfs: Filesystem = {
  name: "btrfs",
  root: {
    bytesFor: ({ bytes, inodes }, free) => up(Math.max(LEAST, (bytes + free + inodes * INODE + CHUNKS) * SHARE), MiB),
    packages: ["btrfs-progs"],
    ownBoot: true,
    make: (uuid) => ["mkfs.btrfs", "-q", "-L", "pine", "-U", uuid],
    // its programs let it grow, too
    package: "btrfs-progs",
    moduleBytes: 1.2e6,
  },
  leaves: true,
  severalDevices: true,
};
