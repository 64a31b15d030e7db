/** All filesystems that Pine knows, and what others ask of them. */
import { die } from "../errors.ts";
import { bcachefs } from "./bcachefs.ts";
import { btrfs } from "./btrfs.ts";
import { ext2, ext3, ext4 } from "./ext4.ts";
import type { DataFilesystem, Filesystem, RootFilesystem } from "./filesystem.ts";
import { vfat } from "./vfat.ts";
import { xfs } from "./xfs.ts";

const ALL: readonly Filesystem[] = [ext4, xfs, btrfs, ext3, ext2, vfat, bcachefs];

const find = (name: string): Filesystem | undefined => ALL.find((f) => f.name === name);
const named = (has: (f: Filesystem) => unknown) => ALL.filter(has).map((f) => f.name);

/** What the root of an image can be. */
export const ROOTS = named((f) => f.root);
/** The root of an image, and the kind of a data partition, where nothing else is said. */
export const DEFAULT = ext4.name;
/** Roots of old systems beside which a slot can lie: the initramfs mounts them, and GRUB reads and writes them. */
export const ROOTS_BESIDE = named((f) => f.root && f.grubWrites);
/** What a data partition can be. */
export const DATA = named((f) => f.data);
/** Where GRUB can write its state. */
export const GRUB_WRITES = named((f) => f.grubWrites);
/** Roots that release their disk when they are unmounted. */
export const LEAVES = named((f) => f.leaves);
export const SEVERAL_DEVICES = named((f) => f.severalDevices);
/** Ways to give a filesystem another UUID, for a message. */
export const NEW_UUID = ALL.flatMap((f) => f.newUuid ?? []);

/** What every initramfs mounts. */
export const ALWAYS_MOUNTED = named((f) => f.root && f.root.package === undefined);

/** What an initramfs mounts as a root, where the system has these packages. */
export const mountedWith = (packages: readonly string[]): string[] =>
  named((f) => f.root && (f.root.package === undefined || packages.includes(f.root.package)));

/** A root filesystem by its name; dies where none has it, which only a damaged file or state can say. */
export const rootFilesystem = (name: string): RootFilesystem =>
  find(name)?.root ?? die(`"${name}" is no root filesystem`, `there is ${ROOTS.join(", ")}`);

/** The same of a data partition. */
export const dataFilesystem = (name: string): DataFilesystem =>
  find(name)?.data ?? die(`no data partition is made with "${name}"`, `take ${DATA.join(", ")}`);

/** What to do so that an initramfs mounts such a root. */
export function mountHint(name: string): string {
  const needed = find(name)?.root?.package;
  return needed === undefined
    ? "choose a `kernel` of the Rootfs that has it"
    : `add "${needed}" to \`packages\` of the Rootfs`;
}

/** Bytes that the modules of these roots add to an initramfs. */
export const moduleBytes = (names: readonly string[]): number =>
  ALL.reduce((sum, f) => sum + (names.includes(f.name) ? (f.root?.moduleBytes ?? 0) : 0), 0);

const unique = (words: readonly string[]) => [...new Set(words)];

/** Packages that make the roots of images. */
export const ROOT_PACKAGES = unique(ALL.flatMap((f) => f.root?.packages ?? []));
/** Packages that make data partitions, and their programs. */
export const DATA_PACKAGES = unique(ALL.flatMap((f) => f.data?.packages ?? []));
export const DATA_PROGRAMS = unique(ALL.flatMap((f) => f.data?.make("")[0] ?? []));
