/** What a disk image will look like: partitions, sizes, identifiers. Pure; disk.ts does it. */
import { createHash } from "node:crypto";
import { die } from "../errors.ts";

const KiB = 1024;
const MiB = 1024 * KiB;
export const SECTOR = 512;

/** Everything is aligned to this: what sfdisk and Windows do, a multiple of every erase block and RAID stripe in use. */
const ALIGN = MiB;
/** GRUB's core.img is about 200 kB; 1 MiB is what every distribution gives it. */
const BIOS_BOOT = MiB;
/** BOOTX64.EFI is about 900 kB; 8 MiB is also enough for a FAT16, which more firmwares read than FAT12. */
const ESP_MIN = 8 * MiB;
/** FAT16 with 1 KiB clusters ends at 65524 of them. */
const ESP_MAX = 60 * MiB;
/** The filesystem's journal. Small: the system writes little, and the disks are. */
export const JOURNAL_MIB = 8;
/** Bytes of filesystem an inode: an OSTree object is 15 kB on average (measured on a minimal system). */
export const BYTES_PER_INODE = 16384;
const INODE_SIZE = 256;
/** Free space by default: a second deployment with another kernel, its delta, logs. */
const FREE_DEFAULT = 256 * MiB;
/** Free space that an update needs at least: its delta, changed files and another kernel (25 MB). */
const FREE_MIN = 64 * MiB;

/** What makes an image this image: with the commit, all its identifiers derive from it. */
export interface ImageOptions {
  /** Size of the whole disk in bytes; default: content and 256 MiB. */
  size?: number;
  /** Size of the EFI system partition in bytes; default 8 MiB. */
  espSize?: number;
  /** Kernel arguments beside Pine's own. */
  kernelArguments?: readonly string[];
  /** Values of console=, the last is /dev/console. */
  console?: readonly string[];
  /** What the boot menu shows. */
  title: string;
  /** Default: the Rootfs's. */
  hostname?: string;
}

/** What the root filesystem has to hold. */
export interface Content {
  /** Bytes, each file rounded up to 4 KiB, hard links once. */
  bytes: number;
  /** Files and folders, hard links once. */
  inodes: number;
}

export interface Partition {
  name: "bios" | "esp" | "root";
  /** GPT type. */
  type: string;
  uuid: string;
  /** Bytes from the start of the disk. */
  start: number;
  /** Bytes. */
  size: number;
}

export interface DiskPlan {
  /** Bytes of the whole disk. */
  size: number;
  /** GPT's disk identifier. */
  guid: string;
  /** UUID of the root filesystem. */
  rootUuid: string;
  /** Of ext4's folder hashes. */
  hashSeed: string;
  /** FAT's serial number, 8 hex digits. */
  espSerial: string;
  partitions: Record<Partition["name"], Partition>;
}

const TYPES = {
  bios: "21686148-6449-6E6F-744E-656564454649",
  esp: "C12A7328-F81F-11D2-BA4B-00A0C93EC93B",
  root: "0FC63DAF-8483-4772-8E79-3D69D8477DE4",
} as const;

const up = (bytes: number, to: number) => Math.ceil(bytes / to) * to;
const mib = (bytes: number) => `${Math.ceil(bytes / MiB)} MiB`;

/** A name of the image by what goes into it and what makes it: the same inputs, the same name. */
export function imageName(checksum: string, options: ImageOptions, format: string): string {
  return `${checksum.slice(0, 16)}-${sha256(`${seedOf(checksum, options)} ${format}`).slice(0, 16)}`;
}

const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");

function seedOf(checksum: string, o: ImageOptions): string {
  const sizes = [o.size ?? 0, o.espSize ?? 0];
  const all = [checksum, ...sizes, o.kernelArguments ?? [], o.console ?? [], o.title, o.hostname ?? ""];
  return sha256(JSON.stringify(all));
}

/** A UUID (version 8: by the vendor's own rule) out of the seed. */
function uuidOf(seed: string, purpose: string): string {
  const bytes = createHash("sha256").update(`${seed} ${purpose}`).digest().subarray(0, 16);
  bytes[6] = (bytes[6]! & 0x0f) | 0x80;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  return bytes.toString("hex").replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

/** Bytes that ext4 takes for itself in a filesystem of this size: inode tables, journal, bitmaps and descriptors. */
function ext4Overhead(size: number): number {
  return Math.ceil(size / BYTES_PER_INODE) * INODE_SIZE + JOURNAL_MIB * MiB + Math.ceil(size * 0.002) + 2 * MiB;
}

/** The smallest filesystem, in MiB steps, that holds the content with so much free beside it. */
function filesystemFor(content: Content, free: number): number {
  let size = up(Math.max(content.bytes + free, (content.inodes + 1024) * BYTES_PER_INODE), MiB);
  while (size - ext4Overhead(size) < content.bytes + free) size += MiB;
  return size;
}

/** Plans an image; refuses sizes into which it does not fit, with the size that it needs. */
export function planDisk(checksum: string, options: ImageOptions, content: Content): DiskPlan {
  const esp = options.espSize ?? ESP_MIN;
  if (!Number.isInteger(esp) || esp % ALIGN !== 0 || esp < ESP_MIN || esp > ESP_MAX)
    die(`the EFI system partition cannot have ${esp} bytes`, `give ${mib(ESP_MIN)} to ${mib(ESP_MAX)}, in whole MiB`);
  const before = ALIGN + BIOS_BOOT + esp;
  const after = ALIGN; // the second partition table, 33 sectors
  const needed = before + filesystemFor(content, FREE_MIN) + after;
  const size = options.size ?? up(before + filesystemFor(content, FREE_DEFAULT) + after, 64 * MiB);
  if (!Number.isInteger(size) || size % ALIGN !== 0)
    die(`a disk image cannot have ${size} bytes`, "give its size in whole MiB");
  if (size < needed)
    die(`a disk of ${mib(size)} is too small for this commit`, `it needs ${mib(needed)}, update space included`);
  const seed = seedOf(checksum, options);
  const part = (name: Partition["name"], start: number, bytes: number): Partition => ({
    name,
    type: TYPES[name],
    uuid: uuidOf(seed, `partition ${name}`),
    start,
    size: bytes,
  });
  return {
    size,
    guid: uuidOf(seed, "disk"),
    rootUuid: uuidOf(seed, "root filesystem"),
    hashSeed: uuidOf(seed, "hash seed"),
    espSerial: uuidOf(seed, "esp").slice(0, 8),
    partitions: {
      bios: part("bios", ALIGN, BIOS_BOOT),
      esp: part("esp", ALIGN + BIOS_BOOT, esp),
      root: part("root", before, size - before - after),
    },
  };
}

/** What sfdisk reads to make the plan's partition table. */
export function sfdiskScript(plan: DiskPlan): string {
  const { bios, esp, root } = plan.partitions;
  const line = (p: Partition) =>
    `start=${p.start / SECTOR}, size=${p.size / SECTOR}, type=${p.type}, uuid=${p.uuid}, name=${p.name}`;
  const header = ["label: gpt", `label-id: ${plan.guid}`, "unit: sectors", `sector-size: ${SECTOR}`];
  return `${[...header, "", ...[bios, esp, root].map(line)].join("\n")}\n`;
}
