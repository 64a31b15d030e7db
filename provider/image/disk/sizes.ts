/** Sizes of a disk image's parts: what its properties take, what filesystems need, and what is refused. Pure. */
import { die } from "../../errors.ts";
import type { Content } from "../sysroot/tree.ts";

const KiB = 1024;
export const MiB = 1024 * KiB;

/** What the root can be. All except ext4 need a /boot partition: GRUB cannot write its state to them safely. */
export const FILESYSTEMS = ["ext4", "xfs", "btrfs"] as const;
export type Filesystem = (typeof FILESYSTEMS)[number];

/**
 * Everything is aligned to this, as sfdisk and Windows do: it is a multiple of every erase block and RAID stripe in
 * use.
 */
export const ALIGN = MiB;
/** BOOTX64.EFI is about 900 kB; 8 MiB is also enough for a FAT16, which more firmwares read than FAT12. */
export const ESP_MIN = 8 * MiB;
/**
 * What the properties take, in MiB. An ESP larger than any firmware's or vendor's updates need is a typing error; so is
 * a swap too small to be of use.
 */
export const ESP_MIB = { min: ESP_MIN / MiB, max: 1024 };
export const SWAP_MIB = { min: 16, max: 256 * 1024 };
/** The minimum catches typing errors; what the commit's kernel needs is checked when it is known. */
export const BOOT_MIB = { min: 16, max: 4096 };
/** The root's journal. Small, because the system writes little and disks are small. */
export const JOURNAL_MIB = 8;
/** The journal of a /boot: the least that ext4 has with blocks of 4 KiB. */
export const BOOT_JOURNAL_MIB = 4;
/** Bytes of filesystem an inode: an OSTree object is 15 kB on average (measured on a minimal system). */
export const BYTES_PER_INODE = 16384;
const INODE_SIZE = 256;
/**
 * mkfs.xfs makes no smaller filesystem or log. It takes another MiB (measured); the kernel keeps 5 % back, 32 MiB at
 * most.
 */
const XFS_MIN = 300 * MiB;
const XFS_LOG = 64 * MiB;
const XFS_INODE = 512;
const XFS_SHARE = 1.05;
/** mkfs.btrfs makes no smaller filesystem with its metadata twice. */
const BTRFS_MIN = 128 * MiB;
/** Chunks of metadata (32 MiB) and of the system (8 MiB), twice each, and what is reserved. */
const BTRFS_CHUNKS = 96 * MiB;
/** Bytes of an inode with its names, twice; small files lie there too, not in blocks of their own. */
const BTRFS_INODE = 2048;
const BTRFS_SHARE = 1.1;
/** Free space by default: a second deployment with another kernel, its delta, logs. */
export const FREE_DEFAULT = 256 * MiB;
/** Free space that an update needs at least: its delta, changed files and another kernel (25 MB). */
export const FREE_MIN = 64 * MiB;
/**
 * Deployments whose kernels lie in /boot at once: both slots', and the one that is being written (OSTree removes an old
 * one last).
 */
const KERNELS = 3;
/** Beside kernels in /boot: GRUB's configuration, the slots, OSTree's entries, folders. */
const BOOT_OTHER = MiB;

export const up = (bytes: number, to: number) => Math.ceil(bytes / to) * to;
export const mib = (bytes: number) => `${Math.ceil(bytes / MiB)} MiB`;

/** Bytes that ext4 takes for itself in a filesystem of this size: inode tables, journal, bitmaps and descriptors. */
function ext4Overhead(size: number, journalMiB: number): number {
  return Math.ceil(size / BYTES_PER_INODE) * INODE_SIZE + journalMiB * MiB + Math.ceil(size * 0.002) + 2 * MiB;
}

/** The smallest root filesystem, in MiB steps, that holds the content with so much free beside it. */
export function filesystemFor(content: Content, free: number, type: Filesystem = "ext4"): number {
  const bytes = content.bytes + free;
  if (type === "xfs") return up(Math.max(XFS_MIN, (bytes + content.inodes * XFS_INODE + XFS_LOG) * XFS_SHARE), MiB);
  if (type === "btrfs")
    return up(Math.max(BTRFS_MIN, (bytes + content.inodes * BTRFS_INODE + BTRFS_CHUNKS) * BTRFS_SHARE), MiB);
  let size = up(Math.max(bytes, (content.inodes + 1024) * BYTES_PER_INODE), MiB);
  while (size - ext4Overhead(size, JOURNAL_MIB) < bytes) size += MiB;
  return size;
}

/** The smallest /boot, in MiB steps, that holds three times these bytes of kernel and initramfs. */
export function bootFor(kernel: number): number {
  const bytes = KERNELS * kernel + BOOT_OTHER;
  let size = up(bytes, MiB);
  while (size - ext4Overhead(size, BOOT_JOURNAL_MIB) < bytes) size += MiB;
  return size;
}

/** The default size of /boot: kernels may grow by half, and the RAM system of an overwrite (29 MB) fits beside two. */
export const bootDefault = (kernel: number): number => up(bootFor(Math.max(1.5 * kernel, 29e6)), 16 * MiB);

/** Dies unless a partition can have this size: whole MiB within bounds. */
function bounded(property: string, what: string, bytes: number, { min, max }: { min: number; max: number }, end = "") {
  if (Number.isInteger(bytes) && bytes % ALIGN === 0 && bytes >= min * MiB && bytes <= max * MiB) return;
  die(`${property}: ${what} cannot have ${bytes} bytes`, `give ${min} MiB to ${max} MiB, in whole MiB${end}`);
}

/** Sizes of the partitions before the root, 0 for none; refuses impossible ones. */
export function sizesBefore(
  o: { label?: string; espSize?: number; bootSize?: number; swap?: number; filesystem?: Filesystem },
  content: Content,
): { esp: number; boot: number; swap: number } {
  const gpt = o.label !== "mbr";
  const esp = gpt ? (o.espSize ?? ESP_MIN) : 0;
  if (!gpt && o.espSize !== undefined)
    die('espSize: an image with label "mbr" has no EFI system partition', 'leave it out, or set label: "gpt"');
  if (gpt) bounded("espSize", "the EFI system partition", esp, ESP_MIB);
  const swap = o.swap ?? 0;
  if (swap !== 0) bounded("swap", "a swap partition", swap, SWAP_MIB, ", or leave it out");
  const boot = o.bootSize ?? ((o.filesystem ?? "ext4") === "ext4" ? 0 : bootDefault(content.boot));
  if (o.bootSize !== undefined) bounded("bootSize", "a /boot partition", boot, BOOT_MIB, ", or leave it out");
  const least = bootFor(content.boot);
  if (boot > 0 && boot < least)
    die(
      `bootSize: a /boot of ${mib(boot)} is too small for this commit`,
      `give ${mib(least)} or more: it holds kernel and initramfs (${mib(content.boot)}) of ${KERNELS} deployments, two slots and one that is being written`,
    );
  return { esp, boot, swap };
}
