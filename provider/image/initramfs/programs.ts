/** Programs out of a tree of packages, with all that they need to run elsewhere. */
import { lstat, readFile, readlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { die } from "../../errors.ts";
import { exists } from "../../local/files.ts";
import type { CpioEntry } from "./cpio.ts";
import { elfNeeds } from "./elf.ts";

/** A program of the tree with its loader and libraries: itself in bin/, the others in their own places. */
export async function withLibraries(tree: string, name: string): Promise<CpioEntry[]> {
  const data = await read(tree, await find(tree, name, FOLDERS));
  const out: CpioEntry[] = [{ path: `bin/${name}`, type: "file", data }];
  const seen = new Set<string>();
  const folders = libraryFolders(elfNeeds(data)?.loader);
  const add = async (of: Buffer) => {
    const { loader, needed } = elfNeeds(of) ?? { needed: [] };
    for (const wanted of [...(loader ? [loader.slice(1)] : []), ...needed]) {
      // musl's loader is its libc, by another name
      if (seen.has(wanted) || /^libc\.musl-/.test(wanted)) continue;
      seen.add(wanted);
      const path = wanted.includes("/") ? wanted : await find(tree, wanted, folders);
      const library = await read(tree, path);
      out.push({ path, type: "file", data: library });
      await add(library);
    }
  };
  await add(data);
  return out;
}

const FOLDERS = ["usr/sbin", "usr/bin", "sbin", "bin"];
/** Where a loader looks for libraries. glibc's, on a mirror with such programs, looks in folders of its own first. */
function libraryFolders(loader = ""): string[] {
  const own = ["usr/lib/x86_64-linux-gnu", "usr/lib/aarch64-linux-gnu", "lib64"];
  return [...(/ld-linux/.test(loader) ? own : []), "lib", "usr/lib"];
}

/**
 * Starts a program of tools/ through its own loader, wherever it lies, so that the old system's libraries do not
 * matter.
 */
export async function wrapper(tree: string, name: string): Promise<string> {
  const { loader } = elfNeeds(await read(tree, await find(tree, name, FOLDERS))) ?? {};
  const run = loader
    ? `"$d${loader}" --library-path "${libraryFolders(loader)
        .map((l) => `$d/${l}`)
        .join(":")}" "$d/bin/${name}"`
    : `"$d/bin/${name}"`;
  return `#!/bin/sh\nd=\${0%/*}\nexec ${run} "$@"\n`;
}

async function find(tree: string, name: string, folders: string[]): Promise<string> {
  for (const folder of folders) if (await exists(join(tree, folder, name))) return `${folder}/${name}`;
  return die(`the packages of the RAM system have no ${name}`, "use a mirror with Alpine's packages (pine:mirror)");
}

/** A file of a tree; links lead only into the tree. */
export async function read(tree: string, path: string, depth = 0): Promise<Buffer> {
  const info = await lstat(join(tree, path));
  if (!info.isSymbolicLink()) return readFile(join(tree, path));
  if (depth > 8) die(`${path} in ${tree} is a link that leads to itself`);
  const target = await readlink(join(tree, path));
  return read(tree, target.startsWith("/") ? target.slice(1) : join(dirname(path), target), depth + 1);
}
