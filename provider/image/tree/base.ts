/**
 * The packages of a Rootfs as a commit of their own, without anything of its configuration: kept in the cache by lock
 * and builder, for every stack of this user, so that a change of one file or setting installs nothing again. What is
 * configured is laid over it in the store.
 */
import { mkdir, readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { canonical, sha256 } from "../../local/hash.ts";
import type { Task } from "../../task.ts";
import { buildScript } from "../namespace/run-in.ts";
import { hasCommit, removeDamagedRefs } from "../ostree/check.ts";
import type { Workshop } from "../ostree/workshop.ts";
import { commitOverlay, commitParts, pullCommit } from "../ostree/write.ts";
import type { LockedPackage } from "../packages/mirror.ts";
import type { Recipe } from "../recipe/types.ts";
import { GRACE_MS, spare } from "../store/grace.ts";
import { isWhole, keepTree, manifestBeside } from "../store/kept-tree.ts";
import { Store } from "../store/store.ts";
import type { Change, TreeFacts } from "./changes.ts";
import { TAKEN_OUT } from "./configure.ts";
import { apply, layout } from "./steps.ts";

/**
 * How many bases are kept that nobody used within the last hour. Each new lock makes one of some 100 MB, most of it
 * shared with the one before.
 */
const KEPT = 6;

/** The folder of the cache that bases lie in: a store of their own. */
export const openBases = (cache: string) => Store.open(join(cache, "bases"));

/** <key>.json; beside it <key>/, with skeleton.tar, files and sizes. */
export interface Base {
  key: string;
  /** OSTree checksum of the tree. */
  checksum: string;
  /** Names of the parts that it was committed in. */
  parts: string[];
  facts: TreeFacts;
  /** The kernel's release; undefined where there is no kernel. */
  release?: string;
  /** What its initramfs mounts as a root; absent where it has no kernel. */
  filesystems?: string[];
  /** Bytes of its files. */
  size: number;
}

/** Name of the base of a recipe, from what decides the installed packages and nothing else. */
export function baseKey(recipe: Recipe, lock: LockedPackage[], builder: string): string {
  const packages = lock.map((p) => [p.name, p.version, p.checksum]);
  const { arch, kernel, keys, target } = recipe;
  return sha256(canonical({ builder, packages, arch, kernel, keys, target }));
}

/** The base when the cache has it whole; no other Pine removes it while it is used. */
export async function usedBase(bases: Store, key: string, task: Task): Promise<Base | undefined> {
  const base = await readBase(bases, key);
  return base && (await spare(bases, [bases.path(`${key}.json`)], task)) ? base : undefined;
}

async function readBase(bases: Store, key: string): Promise<Base | undefined> {
  const base = await bases.readJson<Base>(bases.path(`${key}.json`)).catch(() => undefined);
  if (!base || !(await hasCommit(bases, base.checksum))) return undefined;
  return (await isWhole(bases.path(key))) ? base : undefined;
}

/**
 * Makes the base of an installed tree, which it turns into what OSTree deploys. The workshop's store is that of the
 * bases. `dir`: a folder for the work, on the cache's filesystem.
 */
export async function makeBase(
  workshop: Workshop,
  dir: string,
  tree: string,
  o: Omit<Base, "checksum" | "parts" | "size"> & { timestamp: number; kernel?: Parameters<typeof layout>[2] },
): Promise<Base> {
  const { store: bases, toolbox, task } = workshop;
  const { timestamp, kernel, ...known } = o;
  const work = join(dir, "skeleton");
  await mkdir(work);
  const binds = [
    buildScript("image/tree/skeleton.sh"),
    { source: work, target: "/run/work" },
    { source: tree, target: "/run/tree" },
  ];
  await toolbox.run(["/bin/sh", "/run/skeleton.sh", "save", ...TAKEN_OUT], { signal: task.signal, binds });
  const size = await layout(toolbox, tree, kernel, task, join(work, "sizes"));
  task.step("committing the packages to OSTree");
  const options = { timestamp, bootable: kernel !== undefined, ref: `base/${known.key}` };
  const { checksum, parts } = await commitParts(workshop, tree, options);
  const base: Base = { ...known, checksum, parts, size };
  const folder = bases.path(known.key);
  await keepTree(work, folder);
  await bases.writeJson(`${folder}.json`, base);
  await forgetOld(workshop);
  return base;
}

/** Keys of bases that stay, and of those that go: neither used within the time of grace nor among the newest. Pure. */
export function oldBases(all: { key: string; used: number }[], now: number): { kept: string[]; old: string[] } {
  const sorted = [...all].sort((a, b) => b.used - a.used);
  const stays = ({ used }: { used: number }, n: number) => n < KEPT || used > now - GRACE_MS;
  const keys = (stay: boolean) => sorted.filter((one, n) => stays(one, n) === stay).map(({ key }) => key);
  return { kept: keys(true), old: keys(false) };
}

/** When each base was used last. */
async function lastUse(bases: Store): Promise<{ key: string; used: number }[]> {
  const all: { key: string; used: number }[] = [];
  for (const name of await readdir(bases.dir)) {
    const [, key] = /^([0-9a-f]{64})\.json$/.exec(name) ?? [];
    if (key) all.push({ key, used: (await stat(bases.path(name))).mtimeMs });
  }
  return all;
}

/** Removes old bases; stores keep what they took from them. */
async function forgetOld({ store: bases, toolbox, task }: Workshop): Promise<void> {
  if (oldBases(await lastUse(bases), Date.now()).old.length === 0) return;
  await bases.withLock(task, async () => {
    const { kept, old } = oldBases(await lastUse(bases), Date.now());
    const used = new Set<string>();
    for (const key of kept)
      for (const part of (await bases.readJson<Base>(bases.path(`${key}.json`)))?.parts ?? []) used.add(part);
    const head = (...names: string[]) => bases.path("repo", "refs", "heads", ...names);
    for (const key of old) {
      await rm(bases.path(`${key}.json`), { force: true });
      await rm(bases.path(key), { recursive: true, force: true });
      await rm(manifestBeside(bases.path(key)), { force: true });
      await rm(head("base", key), { force: true });
    }
    for (const part of await readdir(head("part"))) if (!used.has(part)) await rm(head("part", part), { force: true });
    await removeDamagedRefs(bases.repo);
    const binds = [{ source: bases.repo, target: "/run/repo" }];
    await toolbox.run(["ostree", "prune", "--repo=/run/repo", "--refs-only"], { binds, signal: task.signal });
  });
}

/** The commit of a base with changes laid over it, and the bytes of its files. `fresh`: the base was made just now. */
export async function overlay(
  workshop: Workshop,
  bases: Store,
  base: Base,
  changes: Change[],
  o: { timestamp: number; fresh: boolean },
): Promise<{ checksum: string; size: number }> {
  const { store, toolbox, task } = workshop;
  return store.temp(async (dir) => {
    const tree = join(dir, "tree");
    const work = join(dir, "work");
    for (const d of [tree, work]) await mkdir(d);
    const folder = bases.path(base.key);
    const kept = ["skeleton.tar", "files", "sizes"].map((name) => ({
      source: join(folder, name),
      target: `/run/work/${name}`,
      readOnly: true,
    }));
    const binds = [{ source: work, target: "/run/work" }, ...kept, { source: tree, target: "/run/tree" }];
    const laid = async () => {
      const script = [buildScript("image/tree/skeleton.sh"), ...binds];
      await toolbox.run(["/bin/sh", "/run/skeleton.sh", "restore"], { signal: task.signal, binds: script });
      await apply(tree, dir, changes, task, join(work, "box"));
      await layout(toolbox, tree, undefined, task);
    };
    // neither is left running when the other fails: the folder goes then
    const both = await Promise.allSettled([laid(), pullCommit(workshop, bases, base.checksum, o.fresh)]);
    for (const one of both) if (one.status === "rejected") throw one.reason;
    task.step("committing to OSTree");
    const options = { timestamp: o.timestamp, bootable: base.release !== undefined };
    const { checksum, grown } = await commitOverlay(workshop, base.checksum, binds, options);
    return { checksum, size: base.size + grown };
  });
}
