/**
 * Reads Pulumi's archives as entries of an image: a folder, a .tar, a .tar.gz (.tgz), or assets and archives by name. A
 * file's content tells its kind, not its name. Owners, times, ACLs and extended attributes are not taken.
 */
import { createHash } from "node:crypto";
import type { Stats } from "node:fs";
import { lstat, readdir, readFile, readlink, stat } from "node:fs/promises";
import { join, resolve as resolvePath } from "node:path";
import { Archive, Asset, plain, type Value } from "../../properties/values.ts";
import {
  type ArchiveEntry,
  ArchiveError,
  ArchiveFault,
  assemble,
  Budget,
  below,
  normalName,
  shown,
  withoutHardLinks,
} from "./entries.ts";
import { DEVICE, fromDisk, keptMode, ONLY, TAKEN } from "./rules.ts";
import { readTar, unpacked } from "./tar.ts";

/**
 * What an archive holds, sorted by path, all folders included. `where`: names the property in errors.
 *
 * Hard links become files of their own. Links are not followed: relative ones may not lead out of the archive's folder,
 * absolute ones are paths in the image. Files of this machine are 0755 where their owner may execute them, else 0644,
 * folders 0755; text is 0644. Throws an {@link ArchiveError} with a `code` such as `archive-parent`.
 */
export async function entriesOfArchive(archive: Archive, where: string): Promise<ArchiveEntry[]> {
  try {
    return assemble(await read(plain(archive), "", new Budget()));
  } catch (e) {
    if (!(e instanceof ArchiveFault)) throw e;
    throw new ArchiveError(`archive-${e.code}`, `${where}: ${e.message}`, { hint: e.hint, cause: e.cause });
  }
}

/** The entries of a known archive for a check, or what is wrong with it: the code without `archive-`. */
export async function readArchive(
  archive: Archive,
): Promise<{ entries: ArchiveEntry[] } | { problem: { code: string; reason: string } }> {
  try {
    return { entries: assemble(await read(plain(archive), "", new Budget())) };
  } catch (e) {
    if (!(e instanceof ArchiveFault)) throw e;
    return { problem: { code: e.code, reason: e.hint ? `${e.message}; ${e.hint}` : e.message } };
  }
}

/** sha256, hex, of paths, types, modes, contents and targets: the same however the archive is packed. */
export function archiveDigest(entries: ArchiveEntry[]): string {
  const whole = createHash("sha256");
  const sha256 = (content: Uint8Array) => createHash("sha256").update(content).digest("hex");
  for (const e of [...entries].sort((a, b) => (a.path < b.path ? -1 : 1))) {
    const what = e.type === "file" ? sha256(e.content ?? new Uint8Array()) : (e.target ?? "");
    whole.update(`${JSON.stringify([e.path, e.type, e.mode, what])}\n`);
  }
  return whole.digest("hex");
}

/** An archive's entries below `folder`, not yet looked at together. */
async function read(archive: Archive, folder: string, budget: Budget): Promise<ArchiveEntry[]> {
  const { path, uri, assets } = archive.content;
  if (uri !== undefined)
    throw new ArchiveFault("remote", "expected a FileArchive or AssetArchive: nothing is fetched from addresses here");
  if (assets) {
    const lists: ArchiveEntry[][] = [];
    for (const [name, x] of Object.entries(assets)) lists.push(await readNamed(name, x, folder, budget));
    return lists.flat();
  }
  if (path === undefined) throw new ArchiveFault("form", "holds neither a path nor assets", TAKEN);
  const from = resolvePath(path);
  const found = await fromDisk(from, stat(from));
  const put = (e: ArchiveEntry) => ({ ...e, path: below(folder, normalName(e.path)) });
  if (found.isDirectory()) return (await readFolder(from, budget)).map(put);
  if (!found.isFile()) throw new ArchiveFault("kind", `${from} is neither a folder nor a plain file`, TAKEN);
  return withoutHardLinks(await readTar(await unpacked(from, found), from, budget)).map(put);
}

async function readNamed(name: string, x: Value, folder: string, budget: Budget): Promise<ArchiveEntry[]> {
  const path = below(folder, normalName(name));
  if (x instanceof Archive) return read(x, path, budget);
  if (!(x instanceof Asset)) throw new ArchiveFault("form", `entry ${shown(name)} is neither an asset nor an archive`);
  if (x.content.uri !== undefined) {
    const why = `entry ${shown(name)}: expected a FileAsset or StringAsset: nothing is fetched from addresses here`;
    throw new ArchiveFault("remote", why);
  }
  if (x.content.path === undefined) {
    const content = Buffer.from(x.content.text ?? "");
    budget.take(content.length);
    return [{ path, type: "file", mode: 0o644, content }];
  }
  const from = resolvePath(x.content.path);
  const found = await fromDisk(from, stat(from));
  if (!found.isFile()) throw new ArchiveFault("kind", `entry ${shown(name)}: ${from} is not a plain file`);
  return [await readPlain(path, from, found, budget)];
}

/** Everything in a folder of this machine, with paths relative to it. */
async function readFolder(root: string, budget: Budget): Promise<ArchiveEntry[]> {
  const out: ArchiveEntry[] = [];
  const walk = async (folder: string): Promise<void> => {
    const dir = join(root, folder);
    for (const name of (await fromDisk(dir, readdir(dir))).sort()) {
      const path = below(folder, name);
      normalName(path);
      const from = join(root, path);
      const found = await fromDisk(from, lstat(from));
      if (found.isFile()) out.push(await readPlain(path, from, found, budget));
      else if (found.isSymbolicLink()) {
        budget.take(0);
        out.push({ path, type: "link", mode: 0o777, target: await fromDisk(from, readlink(from)) });
      } else if (found.isDirectory()) {
        budget.take(0);
        out.push({ path, type: "folder", mode: keptMode(found) });
        await walk(path);
      } else {
        const [code, what] = found.isFIFO() ? ["fifo", "FIFO"] : found.isSocket() ? ["socket", "socket"] : DEVICE;
        throw new ArchiveFault(code, `entry ${shown(path)} is a ${what}`, ONLY);
      }
    }
  };
  await walk("");
  return out;
}

async function readPlain(path: string, from: string, found: Stats, budget: Budget): Promise<ArchiveEntry> {
  budget.take(found.size);
  return { path, type: "file", mode: keptMode(found), content: await fromDisk(from, readFile(from)) };
}
