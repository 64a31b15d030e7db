/** File systems that cannot be told apart: several of one UUID, as clones and snapshots of a disk have them. Pure. */
import { type Block, blkidDevice, blocksOf, tagsOf } from "./blocks.ts";
import type { Lines } from "./lines.ts";
import { namesOf } from "./mounts.ts";

/** Types with one UUID for a group of devices. */
const GROUPS = /_member$|^(LVM2?_|bcache$|crypto_LUKS$)/i;

/** UUID -> the devices that have it, two or more. Layers upon one device, or paths of one disk, count as one. */
export function twinsOf(lines: Lines): Record<string, string[]> {
  const blocks = blocksOf(lines);
  const named = namesOf(lines, blocks);
  const found = new Map<string, { device: string; name?: string; part?: string }[]>();
  for (const line of lines.get("blkid") ?? []) {
    const { UUID: uuid, UUID_SUB: part, TYPE: type } = tagsOf(line);
    if (uuid === undefined || type === undefined || GROUPS.test(type)) continue;
    const one = { device: blkidDevice(line), name: named(blkidDevice(line)), part };
    const there = found.get(uuid) ?? [];
    const same = there.some(
      (o) =>
        o.device === one.device ||
        (o.part !== undefined && one.part !== undefined && o.part !== one.part) ||
        (o.name !== undefined && one.name !== undefined && related(o.name, one.name, blocks)),
    );
    if (!same) found.set(uuid, [...there, one]);
  }
  const several = [...found].filter(([, all]) => all.length > 1);
  return Object.fromEntries(several.map(([uuid, all]) => [uuid, all.map((o) => o.device)]));
}

/** Whether one is built upon the other, or both disks are in one device (paths of multipath, a firmware's RAID). */
function related(a: string, b: string, blocks: Map<string, Block>): boolean {
  if (a === b || below(a, blocks).has(b) || below(b, blocks).has(a)) return true;
  const disks = [a, b].map((name) => blocks.get(name)?.disk ?? name);
  const groups = [...blocks.values()].filter((block) => /^(mpath|DMRAID)-/i.test(block.dmUuid ?? "") || block.mdLevel);
  return groups.some((g) => disks.every((d) => g.slaves.includes(d)));
}

function below(name: string, blocks: Map<string, Block>, depth = 0): Set<string> {
  const block = blocks.get(name);
  const next = depth < 8 ? (block?.slaves ?? []) : [];
  return new Set(next.flatMap((n) => [n, ...below(n, blocks, depth + 1)]));
}
