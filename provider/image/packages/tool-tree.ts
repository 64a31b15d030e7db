/** Folders of the cache that hold programs, made once of signed packages. */
import { createHash } from "node:crypto";
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { writeWhole } from "../../local/files.ts";
import { withFileLock } from "../../local/lock.ts";
import type { Task } from "../../task.ts";
import { withTemp } from "../namespace/temp.ts";
import { isWhole, keepTree } from "../store/kept-tree.ts";
import { GoneError, type LockedPackage } from "./mirror.ts";
import type { Source } from "./source.ts";

/** Raised when what is done with the packages of apk or the toolbox changes. */
const format = 3;

/** Digest of what decides which apk and toolbox this is; not of the mirror's address: it works without the mirror. */
export function sourceKey(source: Source, wanted: string[]): string {
  const keys = Object.entries(source.keys).sort(([a], [b]) => (a < b ? -1 : 1));
  const parts = [format, source.release, source.arch, keys, wanted];
  return createHash("sha256").update(JSON.stringify(parts)).digest("hex").slice(0, 32);
}

/** Digest of the packages themselves. */
function packagesDigest(packages: LockedPackage[]): string {
  const list = packages.map((p) => p.checksum).sort();
  return createHash("sha256")
    .update(JSON.stringify([format, list]))
    .digest("hex")
    .slice(0, 32);
}

/** A tool of ours: a tree in the cache, made of packages. */
interface Tool {
  /** Folder in the cache. */
  kind: "apk" | "toolbox" | "ram";
  key: string;
  resolve: () => Promise<LockedPackage[]>;
  fill: (dir: string, packages: LockedPackage[]) => Promise<void>;
}

/**
 * The tree of a tool, made when it is not there. Its packages are chosen once and recorded, so that it works with the
 * mirror away; they are chosen again only when one can no longer be fetched.
 */
export async function toolTree(cache: string, tool: Tool, task: Task): Promise<{ tree: string; digest: string }> {
  const record = join(cache, tool.kind, `${tool.key}.json`);
  const read = () =>
    readFile(record, "utf8")
      .then((t) => JSON.parse(t) as LockedPackage[])
      .then((list) => (Array.isArray(list) && list.length > 0 ? list : undefined))
      .catch(() => undefined);
  const make = async (packages: LockedPackage[]) => {
    const digest = packagesDigest(packages);
    const tree = join(cache, tool.kind, digest);
    await makeOnce(cache, tree, task, (dir) => tool.fill(dir, packages));
    return { tree, digest };
  };
  const known = await read();
  if (known) {
    try {
      return await make(known);
    } catch (e) {
      if (!(e instanceof GoneError)) throw e;
    }
  }
  const now = await tool.resolve();
  const made = await make(now);
  await writeWhole(record, JSON.stringify(now));
  return made;
}

/** Makes a folder of the cache once: `fill` works in a temporary one, which then gets its name. */
async function makeOnce(cache: string, path: string, task: Task, fill: (dir: string) => Promise<void>): Promise<void> {
  if (await isWhole(path)) return;
  await withFileLock(`${path}.lock`, "another run that makes the same", task, async () => {
    if (await isWhole(path)) return;
    await withTemp(join(cache, "tmp"), async (dir) => {
      const inner = join(dir, "new");
      await mkdir(inner);
      await fill(inner);
      await keepTree(inner, path);
    });
  });
}
