/** What a disk image will look like: partitions, sizes, identifiers. Pure; disk.ts does it. */
import { createHash } from "node:crypto";
import { die } from "../errors.ts";
import {
  ALIGN,
  type Content,
  type Filesystem,
  FREE_DEFAULT,
  FREE_MIN,
  filesystemFor,
  MiB,
  mib,
  sizesBefore,
  up,
} from "./disk-sizes.ts";

export const SECTOR = 512;

/** GRUB's core.img is about 200 kB; 1 MiB is what every distribution gives it. */
const BIOS_BOOT = MiB;
/** FAT16 with 1 KiB clusters ends at 65524 of them; larger ones are FAT32. */
const FAT16_MAX = 60 * MiB;

/** gpt: GPT with a protective MBR, for BIOS and UEFI; mbr: for the BIOS of old hosts alone. */
export const LABELS = ["gpt", "mbr"] as const;
export type Label = (typeof LABELS)[number];

/** What makes an image this image: with the commit, all its identifiers derive from it. */
export interface ImageOptions {
  /** Kind of partition table; default gpt. */
  label?: Label;
  /** Size of the whole disk in bytes; default: content and 256 MiB. */
  size?: number;
  /** Of gpt: size of the EFI system partition in bytes; default 8 MiB. */
  espSize?: number;
  /** The root's; default ext4. */
  filesystem?: Filesystem;
  /** Size of a /boot partition in bytes; default none with ext4: /boot lies on the root filesystem. */
  bootSize?: number;
  /** Size of a swap partition in bytes; default none. */
  swap?: number;
  /** The root grows on a larger disk; default true. */
  grow?: boolean;
  /** Kernel arguments beside Pine's own. */
  kernelArguments?: readonly string[];
  /** Values of console=, the last is /dev/console. */
  console?: readonly string[];
  /** What the boot menu shows, before the day of the newest package. */
  title: string;
  /** Default: the Rootfs's. */
  hostname?: string;
}

export interface Partition {
  name: "bios" | "esp" | "boot" | "swap" | "root";
  /** GPT's, or two hex digits of an MBR. */
  type: string;
  /** As the kernel's PARTUUID: GPT's identifier, or the MBR's with the partition's number. */
  uuid: string;
  /** Bytes from the start of the disk. */
  start: number;
  /** Bytes. */
  size: number;
}

export interface DiskPlan {
  label: Label;
  /** Bytes of the whole disk. */
  size: number;
  filesystem: Filesystem;
  /** GPT's disk identifier, or the MBR's 8 hex digits. */
  guid: string;
  /** UUID of the root filesystem. */
  rootUuid: string;
  /** UUID of the filesystem that GRUB reads: of /boot, or the root's. */
  bootUuid: string;
  /** UUID of the swap partition's header. */
  swapUuid: string;
  /** Of ext4's folder hashes. */
  hashSeed: string;
  /** FAT's serial number, 8 hex digits. */
  espSerial: string;
  /** In the order of the table; root is the last. */
  partitions: Partition[];
  /** Where GRUB's core.img lies. */
  core: { start: number; size: number };
}

const TYPES: Record<Label, Record<Partition["name"], string>> = {
  gpt: {
    bios: "21686148-6449-6E6F-744E-656564454649",
    esp: "C12A7328-F81F-11D2-BA4B-00A0C93EC93B",
    boot: "0FC63DAF-8483-4772-8E79-3D69D8477DE4",
    swap: "0657FD6D-A4AB-43C4-84E5-0933C84B4F4F",
    root: "0FC63DAF-8483-4772-8E79-3D69D8477DE4",
  },
  mbr: { bios: "", esp: "ef", boot: "83", swap: "82", root: "83" },
};

/** A partition of the plan that is always there: root, and of gpt esp. */
export function partitionOf(plan: { partitions: Partition[] }, name: Partition["name"]): Partition {
  return plan.partitions.find((p) => p.name === name) ?? die(`the disk image has no partition ${name}`);
}

/** The partition that GRUB reads: /boot where there is one, else root. */
export function bootPartition(plan: { partitions: Partition[] }): Partition {
  return plan.partitions.find((p) => p.name === "boot") ?? partitionOf(plan, "root");
}

/** Bits of the ESP's FAT and sectors of its clusters. */
export const fatOf = (bytes: number) => (bytes > FAT16_MAX ? { bits: 32, cluster: 1 } : { bits: 16, cluster: 2 });

/** A name of the image by what goes into it and what makes it: the same inputs, the same name. */
export function imageName(checksum: string, options: ImageOptions, format: string): string {
  return `${checksum.slice(0, 16)}-${sha256(`${seedOf(checksum, options)} ${format}`).slice(0, 16)}`;
}

const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");

function seedOf(checksum: string, o: ImageOptions): string {
  const sizes = [o.size ?? 0, o.espSize ?? 0];
  const all = [checksum, ...sizes, o.kernelArguments ?? [], o.console ?? [], o.title, o.hostname ?? ""];
  // what is as it always was adds nothing: an image keeps its identifiers
  const later = [
    ...(o.label === "mbr" ? [o.label] : []),
    ...(o.swap ? [`swap ${o.swap}`] : []),
    ...((o.filesystem ?? "ext4") === "ext4" ? [] : [o.filesystem]),
    ...(o.bootSize ? [`boot ${o.bootSize}`] : []),
    ...(o.grow === false ? ["fixed"] : []),
  ];
  return sha256(JSON.stringify([...all, ...later]));
}

/** A UUID (version 8: by the vendor's own rule) out of the seed. */
function uuidOf(seed: string, purpose: string): string {
  const bytes = createHash("sha256").update(`${seed} ${purpose}`).digest().subarray(0, 16);
  bytes[6] = (bytes[6]! & 0x0f) | 0x80;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  return bytes.toString("hex").replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

/** Plans an image; refuses sizes into which it does not fit, with the size that it needs. */
export function planDisk(checksum: string, options: ImageOptions, content: Content): DiskPlan {
  const label = options.label ?? "gpt";
  const gpt = label === "gpt";
  const { esp, boot, swap } = sizesBefore(options, content);
  const before = ALIGN + (gpt ? BIOS_BOOT + esp : 0) + boot + swap;
  const after = gpt ? ALIGN : 0; // the second partition table, 33 sectors
  const type = options.filesystem ?? "ext4";
  const needed = before + filesystemFor(content, FREE_MIN, type) + after;
  const size = options.size ?? up(before + filesystemFor(content, FREE_DEFAULT, type) + after, 64 * MiB);
  if (!Number.isInteger(size) || size % ALIGN !== 0)
    die(`size: a disk image cannot have ${size} bytes`, "give its size in whole MiB");
  if (size < needed) {
    const also = [...(boot > 0 ? ["/boot"] : []), ...(swap > 0 ? ["swap"] : []), "update space"];
    const all = also.join(", ").replace(/, ([^,]*)$/, " and $1");
    die(`size: a disk of ${mib(size)} is too small for this commit`, `it needs ${mib(needed)}, ${all} included`);
  }
  const seed = seedOf(checksum, options);
  const guid = gpt ? uuidOf(seed, "disk") : uuidOf(seed, "disk").slice(0, 8);
  const partitions: Partition[] = [];
  let from = ALIGN;
  const add = (name: Partition["name"], bytes: number) => {
    const uuid = gpt ? uuidOf(seed, `partition ${name}`) : `${guid}-0${partitions.length + 1}`;
    partitions.push({ name, type: TYPES[label][name], uuid, start: from, size: bytes });
    from += bytes;
  };
  if (gpt) {
    add("bios", BIOS_BOOT);
    add("esp", esp);
  }
  // early: an old BIOS reads no further than some GiB
  if (boot > 0) add("boot", boot);
  if (swap > 0) add("swap", swap);
  // the last one: it can grow
  add("root", size - after - from);
  const rootUuid = uuidOf(seed, "root filesystem");
  return {
    label,
    size,
    filesystem: type,
    guid,
    rootUuid,
    bootUuid: boot > 0 ? uuidOf(seed, "boot filesystem") : rootUuid,
    swapUuid: uuidOf(seed, "swap"),
    hashSeed: uuidOf(seed, "hash seed"),
    espSerial: uuidOf(seed, "esp").slice(0, 8),
    partitions,
    // of an MBR it is the gap behind it, where every BIOS boot loader since the 1990s lies
    core: gpt ? { start: ALIGN, size: BIOS_BOOT } : { start: SECTOR, size: ALIGN - SECTOR },
  };
}

/** What sfdisk reads to make the plan's partition table. */
export function sfdiskScript(plan: DiskPlan): string {
  const gpt = plan.label === "gpt";
  const line = (p: Partition) => {
    const place = `start=${p.start / SECTOR}, size=${p.size / SECTOR}, type=${p.type}`;
    if (gpt) return `${place}, uuid=${p.uuid}, name=${p.name}`;
    // some BIOSes pass over a disk without an active partition
    return p.name === "root" ? `${place}, bootable` : place;
  };
  const header = [
    `label: ${gpt ? "gpt" : "dos"}`,
    `label-id: ${gpt ? "" : "0x"}${plan.guid}`,
    "unit: sectors",
    `sector-size: ${SECTOR}`,
  ];
  return `${[...header, "", ...plan.partitions.map(line)].join("\n")}\n`;
}
