/** Keymaps as busybox's loadkmap reads them, made by kbd's own loadkeys of Debian's maps. */
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { PassThrough } from "node:stream";
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import { run } from "../../../provider/local/run.ts";
import type { PackageFile, PackageSpec } from "./apk-format.ts";
import type { TarEntry } from "./tar.ts";

const FOLDER = "usr/share/keymaps/";
/** Alpine's folder and name of each map, and Debian's map. */
const MAPS: Record<string, string> = {
  "us/us": "i386/qwerty/us",
  "de/de": "i386/qwertz/de-latin1",
  "de/de-nodeadkeys": "i386/qwertz/de-latin1-nodeadkeys",
  "gb/gb": "i386/qwerty/uk",
  "fr/fr": "i386/azerty/fr-latin1",
};

/** The package kbd-bkeymaps, with a few of Alpine's maps. */
export async function keymapPackage(kbd: TarEntry[], data: TarEntry[], version: string): Promise<PackageSpec> {
  const work = await mkdtemp(join(tmpdir(), "pine-keymaps-"));
  try {
    const loadkeys = kbd.find((e) => e.path === "bin/loadkeys");
    if (!loadkeys) throw new Error("Debian's kbd has no bin/loadkeys");
    await writeFile(join(work, "loadkeys"), loadkeys.data, { mode: 0o755 });
    for (const e of data.filter((e) => e.type === "file" && /^usr\/share\/keymaps\/(i386|include)\//.test(e.path))) {
      await mkdir(join(work, dirname(e.path)), { recursive: true });
      await writeFile(join(work, e.path), e.data);
    }
    const files: PackageFile[] = [];
    for (const [name, map] of Object.entries(MAPS)) {
      const chunks: Buffer[] = [];
      const output = new PassThrough().on("data", (chunk: Buffer) => chunks.push(chunk));
      await run(join(work, "loadkeys"), ["-b", join(work, FOLDER, `${map}.kmap.gz`)], { output, timeout: 30_000 });
      output.end();
      const bytes = Buffer.concat(chunks);
      if (bytes.toString("latin1", 0, 7) !== "bkeymap") throw new Error(`loadkeys made no binary keymap of ${map}`);
      files.push({ path: `usr/share/bkeymaps/${name}.bmap.gz`, content: await promisify(gzip)(bytes) });
    }
    return {
      name: "kbd-bkeymaps",
      version,
      description: "Binary keymaps for loadkmap",
      license: "GPL-2.0-or-later",
      url: "https://packages.debian.org/bookworm/console-data",
      origin: "kbd",
      files,
    };
  } finally {
    await rm(work, { recursive: true });
  }
}
