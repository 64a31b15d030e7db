/** What of this provider goes into a tree: files of system/, and a number for what the code does. */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { asset, assetText } from "../assets.ts";
import type { SystemFile } from "./configure.ts";
import { sha256 } from "./recipe.ts";

/** Raised whenever the same recipe and lock give another tree than before, but for files of system/. */
const format = 2;
const scripts = ["install.sh", "look.sh", "apply.sh", "layout.sh"];

/** Files below a folder, by relative path, sorted. */
function filesBelow(dir: string, at = ""): string[] {
  return readdirSync(join(dir, at), { withFileTypes: true })
    .flatMap((e) => (e.isDirectory() ? filesBelow(dir, join(at, e.name)) : [join(at, e.name)]))
    .sort();
}

/** Everything below system/rootfs, with its place in the tree. */
export function systemFiles(): SystemFile[] {
  const dir = asset("system/rootfs");
  return filesBelow(dir).map((path) => ({
    path: `/${path}`,
    content: readFileSync(join(dir, path), "utf8"),
    executable: (statSync(join(dir, path)).mode & 0o100) !== 0,
  }));
}

let known: string | undefined;

/** Name of what builds trees: part of every digest, so that a new provider builds again and says so. */
export function builder(): string {
  known ??= `${format}-${sha256(
    JSON.stringify([
      systemFiles(),
      assetText("system/runlevels"),
      assetText("system/initramfs/init"),
      scripts.map((name) => assetText("system/build", name)),
    ]),
  ).slice(0, 16)}`;
  return known;
}
