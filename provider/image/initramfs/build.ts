/** Makes the compressed initramfs of a tree, and keeps it in the cache by its content, for that takes long. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { assetText } from "../../assets.ts";
import { placeFile, writeWhole } from "../../local/files.ts";
import { sha256 } from "../../local/hash.ts";
import type { Task } from "../../task.ts";
import { withTemp } from "../namespace/temp.ts";
import { hashFile } from "../store/artifact.ts";
import type { Toolbox } from "../toolbox/toolbox.ts";
import { initramfs } from "./archive.ts";
import { mountable } from "./modules.ts";

export interface InitramfsSource {
  box: Toolbox;
  tree: string;
  release: string;
  arch: string;
  /** What a root may be made with (filesystems/all.ts). */
  filesystems: readonly string[];
  cache: string;
}

/**
 * The path of the compressed initramfs in the cache, and which of the filesystems it mounts. The same content gives the
 * same bytes with the same toolbox.
 */
export async function initramfsImage(s: InitramfsSource, task: Task): Promise<{ path: string; filesystems: string[] }> {
  const binds = [{ source: s.tree, target: "/run/tree", readOnly: true }];
  const read = async (argv: string[]): Promise<Buffer> => {
    const output = new PassThrough();
    const pieces = output.toArray();
    try {
      await s.box.run(argv, { signal: task.signal, binds, output });
    } finally {
      output.end();
    }
    return Buffer.concat(await pieces);
  };
  const folder = `/run/tree/usr/lib/modules/${s.release}`;
  const between = "# next";
  const script = `for table in dep softdep builtin alias; do cat "$1/modules.$table"; echo "${between}"; done`;
  const texts = (await read(["/bin/sh", "-euc", script, "sh", folder])).toString("utf8").split(`${between}\n`);
  const [dep = "", softdep = "", builtin = "", alias = ""] = texts;
  const tables = { dep, softdep, builtin, alias };
  const archive = await initramfs({
    release: s.release,
    arch: s.arch,
    filesystems: s.filesystems,
    tables,
    init: assetText("system/initramfs/init"),
    tar: (paths) => read(["tar", "-C", "/run/tree", "-cf", "-", ...paths]),
  });
  const path = join(s.cache, "initramfs", `${s.box.digest}-${sha256(archive)}.img`);
  const sum = `${path}.sha256`;
  const wanted = await readFile(sum, "utf8").catch(() => "");
  const found = await hashFile(path, task.signal).catch(() => undefined);
  if (found?.sha256 !== wanted.trim())
    await withTemp(join(s.cache, "tmp"), async (dir) => {
      const argv = ["zstd", "-19", "-q", "-", "-o", "/run/out/initramfs.img"];
      await s.box.run(argv, { signal: task.signal, input: archive, binds: [{ source: dir, target: "/run/out" }] });
      await placeFile(join(dir, "initramfs.img"), path);
      await writeWhole(sum, `${(await hashFile(path, task.signal)).sha256}\n`);
    });
  return { path, filesystems: mountable(s.filesystems, tables) };
}
