/**
 * Folders for work in progress, always removed afterwards: `<parent>/<pid>-<random>/work`, and beside it `owner`, which
 * names who works there.
 */
import { randomBytes } from "node:crypto";
import { mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import { freeBytes, roomError } from "../../local/full.ts";
import { hold, isAbandoned } from "../../local/holder.ts";
import { removeAbandonedLocks } from "../../local/lock.ts";
import { removeTree } from "./run-in.ts";

/** Runs `fn` with a new empty folder and removes it afterwards, also when cancelled. Reports a full disk as such. */
export async function withTemp<T>(parent: string, fn: (dir: string) => Promise<T>): Promise<T> {
  const outer = join(parent, `${process.pid}-${randomBytes(8).toString("hex")}`);
  const dir = join(outer, "work");
  await mkdir(outer, { recursive: true });
  const letGo = await hold(join(outer, "owner"));
  const free = await freeBytes(outer);
  try {
    await mkdir(dir);
    return await fn(dir);
  } catch (error) {
    throw await roomError(error, parent, free);
  } finally {
    // the file that names the owner goes last
    await removeTree(dir);
    await removeTree(outer);
    await letGo();
  }
}

/**
 * Removes from a store or cache what processes left behind that have surely ended: working folders, and locks in it and
 * in its `folders`.
 */
export async function tidy(dir: string, folders: string[] = []): Promise<void> {
  await removeLeftovers(join(dir, "tmp"));
  for (const name of ["", ...folders]) await removeAbandonedLocks(join(dir, name));
}

/** Removes what processes left behind that have surely ended. */
export async function removeLeftovers(parent: string): Promise<void> {
  for (const name of await readdir(parent).catch(() => [])) {
    const outer = join(parent, name);
    if (!/^\d+-[0-9a-f-]+$/.test(name) || !(await isAbandoned(join(outer, "owner"), outer))) continue;
    await removeTree(join(outer, "work"));
    await removeTree(outer);
  }
}
