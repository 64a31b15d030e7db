/** Turns the packages that a person asks for into a lock: apk chooses. */
import { mkdir, readFile, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { Header } from "tar";
import { RunError } from "../../local/run.ts";
import type { Task } from "../../task.ts";
import { withTemp } from "../namespace/temp.ts";
import { candidates, type Place, parseInstalled, parsePlaces, pinned, placeOf, toLock } from "./answer.ts";
import type { Apk } from "./apk.ts";
import { checkPackage } from "./apkfile.ts";
import { indexBlocks } from "./apkindex.ts";
import { type Asked, complaint, Unsatisfiable } from "./complaint.ts";
import { type LockedPackage, packagePath } from "./mirror.ts";
import type { RepositoryIndex } from "./mirror-index.ts";
import type { Source } from "./source.ts";

/** `packages`: each is checked with constraintProblem (constraint.ts) before. */
export interface ResolveRequest extends Asked {
  /** Versions to keep, where these packages are needed at all. */
  keep?: LockedPackage[];
}

/**
 * The exact packages that fulfil `packages`, by apk itself, sorted by name. Versions in `keep` stay. Where they do not
 * fit the request, only those are given up that apk names in its complaint.
 */
export async function resolve(apk: Apk, request: ResolveRequest, source: Source, task: Task): Promise<LockedPackage[]> {
  const from = new Set(request.indexes.map((r) => r.name));
  let keep = (request.keep ?? []).filter((p) => from.has(p.repository));
  for (;;) {
    try {
      return await simulate(apk, { ...request, keep }, source, task);
    } catch (e) {
      if (!(e instanceof Unsatisfiable) || keep.length === 0) throw e;
      const culprits = new Set(e.culprits);
      const fewer = keep.filter((p) => !culprits.has(p.name));
      keep = fewer.length < keep.length ? fewer : [];
    }
  }
}

async function simulate(
  apk: Apk,
  request: ResolveRequest & { keep: LockedPackage[] },
  source: Source,
  task: Task,
): Promise<LockedPackage[]> {
  const { indexes, keep } = request;
  return withTemp(join(source.cache, "tmp"), async (dir) => {
    const lines: string[] = [];
    for (const [n, index] of indexes.entries()) {
      const folder = join(dir, String(n));
      await mkdir(join(folder, source.arch), { recursive: true });
      const file = join(folder, source.arch, "APKINDEX.tar.gz");
      if (keep.length === 0) await symlink(index.path, file);
      else await writeFile(file, packIndex(await keepVersions(index, keep, source)));
      lines.push(index.tag ? `@${index.tag} ${folder}` : folder);
    }
    const list = join(dir, "repositories");
    await writeFile(list, `${lines.join("\n")}\n`);
    // biome-ignore format: what belongs together is in one line
    const settings = [
      "--no-network", "--no-cache", "--no-progress", "--root", join(apk.tree, "empty"),
      "--arch", source.arch, "--keys-dir", apk.keys, "--repositories-file", list,
      // an index with kept versions is a copy of a checked one; the packages themselves are always checked
      ...(keep.length === 0 ? [] : ["--allow-untrusted"]),
    ];
    const ask = async (what: string[], packages: string[]) =>
      (await apk.run([...what, ...settings, "--", ...packages], task)).stdout;
    let said: string;
    try {
      said = await ask(["add", "--simulate"], request.packages);
    } catch (e) {
      throw e instanceof RunError && e.exitCode !== undefined ? complaint(`${e.stdout}\n${e.stderr}`, request, e) : e;
    }
    const chosen = parseInstalled(said);
    return toLock(chosen, candidates(indexes, keep), async () => {
      const fetch = ["fetch", "--simulate", "--recursive", "--url"];
      const same = (places: Place[]) => chosen.length === places.length && chosen.every((c) => placeOf(places, c));
      const places = parsePlaces(await ask(fetch, request.packages), dir);
      // fetch ignores conflicts, so it may have chosen other packages: then it is asked for exactly the chosen ones
      return same(places) ? places : parsePlaces(await ask(fetch, chosen.map(pinned)), dir);
    });
  });
}

/**
 * An index in which a package to keep has that version only. A version that left the mirror is described by the package
 * in the cache. Where that is missing too, the mirror's newer versions stay.
 */
async function keepVersions(index: RepositoryIndex, keep: LockedPackage[], source: Source): Promise<string> {
  const blocks = indexBlocks(index.text);
  for (const p of keep) {
    if (p.repository !== index.name) continue;
    const listed = blocks.get(p.name)?.find((b) => b.includes(`C:${p.checksum}\n`));
    const block = listed ?? (await blockFromPackage(p, source));
    if (block) blocks.set(p.name, [block]);
  }
  return [...blocks.values()].flat().join("\n\n").concat("\n\n");
}

/** The block of an index for a package in the cache. */
async function blockFromPackage(p: LockedPackage, source: Source): Promise<string | undefined> {
  const path = packagePath(p, source);
  const bytes = await readFile(path).catch(() => undefined);
  const checked = bytes && (await checkPackage(bytes, path, source.keys, p.checksum).catch(() => undefined));
  if (!checked) return undefined;
  const of = (key: string) => checked.info.get(key) ?? [];
  const lines = [`C:${p.checksum}`, `P:${p.name}`, `V:${p.version}`, `A:${of("arch")[0] ?? source.arch}`];
  lines.push(`S:${p.size}`, `I:${p.installedSize}`, `T:${of("pkgdesc")[0] ?? p.name}`, `t:${p.built}`);
  for (const [letter, key] of [
    ["k", "provider_priority"],
    ["D", "depend"],
    ["p", "provides"],
    ["i", "install_if"],
  ] as const)
    if (of(key).length > 0) lines.push(`${letter}:${of(key).join(" ")}`);
  return lines.join("\n");
}

function packIndex(text: string): Buffer {
  const data = Buffer.from(text);
  const block = Buffer.alloc(512);
  new Header({ path: "APKINDEX", size: data.length, mode: 0o644, type: "File", mtime: new Date(0) }).encode(block);
  return gzipSync(Buffer.concat([block, data, Buffer.alloc(1024 + ((512 - (data.length % 512)) % 512))]), { level: 1 });
}
