/** What of this provider goes into a tree: files of system/, and a number for what the code does. */
import { assetText } from "../../assets.ts";
import type { Target } from "../../boot/target.ts";
import { sha256 } from "../../local/hash.ts";
import { filesOf, type OwnFile } from "../recipe/system-files.ts";
import { targets } from "../recipe/targets.ts";

/** Raised whenever the same recipe and lock give another tree than before; changed files of system/ need no raise. */
const format = 6;
const scripts = [
  "toolbox/install.sh",
  "tree/sweep.sh",
  "tree/look.sh",
  "tree/apply.sh",
  "tree/layout.sh",
  "tree/modules.sh",
  "ostree/commit.sh",
  "ostree/commit-parts.sh",
  "tree/skeleton.sh",
  "ostree/overlay.sh",
];

/** The files of a target: with the same path, the later folder's file wins. */
export function systemFiles(target: Target): OwnFile[] {
  return [...new Map(targets[target].system.flatMap(filesOf).map((f) => [f.path, f])).values()];
}

/** Folders of system/ whose files lie in images. */
const FOLDERS = ["rootfs", "targets", "extras", "settings"];

let known: string | undefined;

/** Name of what builds trees: part of every digest, so that a new provider builds again and says so. */
export function builder(): string {
  known ??= `${format}-${sha256(
    JSON.stringify([
      FOLDERS.map(filesOf),
      assetText("system/initramfs/init"),
      scripts.map((name) => assetText("image", name)),
    ]),
  ).slice(0, 16)}`;
  return known;
}
