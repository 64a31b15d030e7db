/** The lab's Alpine mirror: real signed packages in Alpine's own layout, built once into the user's cache. */
import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { alpinePackages, ensureAlpineTree, WHEEL } from "./alpine.ts";
import { buildIndex, buildPackage, type PackageSpec, publicPem, type SigningKey } from "./apk-format.ts";
import { cachePath, exists, KEY_NAME, labKey } from "./cache.ts";
import { debianLock, fetchDebian } from "./debian.ts";
import { DEBIAN_NAMES, debianPackages } from "./glibc.ts";
import { withLock } from "./lock.ts";
import { BRANCH, type MirrorTree, openMirror, REPOSITORIES } from "./tree.ts";

export type { BuiltPackage, PackageFile, PackageSpec, SigningKey } from "./apk-format.ts";
export { buildPackage as makePackage } from "./apk-format.ts";
export { readPackage } from "./apk-reader.ts";
export { freshKey, KEY_NAME, labKey } from "./cache.ts";
export { type Fault, type MirrorServer, type ServeOptions, serveMirror } from "./server.ts";
export { BRANCH, type MirrorTree, openMirror, REPOSITORIES, type Repository } from "./tree.ts";
export { type MirrorChanges, variantMirror } from "./variant.ts";

/** Digest of everything a mirror depends on: this builder, the wheel, Debian's versions and the key. */
async function digestOf(lock: unknown, key: SigningKey): Promise<string> {
  const hash = createHash("sha256").update(JSON.stringify([WHEEL.sha256, lock, publicPem(key.key)]));
  const here = import.meta.dirname;
  for (const file of (await readdir(here)).filter((f) => f.endsWith(".ts")).sort())
    if (!["server.ts", "cli.ts", "variant.ts", "lock.ts"].includes(file)) hash.update(await readFile(join(here, file)));
  return hash.digest("hex").slice(0, 16);
}

/** The mirror, built if the cache has none for these inputs: about a minute and 190 MB of downloads the first time. */
export async function ensureMirror(log: (line: string) => void = () => {}): Promise<MirrorTree> {
  const key = await labKey();
  const lock = await debianLock(DEBIAN_NAMES);
  const dir = join(await cachePath("mirrors"), await digestOf(lock, key));
  if (!(await exists(dir)))
    await withLock(`${dir}.lock`, async () => {
      if (await exists(dir)) return;
      const packages = await debianPackages(lock, await fetchDebian(lock, log));
      packages.main.push(...(await alpinePackages(await ensureAlpineTree(log))));
      const work = `${dir}.part-${process.pid}`;
      await rm(work, { recursive: true, force: true });
      log(`building the lab's mirror: ${packages.main.length + packages.community.length} packages`);
      for (const repo of REPOSITORIES)
        await writeRepository(join(work, "alpine", BRANCH, repo, "x86_64"), packages[repo], key);
      await mkdir(join(work, "keys"));
      await writeFile(join(work, "keys", KEY_NAME), publicPem(key.key));
      await rename(work, dir);
      await forgetOldMirrors(dir);
    });
  return openMirror(dir);
}

async function writeRepository(dir: string, specs: PackageSpec[], key: SigningKey): Promise<void> {
  await mkdir(dir, { recursive: true });
  const records: string[] = [];
  for (const spec of [...specs].sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const built = await buildPackage(spec, key);
    await writeFile(join(dir, built.fileName), built.bytes);
    records.push(built.index);
  }
  await writeFile(join(dir, "APKINDEX.tar.gz"), await buildIndex(records, `${BRANCH} lab`, key));
}

/**
 * Keeps the four newest mirrors: each is 110 MB, every change of this folder makes another, and a server may still use
 * an older one.
 */
async function forgetOldMirrors(current: string): Promise<void> {
  const folder = join(current, "..");
  const others: { path: string; made: number }[] = [];
  for (const name of await readdir(folder)) {
    const path = join(folder, name);
    if (path !== current && /^[0-9a-f]{16}$/.test(name)) others.push({ path, made: (await stat(path)).mtimeMs });
  }
  others.sort((a, b) => b.made - a.made);
  for (const old of others.slice(3)) await rm(old.path, { recursive: true });
}
