/** Every disk of a server: its size, table, names, and what is on it and mounted from it. Pure. */
import { createHash } from "node:crypto";
import { type Block, blkid, blocksOf, bootCode, deviceOf, hex2, isDisk, ownKind, partitionTable } from "./blocks.ts";
import { efiPartition } from "./efi.ts";
import type { Lines } from "./lines.ts";
import { mountedOn } from "./mounts.ts";
import { twinsOf } from "./twins.ts";
import type { Facts } from "./types/facts.ts";
import type { BlockKind, Disk, Volume } from "./types/storage.ts";

interface Look {
  lines: Lines;
  blocks: Map<string, Block>;
  /** Block device -> where it is mounted. */
  targets: Map<string, string[]>;
}

/** The disks, which file systems on them cannot be told apart, and from which partition UEFI started. */
export const diskFacts = (lines: Lines): Pick<Facts, "disks" | "twins" | "bootPartition"> => ({
  disks: parseDisks(lines),
  twins: twinsOf(lines),
  bootPartition: efiPartition(lines.get("efiboot")?.[0]),
});

/** Whole disks in the kernel's order; nothing that only looks like one, nothing stacked on others. */
export function parseDisks(lines: Lines): Disk[] {
  const blocks = blocksOf(lines);
  const { targets, lost } = mountedOn(lines, blocks);
  const look: Look = { lines, blocks, targets };
  const marks = new Map((lines.get("disk") ?? []).map((l) => [l.split(" ")[0]!, l.split(" ")]));
  const starts = new Map((lines.get("start") ?? []).map((l) => [l.split(" ")[0]!, Number(l.split(" ")[1])]));
  const virtual = new Set(lines.get("virtual") ?? []);
  return [...blocks.values()]
    .filter((b) => b.sectors > 0 && isDisk(b, virtual))
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
        bootCode: bootCode(lines, block.name),
        ...(lost.length > 0 ? { perhaps: lost } : {}),
        head: hex ? createHash("sha256").update(Buffer.from(hex, "hex")).digest("hex") : undefined,
        partitions,
      };
    });
}

function volume(block: Block, look: Look, table?: { type: string; id: string }): Volume {
  const ids = blkid(look.lines.get("blkid") ?? [], [deviceOf(block.name)]);
  const link = (kind: string) => links(look.lines, kind, block.name)[0];
  const above = stack(block, look.blocks);
  const dos = table?.type === "dos" && block.partition ? `${table.id}-${hex2(block.partition)}` : undefined;
  const kinds = above.map((b) => ownKind(b));
  return {
    device: deviceOf(block.name),
    bytes: block.sectors * 512,
    type: ids.TYPE,
    label: ids.LABEL ?? plainLabel(link("label")),
    uuid: ids.UUID ?? link("uuid"),
    partuuid: block.partition ? (ids.PARTUUID ?? link("partuuid") ?? dos) : undefined,
    holds: [...new Set(kinds)].filter((k): k is BlockKind => k !== "plain" && k !== "disk"),
    mounts: [...new Set([block, ...above].flatMap((b) => look.targets.get(b.name) ?? []))],
  };
}

/**
 * What is built upon a device: volumes of LVM, RAID and LUKS, also upon each other, and their partitions. Not the
 * device's own partitions.
 */
function stack(block: Block, blocks: Map<string, Block>, depth = 0): Block[] {
  if (depth > 8) return [];
  const above = [...blocks.values()].filter(
    (b) => b.slaves.includes(block.name) || (depth > 0 && b.partition !== undefined && b.disk === block.name),
  );
  return above.flatMap((b) => [b, ...stack(b, blocks, depth + 1)]);
}

/** Names of a device in /dev/disk/by-KIND. */
function links(lines: Lines, kind: string, name: string): string[] {
  return (lines.get("link") ?? [])
    .map((l) => l.split(" "))
    .filter((w) => w[0] === kind && w[1] === name)
    .map((w) => w.slice(2).join(" "));
}

/** Decodes udev's names, which have \xNN for special characters. */
const plainLabel = (text: string | undefined) =>
  text?.replaceAll(/\\x([0-9a-f]{2})/g, (_, hex) => String.fromCharCode(Number.parseInt(hex, 16)));
