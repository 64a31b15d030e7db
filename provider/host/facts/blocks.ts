/** Block devices, mounts, file systems and partition tables out of the script's lines. Pure. */
import type { Lines } from "./lines.ts";
import type { BlockKind } from "./types/storage.ts";

export interface Block {
  name: string;
  /** `8:1`; "-" when there is no device file. */
  number: string;
  /** Each has 512 bytes, whatever the size of the disk's own. */
  sectors: number;
  partition?: number;
  disk?: string;
  slaves: string[];
  mdLevel?: string;
  dmUuid?: string;
}

export interface MountLine {
  number: string;
  target: string;
  options: string[];
  type: string;
  source: string;
}

export const hex2 = (n: number) => n.toString(16).padStart(2, "0");

/** Every block device by its name. */
export function blocksOf(lines: Lines): Map<string, Block> {
  return new Map((lines.get("block") ?? []).map(parseBlock).map((b) => [b.name, b]));
}

/** Every mount, in the order they were made. */
export function mountLinesOf(lines: Lines): MountLine[] {
  return (lines.get("mount") ?? []).map(parseMount).filter((m): m is MountLine => m !== undefined);
}

/** What only other mount namespaces have mounted: each device's first mount. Its target names the process. */
export function elsewhereOf(lines: Lines): MountLine[] {
  const seen = new Map<string, MountLine>();
  for (const text of lines.get("elsewhere") ?? []) {
    const [, pid, comm, line = ""] = /^(\d+) (.*?) (\d+ \d+ \d+:\d+ .*)$/.exec(text) ?? [];
    const mount = parseMount(line);
    if (mount && !seen.has(mount.number))
      seen.set(mount.number, { ...mount, target: `process ${pid} (${comm}): ${mount.target}` });
  }
  return [...seen.values()];
}

/**
 * What lies between a block device and the disk. Among several layers, the one that says most counts. A RAID or a loop
 * may have partitions.
 */
export function kindOf(block: Block, blocks: Map<string, Block>, depth = 0): BlockKind {
  const below = [...block.slaves, ...(block.disk ? [block.disk] : [])]
    .map((s) => blocks.get(s))
    .filter((b): b is Block => b !== undefined && depth < 8)
    .map((b) => kindOf(b, blocks, depth + 1));
  const own = ownKind(block);
  const order: BlockKind[] = ["luks", "lvm", "raid", "multipath", "mapper", "loop", "unknown"];
  return order.find((k) => k === own || below.includes(k)) ?? own;
}

/**
 * Block devices that are no disk of the server: built upon others, in memory, in files, on a network, optical. Also an
 * eMMC's parts for boot loaders and keys, which the kernel shows as devices of their own.
 */
const NO_DISK =
  /^(dm-|md|loop|zloop|ram|zram|sr|scd|fd\d|nbd|rbd|drbd|zd\d|bcache|mtdblock|etherd!|nullb|ublkb|mmcblk\d+(boot|gp|rpmb))/;

/**
 * Whether a block device is hardware (also a hypervisor's) that can be overwritten. `virtual`: names of devices with no
 * hardware below them.
 */
export const isDisk = (block: Block, virtual: Set<string>): boolean =>
  block.partition === undefined &&
  block.slaves.length === 0 &&
  !block.dmUuid &&
  !NO_DISK.test(block.name) &&
  !virtual.has(block.name) &&
  // a path of an NVMe with several paths has no device file
  block.number !== "-";

/** sysfs writes ! for the / in a name (`cciss!c0d0`). */
export const deviceOf = (name: string) => `/dev/${name.replaceAll("!", "/")}`;

export function ownKind(block: Block): BlockKind {
  const dm = block.dmUuid ?? "";
  if (/^CRYPT-/.test(dm)) return "luks";
  if (/^LVM-/.test(dm)) return "lvm";
  if (/^(part\d+-)?mpath-/.test(dm)) return "multipath";
  if (/^(part\d+-)?DMRAID-/i.test(dm)) return "raid";
  if (block.mdLevel || /^md/.test(block.name)) return "raid";
  if (dm || /^dm-/.test(block.name)) return "mapper";
  if (/^loop\d+$/.test(block.name)) return "loop";
  if (block.slaves.length > 0) return "raid"; // bcache and the like: more than one device below
  if (block.partition) return "plain";
  return NO_DISK.test(block.name) ? "unknown" : "disk";
}

function parseBlock(line: string): Block {
  const [name = "", number = "", sectors = "0", partition, disk, slaves, level, ...dm] = line.split(" ");
  const word = (w: string | undefined) => (w === undefined || w === "-" || w === "" ? undefined : w);
  return {
    name,
    number,
    sectors: Number(sectors) || 0,
    partition: word(partition) ? Number(partition) : undefined,
    disk: word(disk),
    slaves: word(slaves)?.split(",") ?? [],
    mdLevel: word(level),
    dmUuid: word(dm.join(" ")),
  };
}

/** A line of /proc/self/mountinfo (proc(5)); blanks in it are octal. */
function parseMount(line: string): MountLine | undefined {
  const [before, after] = line.split(" - ");
  const left = before?.split(" ") ?? [];
  const right = after?.split(" ") ?? [];
  if (left.length < 6 || right.length < 2) return undefined;
  const decode = (text: string) =>
    text.replaceAll(/\\([0-7]{3})/g, (_, o) => String.fromCharCode(Number.parseInt(o, 8)));
  const options = [...new Set([...left[5]!.split(","), ...(right[2]?.split(",") ?? [])])];
  return { number: left[2]!, target: decode(left[4]!), options, type: right[0]!, source: decode(right[1]!) };
}

/**
 * KiB by target, from `df -kP` (file system, size, used, available, capacity, target), or from statfs (bytes of a
 * block, blocks, available blocks, inodes, free inodes).
 */
export function parseFree(lines: Lines): Map<string, { size: number; free: number; inodes?: number }> {
  const free = new Map<string, { size: number; free: number; inodes?: number }>();
  for (const line of lines.get("statfs") ?? []) {
    const [unit, size, available, inodes, left] = line.split(" ").map(Number) as [
      number,
      number,
      number,
      number,
      number,
    ];
    const target = line.split(" ").slice(5).join(" ");
    const kib = (blocks: number) => Math.floor((blocks * unit) / 1024);
    free.set(target, { size: kib(size), free: kib(available), ...(inodes > 0 ? { inodes: left } : {}) });
  }
  for (const line of lines.get("df") ?? []) {
    const m = /^.*?\s+(\d+)\s+(\d+)\s+(-?\d+)\s+\S+\s+(\/.*)$/.exec(line);
    if (m) free.set(m[4]!, { size: Number(m[1]), free: Math.max(0, Number(m[3])) });
  }
  return free;
}

/** What blkid says of the first device that it knows. */
export function blkid(lines: string[], devices: string[]): Record<string, string> {
  const line = lines.find((l) => devices.some((d) => l.startsWith(`${d}:`)));
  return line === undefined ? {} : tagsOf(line);
}

/** `/dev/vda2: UUID="…" TYPE="ext4"`: its device, and what it says of it. */
export const blkidDevice = (line: string) => line.slice(0, line.indexOf(":"));
export const tagsOf = (line: string): Record<string, string> =>
  Object.fromEntries([...line.matchAll(/(\w+)="([^"]*)"/g)].map((m) => [m[1]!, m[2]!]));

/** The partition table as the kernel and GRUB name it, from the disk's own first sectors. */
export function partitionTable(lines: Lines, disk: string): { type: string; id: string } | undefined {
  const [, sector, hex] =
    lines
      .get("table")
      ?.find((l) => l.startsWith(`${disk} `))
      ?.split(" ") ?? [];
  const bytes = Buffer.from(hex ?? "", "hex");
  const size = Number(sector) || 512;
  // the header is the second sector; the table's id is at byte 56 of it
  if (bytes.length >= size + 72 && bytes.toString("latin1", size, size + 8) === "EFI PART")
    return { type: "gpt", id: guid(bytes, size + 56) };
  // signature 55 aa at 510, the disk's id at 440
  if (bytes.length < 512 || bytes.readUInt16BE(510) !== 0x55aa) return undefined;
  return { type: "dos", id: bytes.readUInt32LE(440).toString(16).padStart(8, "0") };
}

/**
 * What a BIOS would run from a disk's first sector: GRUB's boot.img has its name in it (grub-core/boot/i386/pc/boot.S).
 */
export function bootCode(lines: Lines, disk: string): "grub" | "other" | "none" | undefined {
  const hex = lines
    .get("table")
    ?.find((l) => l.startsWith(`${disk} `))
    ?.split(" ")[2];
  const bytes = Buffer.from(hex ?? "", "hex");
  if (bytes.length < 512) return undefined;
  // 55 aa at 510 makes a sector bootable; after 440 bytes of code the table begins
  const code = bytes.subarray(0, 440);
  if (bytes.readUInt16BE(510) !== 0x55aa || code.every((b) => b === 0)) return "none";
  return code.includes("GRUB ") ? "grub" : "other";
}

/** A GUID as it lies in a GPT: three little-endian numbers, then bytes. */
export function guid(bytes: Buffer, at: number): string {
  const hex = (n: number, width: number) => n.toString(16).padStart(width, "0");
  const parts = [
    hex(bytes.readUInt32LE(at), 8),
    hex(bytes.readUInt16LE(at + 4), 4),
    hex(bytes.readUInt16LE(at + 6), 4),
  ];
  return `${parts.join("-")}-${bytes.toString("hex", at + 8, at + 10)}-${bytes.toString("hex", at + 10, at + 16)}`;
}
