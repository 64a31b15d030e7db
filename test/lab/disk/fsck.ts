/** Whether the file systems of a disk are whole: what a journal and the list of files in removal mend is no damage. */
import { rmSync } from "node:fs";
import { run } from "../../../provider/local/run.ts";

/** Lines of e2fsck that a power cut of a sound file system explains. */
const SOUND =
  /^$|: recovering journal$|Clearing orphaned inode|Setting free (inodes|blocks) count|: (clean|\d+\/\d+ files)|Truncating orphaned inode|^\S+: \**FILE SYSTEM WAS MODIFIED/;

/**
 * Filesystem types that are checked. Of xfs and btrfs only the kernel can replay the log: what it says at the next
 * mount is looked at there.
 */
const CHECKED = /^ext[234]$/;

/** Checks every ext4 of a raw disk, on a copy. Answers what is wrong with them, a line each. */
export async function damage(image: string): Promise<string[]> {
  const table = JSON.parse((await run("sfdisk", ["--json", image])).stdout) as {
    partitiontable: { partitions: { start: number; size: number }[] };
  };
  const found: string[] = [];
  for (const { start, size } of table.partitiontable.partitions) {
    const part = `${image}.part`;
    try {
      const range = [`skip=${start * 512}`, `count=${size * 512}`, "iflag=skip_bytes,count_bytes"];
      await run("dd", [`if=${image}`, `of=${part}`, "bs=1M", "conv=sparse", "status=none", ...range]);
      // 2: nothing that it knows, as in a BIOS boot partition
      const { stdout: type } = await run("blkid", ["-p", "-s", "TYPE", "-o", "value", part], { ok: [0, 2] });
      if (!CHECKED.test(type.trim())) continue;
      const check = await run("e2fsck", ["-fp", part], { ok: [0, 1, 2, 4, 8, 12] });
      if (check.exitCode > 1) found.push(`e2fsck: exit code ${check.exitCode}`);
      found.push(...`${check.stdout}\n${check.stderr}`.split("\n").filter((line) => !SOUND.test(line)));
    } finally {
      rmSync(part, { force: true });
    }
  }
  return found;
}
