/** What makes two disk images the same one: options, name, UUIDs. Pure. */
import { createHash } from "node:crypto";
import { DEFAULT } from "../../filesystems/all.ts";

/** gpt: GPT with a protective MBR, for BIOS and UEFI; mbr: for the BIOS of old hosts alone. */
export const LABELS = ["gpt", "mbr"] as const;
export type Label = (typeof LABELS)[number];

/** What identifies an image: all its identifiers derive from this and the commit. */
export interface ImageOptions {
  /** Kind of partition table; default gpt. */
  label?: Label;
  /** Size of the whole disk in bytes; default: content and 256 MiB. */
  size?: number;
  /** With gpt: size of the EFI system partition in bytes; default 8 MiB. */
  espSize?: number;
  /** The root's filesystem; default ext4. */
  filesystem?: string;
  /** Bytes of a /boot partition; default: none where it can lie on the root filesystem (ext4). */
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

/** A name of the image, from its inputs and what makes it: the same inputs give the same name. */
export function imageName(checksum: string, options: ImageOptions, format: string): string {
  return `${checksum.slice(0, 16)}-${sha256(`${seedOf(checksum, options)} ${format}`).slice(0, 16)}`;
}

const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");

export function seedOf(checksum: string, o: ImageOptions): string {
  const sizes = [o.size ?? 0, o.espSize ?? 0];
  const all = [checksum, ...sizes, o.kernelArguments ?? [], o.console ?? [], o.title, o.hostname ?? ""];
  // defaults add nothing, so that older images keep their identifiers
  const later = [
    ...(o.label === "mbr" ? [o.label] : []),
    ...(o.swap ? [`swap ${o.swap}`] : []),
    ...((o.filesystem ?? DEFAULT) === DEFAULT ? [] : [o.filesystem]),
    ...(o.bootSize ? [`boot ${o.bootSize}`] : []),
    ...(o.grow === false ? ["fixed"] : []),
  ];
  return sha256(JSON.stringify([...all, ...later]));
}

/** A UUID (version 8: by the vendor's own rule) from the seed. */
export function uuidOf(seed: string, purpose: string): string {
  const bytes = createHash("sha256").update(`${seed} ${purpose}`).digest().subarray(0, 16);
  bytes[6] = (bytes[6]! & 0x0f) | 0x80;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  return bytes.toString("hex").replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}
