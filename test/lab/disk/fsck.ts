/** Whether the file system of a disk is whole: what its journal and the list of files in removal mend is no damage. */
import { rmSync } from "node:fs";
import { run } from "../../../provider/run.ts";

/** Lines of e2fsck that a power cut of a sound file system explains. */
const SOUND =
  /^$|: recovering journal$|Clearing orphaned inode|Setting free (inodes|blocks) count|: (clean|\d+\/\d+ files)|Truncating orphaned inode|^\S+: \**FILE SYSTEM WAS MODIFIED/;

/** Checks the largest partition of a raw disk, ext4, on a copy. Answers what is wrong with it, a line each. */
export async function damage(image: string): Promise<string[]> {
  const table = JSON.parse((await run("sfdisk", ["--json", image])).stdout) as {
    partitiontable: { partitions: { start: number; size: number }[] };
  };
  const { start, size } = [...table.partitiontable.partitions].sort((a, b) => b.size - a.size)[0]!;
  const root = `${image}.root`;
  try {
    const range = [`skip=${start * 512}`, `count=${size * 512}`, "iflag=skip_bytes,count_bytes"];
    await run("dd", [`if=${image}`, `of=${root}`, "bs=1M", "conv=sparse", "status=none", ...range]);
    const check = await run("e2fsck", ["-fp", root], { ok: [0, 1, 2, 4, 8, 12] });
    const said = `${check.stdout}\n${check.stderr}`.split("\n").filter((line) => !SOUND.test(line));
    return check.exitCode > 1 ? [`e2fsck: exit code ${check.exitCode}`, ...said] : said;
  } finally {
    rmSync(root, { force: true });
  }
}
