/** Block devices, mounts, file systems and partition tables out of the script's lines. Pure. */
import type { Lines } from "./facts.ts";
import type { BlockKind } from "./types.ts";

export interface Block {
  name: string;
  number: string;
  /** Of 512 bytes, whatever the disk's own. */
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

/** What stands between a block device and the disk; of several layers the one that says most. */
export function kindOf(block: Block, blocks: Map<string, Block>, depth = 0): BlockKind {
  const below = block.slaves
    .map((s) => blocks.get(s))
    .filter((b): b is Block => b !== undefined && depth < 8)
    .map((b) => kindOf(b, blocks, depth + 1));
  const own = ownKind(block);
  const order: BlockKind[] = ["luks", "lvm", "raid", "multipath", "mapper"];
  return order.find((k) => k === own || below.includes(k)) ?? own;
}

export function ownKind(block: Block): BlockKind {
  const dm = block.dmUuid ?? "";
  if (/^CRYPT-/.test(dm)) return "luks";
  if (/^LVM-/.test(dm)) return "lvm";
  if (/^(part\d+-)?mpath-/.test(dm)) return "multipath";
  if (/^(part\d+-)?DMRAID-/i.test(dm)) return "raid";
  if (block.mdLevel || /^md/.test(block.name)) return "raid";
  if (dm || /^dm-/.test(block.name)) return "mapper";
  if (block.slaves.length > 0) return "raid"; // bcache and the like: more than one device below
  return block.partition ? "plain" : "disk";
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

/** `df -kP`: file system, size, used, available, capacity, target. */
export function parseFree(lines: string[]): Map<string, { size: number; free: number }> {
  const free = new Map<string, { size: number; free: number }>();
  for (const line of lines) {
    const m = /^.*?\s+(\d+)\s+(\d+)\s+(-?\d+)\s+\S+\s+(\/.*)$/.exec(line);
    if (m) free.set(m[4]!, { size: Number(m[1]), free: Math.max(0, Number(m[3])) });
  }
  return free;
}

export function blkid(lines: string[], devices: string[]): Record<string, string> {
  const line = lines.find((l) => devices.some((d) => l.startsWith(`${d}:`)));
  return Object.fromEntries([...(line ?? "").matchAll(/(\w+)="([^"]*)"/g)].map((m) => [m[1]!, m[2]!]));
}

/** The table as the kernel and GRUB name it, from the disk's own first sectors. */
export function partitionTable(lines: Lines, disk: string): { type: string; id: string } | undefined {
  const [, sector, hex] =
    lines
      .get("table")
      ?.find((l) => l.startsWith(`${disk} `))
      ?.split(" ") ?? [];
  const bytes = Buffer.from(hex ?? "", "hex");
  const size = Number(sector) || 512;
  // the header is the second sector, the table's id at 56 of it
  if (bytes.length >= size + 72 && bytes.toString("latin1", size, size + 8) === "EFI PART")
    return { type: "gpt", id: guid(bytes, size + 56) };
  // signature 55 aa at 510, the disk's id at 440
  if (bytes.length < 512 || bytes.readUInt16BE(510) !== 0x55aa) return undefined;
  return { type: "dos", id: bytes.readUInt32LE(440).toString(16).padStart(8, "0") };
}

/** A GUID as it lies in a GPT: three little-endian numbers, then bytes. */
function guid(bytes: Buffer, at: number): string {
  const hex = (n: number, width: number) => n.toString(16).padStart(width, "0");
  const parts = [
    hex(bytes.readUInt32LE(at), 8),
    hex(bytes.readUInt16LE(at + 4), 4),
    hex(bytes.readUInt16LE(at + 6), 4),
  ];
  return `${parts.join("-")}-${bytes.toString("hex", at + 8, at + 10)}-${bytes.toString("hex", at + 10, at + 16)}`;
}
