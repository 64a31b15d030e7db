/** FAT: an EFI system partition. */
import type { Filesystem } from "./filesystem.ts";

export const vfat: Filesystem = { name: "vfat", grubWrites: true, newUuid: "FAT: mlabel -n" };
