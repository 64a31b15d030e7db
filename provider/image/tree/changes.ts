/** What the configuration changes in a tree, and how it gets there. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Accounts } from "./accounts.ts";

/** One thing to do in the tree. Paths are absolute there. */
export type Change =
  | { do: "file"; path: string; content: Uint8Array | string; mode: string; owner: [uid: number, gid: number] }
  | { do: "dir"; path: string; mode: string; owner: [uid: number, gid: number] }
  | { do: "link"; path: string; target: string }
  | { do: "remove"; path: string };

/** What the packages brought. */
export interface TreeFacts extends Accounts {
  rcConf: string;
  /** Names in /etc/init.d. */
  services: string[];
  /** Time zones in the tree; empty without tzdata. */
  zones: string[];
  /** Binary keymaps in the tree, as `de/de-latin1`. */
  keymaps: string[];
}

/** Makes a folder with the contents of changes, and answers what apply.sh reads; `below`: goes before every path. */
export async function writeChanges(folder: string, changes: Change[], below = ""): Promise<string> {
  await mkdir(folder);
  let lines = "";
  for (const [n, c] of changes.entries()) {
    if (c.do === "file") await writeFile(join(folder, String(n)), c.content);
    const a = c.do === "link" ? c.target : "mode" in c ? c.mode : "-";
    const owner = "owner" in c ? c.owner.join(":") : "-";
    lines += `${[c.do, a, owner, c.do === "file" ? n : "-", below + c.path].join("\t")}\n`;
  }
  return lines;
}
