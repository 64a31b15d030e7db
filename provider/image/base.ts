/**
 * The packages of a Rootfs as a commit of their own, without anything of its configuration: kept in the store by lock and builder, so that a
 * change of one file or setting installs nothing again. What is configured is laid over it.
 */
import { mkdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { asset } from "../assets.ts";
import type { Task } from "../task.ts";
import type { Change, TreeFacts } from "./configure.ts";
import type { LockedPackage } from "./mirror.ts";
import { commitOverlay, commitTree, hasCommit } from "./ostree-commit.ts";
import { canonical, type Recipe, sha256 } from "./recipe.ts";
import type { Store } from "./store.ts";
import type { Toolbox } from "./toolbox.ts";
import { apply, layout } from "./tree-steps.ts";

/** store/bases/<key>.json; beside it <key>/, with skeleton.tar, files and sizes. */
export interface Base {
  key: string;
  /** OSTree checksum of the tree. */
  checksum: string;
  facts: TreeFacts;
  /** apk's database of what is installed, without its files. */
  installed: string;
  /** Of the kernel; undefined where there is none. */
  release?: string;
  /** Bytes of its files. */
  size: number;
}

/** Name of the base of a recipe: of what decides the installed packages and nothing else. */
export function baseKey(recipe: Recipe, lock: LockedPackage[], builder: string): string {
  const packages = lock.map((p) => [p.name, p.version, p.checksum]);
  const { arch, kernel, keys, target } = recipe;
  return sha256(canonical({ builder, packages, arch, kernel, keys, target }));
}

const script = (name: string) => ({ source: asset("system/build", name), target: `/run/${name}`, readOnly: true });

/** The base when the store has it whole. */
export async function readBase(store: Store, key: string): Promise<Base | undefined> {
  const base = await store.readJson<Base>(store.path("bases", `${key}.json`)).catch(() => undefined);
  return base && (await hasCommit(store, base.checksum)) ? base : undefined;
}

/** Makes the base of an installed tree, which it turns into what OSTree deploys. `dir`: a folder for the work, on the store's filesystem. */
export async function makeBase(
  store: Store,
  box: Toolbox,
  dir: string,
  tree: string,
  o: Omit<Base, "checksum" | "size"> & { timestamp: number; kernel?: Parameters<typeof layout>[2] },
  task: Task,
): Promise<Base> {
  const { timestamp, kernel, ...known } = o;
  const work = join(dir, "skeleton");
  await mkdir(work);
  const binds = [script("skeleton.sh"), { source: work, target: "/run/work" }, { source: tree, target: "/run/tree" }];
  await box.run(["/bin/sh", "/run/skeleton.sh", "save"], { signal: task.signal, binds });
  const size = await layout(box, tree, kernel, task, join(work, "sizes"));
  task.step("committing the packages to OSTree");
  const checksum = await commitTree(store, box, tree, { timestamp, bootable: kernel !== undefined }, task);
  const base: Base = { ...known, checksum, size };
  const folder = store.path("bases", known.key);
  await mkdir(store.path("bases"), { recursive: true });
  await rm(folder, { recursive: true, force: true });
  await rename(work, folder);
  await store.writeJson(`${folder}.json`, base);
  return base;
}

/** The commit of a base with changes laid over it, and the bytes of its files. */
export async function overlay(
  store: Store,
  box: Toolbox,
  base: Base,
  changes: Change[],
  o: { timestamp: number },
  task: Task,
): Promise<{ checksum: string; size: number }> {
  return store.temp(async (dir) => {
    const tree = join(dir, "tree");
    const work = join(dir, "work");
    for (const d of [tree, work]) await mkdir(d);
    const folder = store.path("bases", base.key);
    const kept = ["skeleton.tar", "files", "sizes"].map((name) => ({
      source: join(folder, name),
      target: `/run/work/${name}`,
      readOnly: true,
    }));
    const binds = [{ source: work, target: "/run/work" }, ...kept, { source: tree, target: "/run/tree" }];
    await box.run(["/bin/sh", "/run/skeleton.sh", "restore"], {
      signal: task.signal,
      binds: [script("skeleton.sh"), ...binds],
    });
    await apply(tree, dir, changes, task, join(work, "box"));
    await layout(box, tree, undefined, task);
    task.step("committing to OSTree");
    const options = { timestamp: o.timestamp, bootable: base.release !== undefined };
    const { checksum, grown } = await commitOverlay(store, box, base.checksum, binds, options, task);
    return { checksum, size: base.size + grown };
  });
}
