/** Copies of a mirror with other packages in them: a new release, a package of one's own, a wrong signature. */
import { cp, link, mkdir, readdir, readFile, rm, unlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import {
  buildIndex,
  buildPackage,
  type PackageFile,
  type PackageSpec,
  publicPem,
  type SigningKey,
} from "./apk-format.ts";
import { readIndex, readPackage } from "./apk-reader.ts";
import { labKey } from "./cache.ts";
import { BRANCH, type MirrorTree, openMirror, REPOSITORIES, type Repository } from "./tree.ts";

export interface MirrorChanges {
  /**
   * Packages put in, in place of one with the same name and version; others of that name stay unless `replace`. With
   * another `signer`, mind that apk goes by the checksum in a signed index and looks no further; to slip a foreign
   * package in, serve it through `intercept`.
   */
  add?: (PackageSpec & { repo?: Repository; replace?: boolean; signer?: SigningKey })[];
  /**
   * New releases of packages that are there: the next "-rN" (or `version`), with files added or replaced; `edit`
   * changes anything else. The old release goes, as on Alpine's mirrors.
   */
  release?: { name: string; version?: string; files?: PackageFile[]; edit?: (spec: PackageSpec) => PackageSpec }[];
  /** Packages that are no longer there. */
  remove?: string[];
  /** Signs the changed indexes; default the lab's key. */
  indexSigner?: SigningKey;
  /** Public keys that the variant's users are told of, beside the lab's. */
  trust?: SigningKey[];
}

/**
 * Makes a variant in `dir`, which must not exist; files that stay the same are hard links, so it takes no room and
 * little time.
 */
export async function variantMirror(base: MirrorTree, dir: string, changes: MirrorChanges): Promise<MirrorTree> {
  await linkTree(base.dir, dir);
  const key = await labKey();
  const open = await Promise.all(
    REPOSITORIES.map(async (repo) => {
      const path = join(dir, "alpine", BRANCH, repo, "x86_64");
      return { repo, path, changed: false, records: await readIndex(await readFile(join(path, "APKINDEX.tar.gz"))) };
    }),
  );
  const take = async (name: string): Promise<(typeof open)[number] | undefined> => {
    let home: (typeof open)[number] | undefined;
    for (const r of open)
      for (const record of r.records.filter((x) => field(x, "P") === name)) {
        r.records.splice(r.records.indexOf(record), 1);
        await unlink(join(r.path, fileOf(record)));
        r.changed = true;
        home = r;
      }
    return home;
  };
  const put = async (repo: Repository, spec: PackageSpec, signer: SigningKey) => {
    const r = open.find((x) => x.repo === repo)!;
    const built = await buildPackage(spec, signer);
    r.records = [...r.records.filter((x) => fileOf(x) !== built.fileName), built.index];
    r.changed = true;
    // A new file, never through the link: the base must stay as it is.
    await rm(join(r.path, built.fileName), { force: true });
    await writeFile(join(r.path, built.fileName), built.bytes);
  };
  for (const name of changes.remove ?? [])
    if (!(await take(name))) throw new Error(`the mirror has no ${name} to remove`);
  for (const { name, version, files, edit } of changes.release ?? []) {
    const home = open.find((r) => r.records.some((x) => field(x, "P") === name));
    const record = home?.records.find((x) => field(x, "P") === name);
    if (!home || !record) throw new Error(`the mirror has no ${name} to make a new release of`);
    const old = await readPackage(await readFile(join(home.path, fileOf(record))));
    await take(name);
    const next = nextRelease(old, version, files);
    await put(home.repo, edit?.(next) ?? next, key);
  }
  for (const { repo, replace, signer, ...spec } of changes.add ?? []) {
    if (replace) await take(spec.name);
    await put(repo ?? "main", spec, signer ?? key);
  }
  for (const r of open)
    if (r.changed || changes.indexSigner) {
      const file = join(r.path, "APKINDEX.tar.gz");
      await rm(file);
      await writeFile(file, await buildIndex(r.records, `${BRANCH} lab`, changes.indexSigner ?? key));
    }
  for (const trusted of changes.trust ?? []) await writeFile(join(dir, "keys", trusted.name), publicPem(trusted.key));
  return openMirror(dir);
}

/** The package as its next release has it; commands it provides count on with it, and its size is counted again. */
export function nextRelease(old: PackageSpec, wanted?: string, files: PackageFile[] = []): PackageSpec {
  const version = wanted ?? old.version.replace(/-r(\d+)$/, (_, n) => `-r${Number(n) + 1}`);
  const replaced = new Set(files.map((f) => f.path));
  const moved = (words?: string[]) =>
    words?.map((w) => (w.endsWith(`=${old.version}`) ? w.slice(0, -old.version.length) + version : w));
  return {
    ...old,
    version,
    size: undefined,
    provides: moved(old.provides),
    files: [...old.files.filter((f) => !replaced.has(f.path)), ...files],
  };
}

const field = (record: string, name: string) => new RegExp(`^${name}:(.*)$`, "m").exec(record)?.[1];
const fileOf = (record: string) => `${field(record, "P")}-${field(record, "V")}.apk`;

async function linkTree(from: string, to: string): Promise<void> {
  await mkdir(to, { recursive: true });
  for (const entry of await readdir(from, { withFileTypes: true })) {
    const [a, b] = [join(from, entry.name), join(to, entry.name)];
    if (entry.isDirectory()) await linkTree(a, b);
    else
      await link(a, b).catch(async (error: NodeJS.ErrnoException) => {
        if (error.code !== "EXDEV") throw error;
        await cp(a, b, { preserveTimestamps: true });
      });
  }
}
