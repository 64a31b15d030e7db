/** xfs. Its mkfs makes no hard links, so a kernel fills it. */
import { type Filesystem, MiB, up } from "./filesystem.ts";

/** mkfs.xfs makes no smaller filesystem, and no smaller log. */
const LEAST = 300 * MiB;
const LOG = 64 * MiB;
const INODE = 512;
/** It takes another MiB (measured); the kernel keeps 5 % back, 32 MiB at most. */
const SHARE = 1.05;

export const xfs: Filesystem = {
  name: "xfs",
  root: {
    bytesFor: ({ bytes, inodes }, free) => up(Math.max(LEAST, (bytes + free + inodes * INODE + LOG) * SHARE), MiB),
    packages: ["xfsprogs"],
    ownBoot: true,
    make: (uuid) => ["mkfs.xfs", "-q", "-L", "pine", "-m", `uuid=${uuid}`],
    grows: { program: "/usr/sbin/xfs_growfs", package: "xfsprogs-extra" },
  },
  data: { least: LEAST, packages: ["xfsprogs"], make: (label) => ["mkfs.xfs", "-q", "-f", "-L", label] },
  grubWrites: true,
  leaves: true,
  newUuid: "xfs: xfs_admin -U generate",
};
