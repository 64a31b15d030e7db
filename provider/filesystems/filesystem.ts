/** What Pine has to know of a filesystem. Only data and pure functions. */

export const KiB = 1024;
export const MiB = 1024 * KiB;

/** Rounds up to a multiple. */
export const up = (bytes: number, to: number) => Math.ceil(bytes / to) * to;

/** What a root filesystem has to hold. */
export interface Content {
  /** Bytes, each file rounded up to 4 KiB, hard links once. */
  bytes: number;
  /** Files and folders, hard links once. */
  inodes: number;
}

/** A filesystem that can be the root of an image. */
export interface RootFilesystem {
  /** Bytes of the smallest one that holds the content with so many bytes free beside it: whole MiB. */
  bytesFor(content: Content, free: number): number;
  /**
   * Packages of the toolbox that make it, and the command: words that end before the file. Without a command, mke2fs
   * makes and fills it in one go (image/disk/disk.sh). Otherwise a kernel fills it in QEMU.
   */
  packages: readonly string[];
  make?: (uuid: string) => readonly string[];
  /** Beside it an image has a /boot (ext4), for GRUB could not write its state safely. */
  ownBoot?: true;
  /** The package of a Rootfs whose presence brings the kernel module into its initramfs; absent: it always has it. */
  package?: string;
  /** Bytes that the module, with what it needs, adds to kernel and initramfs; absent: counted already. */
  moduleBytes?: number;
  /** The program of the system that lets it grow, where no other package is sure to have it. */
  grows?: { program: string; package: string };
}

/** A filesystem that can be made on a data partition of an overwritten disk, by the RAM system. */
export interface DataFilesystem {
  /** Bytes of the smallest one. */
  least: number;
  packages: readonly string[];
  /** The command: words that end before the device; the first is a program of the packages. */
  make: (label: string) => readonly string[];
}

export interface Filesystem {
  /** As mount -t has it. */
  name: string;
  root?: RootFilesystem;
  data?: DataFilesystem;
  /** GRUB's save_env finds the blocks of a file in it, and may write them. */
  grubWrites?: boolean;
  /** It releases its disk when it is unmounted (a ZFS pool does not). */
  leaves?: boolean;
  /** It may lie on several devices, and has device numbers of its own. */
  severalDevices?: boolean;
  /** How a person gives it another UUID: "ext4: tune2fs -U random". */
  newUuid?: string;
}
