/** Every disk of a server: its size, table, names, and what is on it and mounted from it. Pure. */
import { createHash } from "node:crypto";
import type { Lines } from "./facts.ts";
import { type Block, blkid, blocksOf, hex2, mountLinesOf, ownKind, partitionTable } from "./facts-blocks.ts";
import type { BlockKind, Disk, Volume } from "./types.ts";

interface Look {
  lines: Lines;
  blocks: Map<string, Block>;
  /** Block device name -> where it is mounted; "swap" for swap. */
  targets: Map<string, string[]>;
}

/** Whole disks in the kernel's order; no optical, floppy, loop or memory devices, nothing stacked on others. */
export function parseDisks(lines: Lines): Disk[] {
  const blocks = blocksOf(lines);
  const look: Look = { lines, blocks, targets: targetsOf(lines, blocks) };
  const marks = new Map((lines.get("disk") ?? []).map((l) => [l.split(" ")[0]!, l.split(" ")]));
  const starts = new Map((lines.get("start") ?? []).map((l) => [l.split(" ")[0]!, Number(l.split(" ")[1])]));
  const whole = [...blocks.values()].filter(
    (b) => b.partition === undefined && b.slaves.length === 0 && !b.dmUuid && !/^(dm-|md)/.test(b.name),
  );
  return whole
    .filter((b) => b.sectors > 0)
    .map((block) => {
      const mark = marks.get(block.name);
      const table = partitionTable(lines, block.name);
      const partitions = [...blocks.values()]
        .filter((b) => b.partition !== undefined && b.disk === block.name)
        .sort((a, b) => a.partition! - b.partition!)
        .map((b) => ({ number: b.partition!, start: 512 * (starts.get(b.name) ?? 0), ...volume(b, look, table) }));
      const [, sector, hex] = (lines.get("table") ?? []).map((l) => l.split(" ")).find(([n]) => n === block.name) ?? [];
      return {
        ...volume(block, look),
        table: table?.type,
        tableId: table?.id,
        ids: links(lines, "id", block.name),
        model: mark?.slice(3).join(" ").trim() || undefined,
        removable: mark?.[1] === "1",
        readOnly: mark?.[2] === "1",
        sectorSize: Number(sector) || 512,
        head: hex ? createHash("sha256").update(Buffer.from(hex, "hex")).digest("hex") : undefined,
        partitions,
      };
    });
}

function volume(block: Block, look: Look, table?: { type: string; id: string }): Volume {
  const ids = blkid(look.lines.get("blkid") ?? [], [`/dev/${block.name}`]);
  const link = (kind: string) => links(look.lines, kind, block.name)[0];
  const above = stack(block, look.blocks);
  const dos = table?.type === "dos" && block.partition ? `${table.id}-${hex2(block.partition)}` : undefined;
  const kinds = above.map((b) => ownKind(b));
  return {
    device: `/dev/${block.name}`,
    bytes: block.sectors * 512,
    type: ids.TYPE,
    label: ids.LABEL ?? plainLabel(link("label")),
    uuid: ids.UUID ?? link("uuid"),
    partuuid: block.partition ? (ids.PARTUUID ?? link("partuuid") ?? dos) : undefined,
    holds: [...new Set(kinds)].filter((k): k is BlockKind => k !== "plain" && k !== "disk"),
    mounts: [...new Set([block, ...above].flatMap((b) => look.targets.get(b.name) ?? []))],
  };
}

/** What is built upon a device: volumes of LVM, RAID, LUKS, one upon the other. Not its partitions. */
function stack(block: Block, blocks: Map<string, Block>, depth = 0): Block[] {
  if (depth > 8) return [];
  const above = [...blocks.values()].filter((b) => b.slaves.includes(block.name));
  return above.flatMap((b) => [b, ...stack(b, blocks, depth + 1)]);
}

function targetsOf(lines: Lines, blocks: Map<string, Block>): Map<string, string[]> {
  const found = new Map<string, string[]>();
  const add = (name: string | undefined, target: string) => {
    if (name !== undefined) found.set(name, [...(found.get(name) ?? []), target]);
  };
  const numbers = new Map([...blocks.values()].map((b) => [b.number, b.name]));
  const named = (path: string) => {
    const name = path.replace(/^\/dev\//, "");
    return blocks.has(name)
      ? name
      : lines
          .get("link")
          ?.find((l) => l.endsWith(` ${name.split("/").pop()}`))
          ?.split(" ")[1];
  };
  for (const m of mountLinesOf(lines)) {
    // btrfs and zfs have device numbers of their own; btrfs names one of its devices
    const name = numbers.get(m.number) ?? (m.source.startsWith("/dev/") ? named(m.source) : undefined);
    if (name !== undefined) add(name, m.target);
    else if (m.type === "zfs") for (const b of members(lines, "zfs_member")) add(b, m.target);
    if (m.type === "btrfs") for (const b of members(lines, "btrfs", name)) if (b !== name) add(b, m.target);
  }
  for (const line of lines.get("swap") ?? []) {
    const [path = "", kind] = line.split(/\s+/);
    if (kind === "partition") add(named(path), "swap");
  }
  return found;
}

/** Devices that blkid calls members of a type: of a pool without a mount's name all, of a file system those of the same UUID. */
function members(lines: Lines, type: string, of?: string): string[] {
  const all = lines.get("blkid") ?? [];
  const uuid = of ? blkid(all, [`/dev/${of}`]).UUID : undefined;
  return all
    .filter((l) => l.includes(` TYPE="${type}"`) && (uuid === undefined || l.includes(` UUID="${uuid}"`)))
    .map((l) => l.slice("/dev/".length, l.indexOf(":")));
}

/** Names of a device in /dev/disk/by-KIND. */
function links(lines: Lines, kind: string, name: string): string[] {
  return (lines.get("link") ?? [])
    .map((l) => l.split(" "))
    .filter((w) => w[0] === kind && w[1] === name)
    .map((w) => w.slice(2).join(" "));
}

/** udev writes what is not plain in a name as \xNN. */
const plainLabel = (text: string | undefined) =>
  text?.replaceAll(/\\x([0-9a-f]{2})/g, (_, hex) => String.fromCharCode(Number.parseInt(hex, 16)));
