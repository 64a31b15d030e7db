/** apk itself, from the mirror's own packages: started through musl's loader, it needs nothing of this machine. */
import { createHash } from "node:crypto";
import { chmod, lstat, mkdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { extract } from "tar";
import { die, PineError } from "../errors.ts";
import { writeWhole } from "../local/files.ts";
import { withFileLock } from "../local/lock.ts";
import { type RunResult, run } from "../local/run.ts";
import type { Task } from "../task.ts";
import { gzipMember, LIMITS } from "./apkfile.ts";
import { compareVersions, dependencyName, type IndexEntry, parseIndex } from "./index.ts";
import { isWhole, keepTree } from "./kept-tree.ts";
import { fetchPackages, GoneError, type LockedPackage, type Source } from "./mirror.ts";
import { fetchIndexes, type RepositoryIndex } from "./mirror-index.ts";
import { tidy, withTemp } from "./temp.ts";

export interface Apk {
  /** A tree with apk, musl, busybox and what they need: it can be a root. */
  readonly tree: string;
  /** Folder with the trusted keys, absolute (apk takes no other). */
  readonly keys: string;
  /** Runs apk on this machine, without a namespace: for what changes nothing. */
  run(args: string[], task: Task): Promise<RunResult>;
}

/** What apk is taken from; the toolbox's own repositories. */
export const toolRepositories = ["main", "community"];
/** Raised when what is done with the packages of apk or the toolbox changes. */
const format = 3;

/** Of what decides which apk and toolbox this is, not of the mirror's address: it works with the mirror away. */
export function sourceKey(source: Source, wanted: string[]): string {
  const keys = Object.entries(source.keys).sort(([a], [b]) => (a < b ? -1 : 1));
  const parts = [format, source.release, source.arch, keys, wanted];
  return createHash("sha256").update(JSON.stringify(parts)).digest("hex").slice(0, 32);
}

/** Of the packages themselves. */
function packagesDigest(packages: LockedPackage[]): string {
  const list = packages.map((p) => p.checksum).sort();
  return createHash("sha256")
    .update(JSON.stringify([format, list]))
    .digest("hex")
    .slice(0, 32);
}

/** What `wanted` needs, by the names in depends and provides, the newest version of each. apk's own way of starting. */
export function closure(wanted: string[], entries: (IndexEntry & { repository: string })[]): LockedPackage[] {
  const providers = new Map<string, IndexEntry & { repository: string }>();
  for (const e of entries)
    for (const name of [e.name, ...e.provides.map(dependencyName)]) {
      const other = providers.get(name);
      const better = !other || (other.name !== name && e.name === name);
      if (better || (other.name === e.name && compareVersions(e.version, other.version) > 0)) providers.set(name, e);
    }
  const out = new Map<string, LockedPackage>();
  const queue = [...wanted];
  for (let name = queue.shift(); name !== undefined; name = queue.shift()) {
    const e = providers.get(name);
    if (!e)
      die(
        `the mirror has no package that provides ${name}`,
        "use a mirror with Alpine's main repository (pine:mirror)",
      );
    if (out.has(e.name)) continue;
    out.set(e.name, locked(e));
    queue.push(...e.depends.map(dependencyName).filter(Boolean));
  }
  return [...out.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

export function locked(e: IndexEntry & { repository: string }): LockedPackage {
  const { name, version, checksum, size, installedSize, built, repository } = e;
  return { name, version, checksum, size, installedSize, built, repository };
}

/** The entries of several indexes. */
export function entriesOf(indexes: RepositoryIndex[]): (IndexEntry & { repository: string })[] {
  return indexes.flatMap((r) => parseIndex(r.text).map((e) => ({ ...e, repository: r.name })));
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
 * mirror away; they are chosen again only when one is to be had no more.
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
  await withFileLock(`${path}.lock`, "another start of the same", task, async () => {
    if (await isWhole(path)) return;
    await withTemp(join(cache, "tmp"), async (dir) => {
      const inner = join(dir, "new");
      await mkdir(inner);
      await fill(inner);
      await keepTree(inner, path);
    });
  });
}

const wanted = ["apk-tools", "busybox"];
const tidied = new Set<string>();

/** apk for this machine, from the cache or fetched now. */
export async function apkTool(source: Source, task: Task): Promise<Apk> {
  if (!tidied.has(source.cache)) await tidy(source.cache, ["apk", "toolbox", "ram", "ram-systems", "published"]);
  tidied.add(source.cache);
  const { tree } = await toolTree(
    source.cache,
    {
      kind: "apk",
      key: sourceKey(source, wanted),
      resolve: async () => {
        task.step(`fetching the index of ${source.mirror}`);
        return closure(wanted, entriesOf(await fetchIndexes(toolRepositories, source, task)));
      },
      fill: async (dir, packages) => {
        for (const file of await fetchPackages(packages, source, task)) await unpack(file, dir);
        await finish(dir);
      },
    },
    task,
  );
  const keys = await keysFolder(source);
  const find = async (...paths: string[]) => {
    for (const p of paths)
      if (
        await lstat(join(tree, p)).then(
          () => true,
          () => false,
        )
      )
        return join(tree, p);
    return die(`${tree} holds no ${paths[0]}`, "delete the folder: it is made again");
  };
  const loader = await find(`lib/ld-musl-${source.arch}.so.1`, `usr/lib/ld-musl-${source.arch}.so.1`);
  const program = await find("sbin/apk", "usr/sbin/apk", "usr/bin/apk");
  const libraries = ["lib", "usr/lib"].map((d) => join(tree, d)).join(":");
  return {
    tree,
    keys,
    run: (args, t) =>
      run(loader, ["--library-path", libraries, program, ...args], {
        signal: t.signal,
        timeout: 120_000,
        cwd: "/",
        env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", LC_ALL: "C" },
        extendEnv: false,
      }),
  };
}

/** Unpacks the data of a checked package. Owners do not matter here. */
async function unpack(file: string, dir: string): Promise<void> {
  const bytes = await readFile(file);
  const control = gzipMember(bytes, 0, file, LIMITS.signature).end;
  const data = bytes.subarray(gzipMember(bytes, control, file, LIMITS.control).end);
  await new Promise<void>((done, failed) => {
    const out = extract({ cwd: dir, preserveOwner: false, strict: false });
    out.on("close", done);
    out.on("error", failed);
    out.end(data);
  });
}

/** What scripts would do: the few links that let the tree be a root, and the folders that are mounted on. */
async function finish(dir: string): Promise<void> {
  for (const d of ["dev", "proc", "tmp", "run", "bin", "lib/apk/db", "etc/apk", "empty/lib/apk/db", "empty/etc/apk"])
    await mkdir(join(dir, d), { recursive: true });
  for (const applet of ["sh", "umount", "mount", "mkdir", "rmdir", "ln", "rm", "cp", "chmod"]) {
    await rm(join(dir, "bin", applet), { force: true });
    await symlink("busybox", join(dir, "bin", applet));
  }
  await chmod(join(dir, "bin/busybox"), 0o755);
  // an empty database for `add --simulate`, which makes none itself
  for (const f of ["lib/apk/db/installed", "lib/apk/db/triggers", "etc/apk/world"])
    await writeFile(join(dir, "empty", f), "");
}

/** The trusted keys as files. */
async function keysFolder(source: Source): Promise<string> {
  const path = join(source.cache, "keys", sourceKey(source, []));
  for (const [name, pem] of Object.entries(source.keys)) {
    if (!/^[A-Za-z0-9_@.+-]+$/.test(name) || name.startsWith("."))
      throw new PineError(`"${name}" is no name of a key`, { hint: "expected a file name as in /etc/apk/keys" });
    const file = join(path, name);
    if ((await readFile(file, "utf8").catch(() => undefined)) !== pem) await writeWhole(file, pem);
  }
  return path;
}
