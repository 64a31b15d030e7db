/** What a disk image will look like: partitions, sizes, identifiers. Pure; make.ts makes it. */
import { die } from "../../errors.ts";
import { DEFAULT, rootFilesystem } from "../../filesystems/all.ts";
import { MiB, up } from "../../filesystems/filesystem.ts";
import type { ImageContent } from "../sysroot/tree.ts";
import { type ImageOptions, seedOf, uuidOf } from "./identity.ts";
import { type DiskPlan, type Partition, SECTOR, TYPES } from "./partitions.ts";
import { ALIGN, FREE_DEFAULT, FREE_MIN, mib, sizesBefore } from "./sizes.ts";

/** GRUB's core.img is about 200 kB; 1 MiB is what every distribution gives it. */
const BIOS_BOOT = MiB;
/** FAT16 with 1 KiB clusters ends at 65524 of them; larger ones are FAT32. */
const FAT16_MAX = 60 * MiB;

/** Bits of the ESP's FAT and sectors of its clusters. */
export const fatOf = (bytes: number) => (bytes > FAT16_MAX ? { bits: 32, cluster: 1 } : { bits: 16, cluster: 2 });

/** Plans an image. Refuses sizes that it does not fit into, and names the size that it needs. */
export function planDisk(checksum: string, options: ImageOptions, content: ImageContent): DiskPlan {
  const label = options.label ?? "gpt";
  const gpt = label === "gpt";
  const { esp, boot, swap } = sizesBefore(options, content);
  const before = ALIGN + (gpt ? BIOS_BOOT + esp : 0) + boot + swap;
  const after = gpt ? ALIGN : 0; // the second partition table, 33 sectors
  const type = options.filesystem ?? DEFAULT;
  const { bytesFor } = rootFilesystem(type);
  const needed = before + bytesFor(content, FREE_MIN) + after;
  const size = options.size ?? up(before + bytesFor(content, FREE_DEFAULT) + after, 64 * MiB);
  if (!Number.isInteger(size) || size % ALIGN !== 0)
    die(`size: a disk image cannot have ${size} bytes`, "give its size in whole MiB");
  if (size < needed) {
    const also = [...(boot > 0 ? ["/boot"] : []), ...(swap > 0 ? ["swap"] : []), "update space"];
    const all = also.join(", ").replace(/, ([^,]*)$/, " and $1");
    die(`size: a disk of ${mib(size)} is too small for this commit`, `it needs ${mib(needed)}, including ${all}`);
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
    // with an MBR it is the gap behind that, where every BIOS boot loader since the 1990s lies
    core: gpt ? { start: ALIGN, size: BIOS_BOOT } : { start: SECTOR, size: ALIGN - SECTOR },
  };
}
