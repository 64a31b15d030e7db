/** A server's disks, and what lies on them. */

/** What lies between a file system and the disk. "plain" is a partition, "disk" a whole disk. */
export type BlockKind = "plain" | "disk" | "lvm" | "raid" | "luks" | "multipath" | "mapper" | "loop" | "unknown";

export interface RootFacts {
  /** `/dev/vda2`; as the kernel names it. */
  device: string;
  /** ext4, xfs, btrfs, overlay, … */
  type: string;
  uuid?: string;
  options: string[];
  sizeKiB: number;
  freeKiB: number;
  /** Absent where the file system does not count inodes. */
  freeInodes?: number;
  kind: BlockKind;
  partition?: number;
  /** `/dev/vda`. */
  disk?: string;
  diskBytes?: number;
  /** gpt or dos. */
  tableType?: string;
  tableId?: string;
  partuuid?: string;
}

/** A disk or partition and what is on it. */
export interface Volume {
  /** `/dev/vda2`. */
  device: string;
  bytes: number;
  /**
   * As blkid names it: ext4, vfat, swap, LVM2_member, linux_raid_member, crypto_LUKS, zfs_member, …; absent: nothing
   * known, or not root.
   */
  type?: string;
  label?: string;
  uuid?: string;
  /** Only of a partition. */
  partuuid?: string;
  /** What is built upon it: lvm, raid, luks, multipath, mapper. */
  holds: BlockKind[];
  /** Where it, or what is built upon it, is mounted; "swap" for swap. Not what is on a disk's partitions. */
  mounts: string[];
}

export interface Disk extends Volume {
  /** gpt or dos; absent: none, or not root. */
  table?: string;
  /** A GPT's GUID, in lower case; eight hexadecimal digits of a DOS table. */
  tableId?: string;
  /** Its names in /dev/disk/by-id. */
  ids: string[];
  model?: string;
  removable: boolean;
  readOnly: boolean;
  /** Bytes of a sector as the disk counts them. */
  sectorSize: number;
  /** What a BIOS would run from its first sector; absent: it could not be read. */
  bootCode?: "grub" | "other" | "none";
  /** Where something is mounted whose device cannot be found: it may be on this disk. */
  perhaps?: string[];
  /** sha256 of its first two sectors, which identifies it whatever its table is; absent when they could not be read. */
  head?: string;
  /** In the order of their numbers. */
  partitions: DiskPartition[];
}

export interface DiskPartition extends Volume {
  number: number;
  /** Bytes from the start of the disk. */
  start: number;
}

export interface Mount {
  source: string;
  target: string;
  type: string;
  /** Free space, where it could be read. */
  freeKiB?: number;
  readOnly?: true;
}
