/** Partitions of a disk image, as sfdisk reads them. Pure. */
import { die } from "../../errors.ts";
import type { Label } from "./identity.ts";

export const SECTOR = 512;

export interface Partition {
  name: "bios" | "esp" | "boot" | "swap" | "root";
  /** GPT's type, or two hex digits of an MBR. */
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
  filesystem: string;
  /** GPT's disk identifier, or the MBR's 8 hex digits. */
  guid: string;
  /** UUID of the root filesystem. */
  rootUuid: string;
  /** UUID of the filesystem that GRUB reads: of /boot, or the root's. */
  bootUuid: string;
  /** UUID of the swap partition's header. */
  swapUuid: string;
  /** Seed of ext4's folder hashes. */
  hashSeed: string;
  /** FAT's serial number, 8 hex digits. */
  espSerial: string;
  /** In the order of the table; root is the last. */
  partitions: Partition[];
  /** Where GRUB's core.img lies. */
  core: { start: number; size: number };
}

export const TYPES: Record<Label, Record<Partition["name"], string>> = {
  gpt: {
    bios: "21686148-6449-6E6F-744E-656564454649",
    esp: "C12A7328-F81F-11D2-BA4B-00A0C93EC93B",
    boot: "0FC63DAF-8483-4772-8E79-3D69D8477DE4",
    swap: "0657FD6D-A4AB-43C4-84E5-0933C84B4F4F",
    root: "0FC63DAF-8483-4772-8E79-3D69D8477DE4",
  },
  mbr: { bios: "", esp: "ef", boot: "83", swap: "82", root: "83" },
};

/** A partition that every plan has: root, and with gpt esp. */
export function partitionOf(plan: { partitions: Partition[] }, name: Partition["name"]): Partition {
  return plan.partitions.find((p) => p.name === name) ?? die(`the disk image has no partition ${name}`);
}

/** The partition that GRUB reads: /boot where there is one, else root. */
export function bootPartition(plan: { partitions: Partition[] }): Partition {
  return plan.partitions.find((p) => p.name === "boot") ?? partitionOf(plan, "root");
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
