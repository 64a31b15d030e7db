/**
 * Files and folders that are whole or absent, also after a power cut: they are on the disk before they get their name.
 */
import { randomBytes } from "node:crypto";
import { access, lstat, mkdir, open, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { run } from "./run.ts";

/** Writes a file so that after a power cut it is the old one or the new one, whole. */
export async function writeWhole(path: string, content: string | Uint8Array): Promise<void> {
  await makeFolder(dirname(path));
  const draft = join(dirname(path), `.${basename(path)}.${process.pid}-${randomBytes(4).toString("hex")}`);
  try {
    const f = await open(draft, "wx", 0o644);
    try {
      await f.writeFile(content);
      await f.sync();
    } finally {
      await f.close();
    }
    await rename(draft, path);
  } catch (e) {
    await rm(draft, { force: true });
    throw e;
  }
  await syncFolder(dirname(path));
}

/** Gives a complete file its name, so that after a power cut it has all its bytes or does not have that name. */
export async function placeFile(from: string, path: string): Promise<void> {
  await sync(from);
  await makeFolder(dirname(path));
  await rename(from, path);
  await syncFolder(dirname(path));
}

/** The same for a folder with everything in it. The name must be free. */
export async function placeFolder(from: string, path: string): Promise<void> {
  await syncTree(from);
  await makeFolder(dirname(path));
  await rename(from, path);
  await syncFolder(dirname(path));
}

/** Puts everything below a folder on the disk, with syncfs(2): a toolbox has tens of thousands of files. */
export async function syncTree(path: string): Promise<void> {
  await run("sync", ["-f", path]);
}

/** Makes renames within a folder survive a power cut. */
export const syncFolder = (path: string): Promise<void> => sync(path);

async function sync(path: string): Promise<void> {
  const file = await open(path, "r");
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Makes a folder and its parents survive a power cut. */
async function makeFolder(path: string): Promise<void> {
  const first = await mkdir(path, { recursive: true });
  if (first === undefined) return;
  for (let made = path; made.length >= first.length; made = dirname(made)) await syncFolder(dirname(made));
}

const holds = (promise: Promise<unknown>) =>
  promise.then(
    () => true,
    () => false,
  );

/** Whether something has this name, a dangling link too. */
export const exists = (path: string): Promise<boolean> => holds(lstat(path));

/** Whether this user may do so with it, links followed: constants.R_OK, X_OK; default: it is there. */
export const accessible = (path: string, mode?: number): Promise<boolean> => holds(access(path, mode));
