/** What an overwrite has to know: the disks as a whole, and whether its RAM system runs already. Pure. */
import { createHash } from "node:crypto";
import { assignments, type Lines } from "./facts.ts";
import { type Block, blkid, parseBlock, parseMount, partitionTable } from "./facts-disk.ts";
import type { Disk, DiskPartition, RamFacts } from "./types.ts";

/** The disks in the order of their names, with what lies on them. */
export function parseDisks(lines: Lines): Disk[] {
  const all = (key: string) => lines.get(key) ?? [];
  const blocks = new Map(
    all("block")
      .map(parseBlock)
      .map((b) => [b.name, b]),
  );
  const starts = new Map(all("start").map((l) => l.split(" ") as [string, string]));
  const mounts = all("mount")
    .map(parseMount)
    .filter((m) => m !== undefined);
  const ofDisk = (disk: Block): Disk => {
    const table = partitionTable(lines, disk.name);
    const [, sector, hex] =
      all("table")
        .find((l) => l.startsWith(`${disk.name} `))
        ?.split(" ") ?? [];
    const partitions = [...blocks.values()]
      .filter((b) => b.disk === disk.name && b.partition !== undefined)
      .map((b): DiskPartition => {
        const device = `/dev/${b.name}`;
        const ids = blkid(all("blkid"), [device]);
        return {
          device,
          number: b.partition!,
          start: Number(starts.get(b.name) ?? 0) * 512,
          bytes: b.sectors * 512,
          label: ids.LABEL,
          type: ids.TYPE,
          uuid: ids.UUID,
          partuuid: ids.PARTUUID,
        };
      });
    return {
      device: `/dev/${disk.name}`,
      byId: all("byid").flatMap((l) => (l.startsWith(`${disk.name} `) ? [l.slice(disk.name.length + 1)] : [])),
      bytes: disk.sectors * 512,
      tableType: table?.type,
      tableId: table?.id,
      sectorSize: Number(sector) || 512,
      head: hex ? createHash("sha256").update(Buffer.from(hex, "hex")).digest("hex") : undefined,
      partitions: partitions.sort((a, b) => a.start - b.start),
      mounts: mounts
        .filter((m) => {
          const block = [...blocks.values()].find((b) => b.number === m.number || `/dev/${b.name}` === m.source);
          return block !== undefined && disksUnder(block, blocks).includes(disk.name);
        })
        .map(({ target, source, type }) => ({ target, source, type })),
    };
  };
  return [...blocks.values()]
    .filter((b) => b.partition === undefined && b.slaves.length === 0 && !b.dmUuid && !b.mdLevel && b.sectors > 0)
    .filter((b) => !/^(dm-|md|mmcblk\d+boot)/.test(b.name))
    .map(ofDisk)
    .sort((a, b) => (a.device < b.device ? -1 : 1));
}

/** Names of the disks that a block device lies on. */
function disksUnder(block: Block, blocks: Map<string, Block>, depth = 0): string[] {
  const below = block.disk ? [block.disk] : block.slaves;
  if (below.length === 0 || depth > 8) return [block.name];
  return below.flatMap((name) => {
    const b = blocks.get(name);
    return b ? disksUnder(b, blocks, depth + 1) : [];
  });
}

export function parseRam(lines: Lines): RamFacts | undefined {
  const install = lines.get("pine.ram.install");
  if (!install) return undefined;
  const one = (name: string) => lines.get(`pine.ram.${name}`)?.[0];
  return {
    install: assignments(install),
    plan: one("plan") ?? "",
    image: one("image"),
    blocks: lines.get("pine.ram.blocks")?.length ?? 0,
    verified: Number(one("verified") ?? 0),
    finished: one("finished") !== undefined,
  };
}
