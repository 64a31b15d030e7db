/** The file that a disk image is kept in: its format, its name, the line of sha256sum beside it. */
import { join } from "node:path";
import type { Task } from "../../../task.ts";
import { ZSTD_LEVEL } from "../../sysroot/archive.ts";
import type { Toolbox } from "../../toolbox/toolbox.ts";
import { writeQcow2 } from "./qcow2.ts";

/**
 * raw.zst: compressed; raw: a sparse file; qcow2: QEMU's, uncompressed; tar: uncompressed, with a sparse disk.raw in
 * it.
 */
export const FILE_FORMATS = ["raw.zst", "raw", "qcow2", "tar"] as const;
export type FileFormat = (typeof FILE_FORMATS)[number];

/** The properties of a DiskImage with which it cannot be written over a server's disk; undefined: none. */
export function notForOverwrite(format: string, label: string): string | undefined {
  const wrong = [
    // it is sent as it is, and unpacked by the RAM system
    ...(format === "raw.zst" ? [] : [`format: "${format}"`]),
    // data partitions are added behind it, by name
    ...(label === "gpt" ? [] : [`partitionTable: "${label}"`]),
  ];
  return wrong.length > 0 ? wrong.join(" and ") : undefined;
}

/** A tar that clouds accept (Google's documentation names these options), without anything of this machine. */
// biome-ignore format: what belongs together is in one line
const TAR = [
  "tar", "--format=oldgnu", "--sparse", "--hole-detection=raw", "--numeric-owner", "--owner=0", "--group=0",
  "--mode=644", "--mtime=@0", "-C", "/run/work", "-cf", "/run/work/disk.tar", "disk.raw",
];

/** Packs `dir`/disk.raw, which may be gone afterwards. Answers the file. */
export async function packDisk(toolbox: Toolbox, dir: string, format: FileFormat, task: Task): Promise<string> {
  const raw = join(dir, "disk.raw");
  const o = { binds: [{ source: dir, target: "/run/work" }], signal: task.signal };
  if (format === "raw.zst")
    // no long window: a host unpacks it in RAM beside everything else, and the image has nothing far apart that repeats
    await toolbox.run(["zstd", "-q", "-T0", `-${ZSTD_LEVEL}`, "/run/work/disk.raw"], o);
  if (format === "qcow2") await writeQcow2(raw, join(dir, "disk.qcow2"), task.signal);
  if (format === "tar") await toolbox.run(TAR, o);
  return join(dir, `disk.${format}`);
}
