/** Disks out of the script's lines: what the root file system lies on. Pure. */
import { SEVERAL_DEVICES } from "../../filesystems/all.ts";
import {
  type Block,
  blkid,
  blocksOf,
  deviceOf,
  hex2,
  isDisk,
  kindOf,
  type MountLine,
  mountLinesOf,
  parseFree,
  partitionTable,
} from "./blocks.ts";
import type { Lines } from "./lines.ts";
import { namesOf } from "./mounts.ts";
import type { Mount, RootFacts } from "./types/storage.ts";

export function parseStorage(lines: Lines): { root: RootFacts; mounts: Mount[] } {
  const blocks = blocksOf(lines);
  const mountLines = mountLinesOf(lines);
  const free = parseFree(lines);
  // the last one mounted on / is the one that is seen
  const top = mountLines.filter((m) => m.target === "/").pop();
  const mounts = mountLines
    .filter((m) => m !== top)
    .map((m) => ({
      source: m.source,
      target: m.target,
      type: m.type,
      freeKiB: free.get(m.target)?.free,
      ...(m.options.includes("ro") ? { readOnly: true as const } : {}),
    }));
  return { root: parseRoot(lines, top, blocks, free.get("/")), mounts };
}

function parseRoot(
  lines: Lines,
  top: MountLine | undefined,
  blocks: Map<string, Block>,
  free: { size: number; free: number; inodes?: number } | undefined,
): RootFacts {
  // btrfs and bcachefs have device numbers of their own; their source names all devices, or one
  const several = top !== undefined && SEVERAL_DEVICES.includes(top.type);
  const named = several ? namesOf(lines, blocks)(top.source.split(/:(?=\/dev\/)/)[0]!) : undefined;
  const block = [...blocks.values()].find((b) => b.number === top?.number || b.name === named);
  // for device-mapper the name it was given, not the kernel's dm-0
  const device = block && !/^dm-/.test(block.name) ? deviceOf(block.name) : (top?.source ?? "unknown");
  const ids = blkid(lines.get("blkid") ?? [], [device, top?.source ?? ""]);
  const whole = block?.disk ? blocks.get(block.disk) : block;
  const disk = whole && isDisk(whole, new Set(lines.get("virtual") ?? [])) ? whole.name : undefined;
  const table = disk ? partitionTable(lines, disk) : undefined;
  const sectors = disk ? blocks.get(disk)?.sectors : undefined;
  const dosPart = table?.type === "dos" && block?.partition ? `${table.id}-${hex2(block.partition)}` : undefined;
  return {
    device,
    type: top?.type ?? "unknown",
    uuid: ids.UUID,
    options: top?.options ?? [],
    sizeKiB: free?.size ?? 0,
    freeKiB: free?.free ?? 0,
    freeInodes: free?.inodes,
    kind: block ? kindOf(block, blocks) : "unknown",
    partition: block?.partition,
    disk: disk ? deviceOf(disk) : undefined,
    diskBytes: sectors ? sectors * 512 : undefined,
    tableType: table?.type,
    tableId: table?.id,
    partuuid: ids.PARTUUID ?? dosPart,
  };
}
