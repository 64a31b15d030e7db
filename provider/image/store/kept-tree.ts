/**
 * Folders of the cache that are made once and used for long: whole when they get their name, and checked when they are
 * used.
 */
import { lstat, readdir, readFile, readlink, rm } from "node:fs/promises";
import { join } from "node:path";
import { placeFolder, writeWhole } from "../../local/files.ts";
import { sha256 } from "../../local/hash.ts";
import { removeTree } from "../namespace/run-in.ts";

/** Path of the file beside a folder that lists its content. */
export const manifestBeside = (path: string) => `${path}.manifest`;

/** A value in place of another user's files that we may not read. */
const notOurs =
  <T>(instead: T) =>
  (e: NodeJS.ErrnoException): T => {
    if (e.code !== "EACCES") throw e;
    return instead;
  };

/**
 * Digest of what is below a folder: names, kinds, modes, targets of links, contents of files (after a power cut a file
 * can have its old length, but zeros). Another user's folder that cannot be read counts as itself.
 */
export async function manifest(path: string): Promise<string> {
  const lines: string[] = [];
  const look = async (below: string): Promise<void> => {
    const names = await readdir(join(path, below)).catch(notOurs([]));
    for (const name of names.sort()) {
      const at = below ? `${below}/${name}` : name;
      // apk writes its lock there while it resolves
      if (at === "empty") continue;
      const seen = await lstat(join(path, at)).catch(notOurs(undefined));
      if (!seen) continue;
      const more = seen.isSymbolicLink() ? await readlink(join(path, at)) : seen.isFile() ? String(seen.size) : "";
      const sum = seen.isFile() ? await readFile(join(path, at)).then(sha256, notOurs("")) : "";
      lines.push(JSON.stringify([at, seen.mode, more, sum]));
      if (seen.isDirectory()) await look(at);
    }
  };
  await look("");
  return sha256(lines.join("\n"));
}

const looked = new Set<string>();

/** Whether a folder is there as it was made; one that differs is removed. Checked once a process. */
export async function isWhole(path: string): Promise<boolean> {
  if (looked.has(path)) return true;
  const wanted = await readFile(manifestBeside(path), "utf8").catch(() => "");
  const found = await manifest(path).catch(() => undefined);
  if (found !== undefined && found === wanted.trim()) {
    looked.add(path);
    return true;
  }
  return false;
}

/** Gives a complete folder its name, in place of one that is not whole. Its content is recorded first. */
export async function keepTree(from: string, path: string): Promise<void> {
  await removeTree(path);
  await rm(manifestBeside(path), { force: true });
  await writeWhole(manifestBeside(path), `${await manifest(from)}\n`);
  await placeFolder(from, path);
}
