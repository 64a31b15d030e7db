/** Sizes of a disk image's parts: what its properties take, and what is refused. Pure. */
import { die } from "../../errors.ts";
import { DEFAULT, rootFilesystem } from "../../filesystems/all.ts";
import { BOOT_JOURNAL_MIB, ext4For } from "../../filesystems/ext4.ts";
import { MiB, up } from "../../filesystems/filesystem.ts";
import type { ImageContent } from "../sysroot/tree.ts";

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

export const mib = (bytes: number) => `${Math.ceil(bytes / MiB)} MiB`;

/** The smallest /boot, in MiB steps, that holds three times these bytes of kernel and initramfs. */
export function bootFor(kernel: number): number {
  return ext4For(KERNELS * kernel + BOOT_OTHER, BOOT_JOURNAL_MIB);
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
  o: { label?: string; espSize?: number; bootSize?: number; swap?: number; filesystem?: string },
  content: ImageContent,
): { esp: number; boot: number; swap: number } {
  const gpt = o.label !== "mbr";
  const esp = gpt ? (o.espSize ?? ESP_MIN) : 0;
  if (!gpt && o.espSize !== undefined)
    die(
      'espSize: an image with partitionTable "mbr" has no EFI system partition',
      'leave it out, or set partitionTable: "gpt"',
    );
  if (gpt) bounded("espSize", "the EFI system partition", esp, ESP_MIB);
  const swap = o.swap ?? 0;
  if (swap !== 0) bounded("swap", "a swap partition", swap, SWAP_MIB, ", or leave it out");
  const boot = o.bootSize ?? (rootFilesystem(o.filesystem ?? DEFAULT).ownBoot ? bootDefault(content.boot) : 0);
  if (o.bootSize !== undefined) bounded("bootSize", "a /boot partition", boot, BOOT_MIB, ", or leave it out");
  const least = bootFor(content.boot);
  if (boot > 0 && boot < least)
    die(
      `bootSize: a /boot of ${mib(boot)} is too small for this commit`,
      `give ${mib(least)} or more: it holds kernel and initramfs (${mib(content.boot)}) of ${KERNELS} deployments, two slots and one that is being written`,
    );
  return { esp, boot, swap };
}
