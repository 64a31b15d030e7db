/** Folders for work in progress, gone afterwards whatever happens: `<parent>/<pid>-<start time>-<random>`. */
import { randomBytes } from "node:crypto";
import { mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import { myself, startTime } from "./lock.ts";
import { removeTree } from "./namespace.ts";

/** Runs `fn` with a new empty folder and removes it afterwards, also when cancelled. */
export async function withTemp<T>(parent: string, fn: (dir: string) => Promise<T>): Promise<T> {
  const { pid, start } = myself();
  const dir = join(parent, `${pid}-${start}-${randomBytes(4).toString("hex")}`);
  await mkdir(dir, { recursive: true });
  try {
    return await fn(dir);
  } finally {
    await removeTree(dir);
  }
}

/** Removes what processes that are dead left behind. */
export async function removeLeftovers(parent: string): Promise<void> {
  for (const name of await readdir(parent).catch(() => [])) {
    const [, pid, start] = /^(\d+)-(\d+)-[0-9a-f]+$/.exec(name) ?? [];
    if (pid && startTime(Number(pid)) !== start) await removeTree(join(parent, name));
  }
}
