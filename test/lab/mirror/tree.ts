/** A mirror on disk, as everything here sees it. */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

/** A mirror on disk. */
export interface MirrorTree {
  /** Its packages and indexes lie in `<dir>/alpine/v3.23/{main,community}/x86_64`. */
  dir: string;
  /** PEM of each public key by its file name in /etc/apk/keys. */
  keys: Record<string, string>;
}

export const BRANCH = "v3.23";
export const REPOSITORIES = ["main", "community"] as const;

export type Repository = (typeof REPOSITORIES)[number];

/** A mirror folder as its API sees it. */
export async function openMirror(dir: string): Promise<MirrorTree> {
  const keys: MirrorTree["keys"] = {};
  for (const name of await readdir(join(dir, "keys"))) keys[name] = await readFile(join(dir, "keys", name), "utf8");
  return { dir, keys };
}
