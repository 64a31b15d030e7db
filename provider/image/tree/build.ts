/**
 * Builds the tree of a Rootfs from its recipe and lock, and commits it. Nothing but the commit and a record is kept.
 */

import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { die } from "../../errors.ts";
import { mountedWith } from "../../filesystems/all.ts";
import { withFileLock } from "../../local/lock.ts";
import type { Task } from "../../task.ts";
import type { ArchiveEntry } from "../archive/entries.ts";
import { initramfsImage } from "../initramfs/build.ts";
import type { Workshop } from "../ostree/workshop.ts";
import { commitTree } from "../ostree/write.ts";
import type { InstalledPackage } from "../packages/installed.ts";
import { fetchPackages, type LockedPackage, parseRepository } from "../packages/mirror.ts";
import { fallbacksOf } from "../packages/mirror-order.ts";
import type { Source } from "../packages/source.ts";
import { judgeSeconds } from "../recipe/health.ts";
import { timestampOf } from "../recipe/recipe.ts";
import type { Recipe } from "../recipe/types.ts";
import { writeSboms } from "../sbom/write.ts";
import type { Store } from "../store/store.ts";
import { installPackages, type ToolboxSource, toolbox } from "../toolbox/toolbox.ts";
import { propertyOf } from "./asked.ts";
import { type Base, baseKey, makeBase, openBases, overlay, usedBase } from "./base.ts";
import { builder, systemFiles } from "./builder.ts";
import type { Change, TreeFacts } from "./changes.ts";
import { configure } from "./configure.ts";
import { lookForAsked } from "./look-for-asked.ts";
import { foundRootfs, hiddenParts, type RootfsRecord } from "./record.ts";
import { addModules, apply, layout, look, PathError, runHooks, sweep } from "./steps.ts";

export interface BuildRequest {
  digest: string;
  recipe: Recipe;
  lock: LockedPackage[];
  /** path -> content of the recipe's files. */
  contents: Map<string, Uint8Array>;
  /** path -> entries of the recipe's archives. */
  archives: Map<string, ArchiveEntry[]>;
  /** name -> content of the recipe's kernel modules. */
  modules: Map<string, Uint8Array>;
}

const underWay = new Map<string, Promise<RootfsRecord>>();

/** The built Rootfs, from the store or built now. Two that ask for the same digest in this process build once. */
export function buildRootfs(
  store: Store,
  request: BuildRequest,
  tools: ToolboxSource,
  task: Task,
): Promise<RootfsRecord> {
  const key = `${store.dir} ${request.digest}`;
  const running = underWay.get(key);
  if (running) return running;
  const begun = foundRootfs(store, request.digest, task)
    .then((known) => known ?? build(store, request, tools, task))
    .finally(() => underWay.delete(key));
  underWay.set(key, begun);
  return begun;
}

/** Where the packages of a recipe come from. */
export const sourceOf = (recipe: Recipe, tools: ToolboxSource): Source => ({
  cache: tools.cache,
  mirror: recipe.mirror,
  fallbacks: fallbacksOf(recipe.mirror, tools),
  release: recipe.release,
  arch: recipe.arch,
  keys: recipe.keys,
});

/** What is built, where, and with what. */
interface Building extends Workshop {
  readonly request: BuildRequest;
  /** Where the toolbox comes from; its cache is that of packages and bases, too. */
  readonly tools: ToolboxSource;
}

async function build(store: Store, request: BuildRequest, tools: ToolboxSource, task: Task): Promise<RootfsRecord> {
  const { recipe, lock, digest } = request;
  const building: Building = { store, toolbox: await toolbox(tools, task), task, request, tools };
  // what a command or a module needs is the whole tree; for everything else the packages' commit will do
  const whole = recipe.hooks.length > 0 || request.modules.size > 0;
  const { made, found, changes } = await (whole ? wholeTree : overBase)(building).catch((e) => {
    if (!(e instanceof PathError)) throw e;
    return die(`${propertyOf(recipe, e.path)}: ${e.message}`, "choose another path", e);
  });
  const packages = await lookForAsked(building, made.checksum, { recipe, lock, changes });
  await writeSbomsOf(store, request, made.checksum, packages);
  const { target, arch, release } = recipe;
  const record: RootfsRecord = {
    digest,
    ...made,
    lock,
    target,
    arch,
    release,
    kernelRelease: found.release ?? "",
    filesystems: found.filesystems,
    timestamp: timestampOf(lock),
    packages: lock.length,
    judgeSeconds: judgeSeconds(recipe.healthChecks ?? []),
    hidden: hiddenParts(recipe),
  };
  await store.writeJson(store.rootfs(digest), record);
  return record;
}

/** What installing brought to a tree. */
type Found = Pick<Base, "facts" | "release" | "filesystems">;
interface Built {
  made: { checksum: string; size: number };
  found: Found;
  /** What was done to the packages' tree. */
  changes: Change[];
}

/** Lays the configuration over the packages' commit, which is made where the cache lacks it. */
async function overBase(building: Building): Promise<Built> {
  const { request, tools, task } = building;
  const bases = await openBases(tools.cache);
  const key = baseKey(request.recipe, request.lock, builder());
  const known = await usedBase(bases, key, task);
  const found = known ?? (await newBase(building, bases, key));
  task.step("configuring");
  const changes = changesOf(request, found.facts);
  const o = { timestamp: timestampOf(request.lock), fresh: known === undefined };
  const made = await overlay(building, bases, found, changes, o);
  return { made, found, changes };
}

/** Two that want the same packages at once, in this process or another, install them once. */
function newBase(building: Building, bases: Store, key: string): Promise<Base> {
  const { request, task } = building;
  const make = async (dir: string) => {
    const tree = join(dir, "tree");
    const found = await installed(building, dir, tree);
    const kernel = await kernelOf(building, tree, found.release);
    const known = { key, ...found, filesystems: kernel?.filesystems };
    const o = { ...known, timestamp: timestampOf(request.lock), kernel };
    return makeBase({ ...building, store: bases }, dir, tree, o);
  };
  const once = async () => (await usedBase(bases, key, task)) ?? (await bases.temp(make));
  return withFileLock(bases.path(`${key}.lock`), "the installation of the same packages", task, once);
}

/** Installs the packages into `tree`, and says what they brought. */
async function installed({ request, toolbox, tools, task }: Building, dir: string, tree: string): Promise<Found> {
  const { recipe, lock } = request;
  const source = sourceOf(recipe, tools);
  const files = await fetchPackages(lock, source, task);
  await mkdir(tree);
  task.step(`installing ${lock.length} packages`);
  await installPackages(toolbox.run, { files, source, keys: await keysOf(recipe, dir), tree }, task);
  await sweep(toolbox, tree, task);
  const { facts, kernels } = await look(toolbox, tree, task);
  return { facts, release: releaseOf(recipe, kernels) };
}

/** The tree with everything in it, as one commit. */
function wholeTree(building: Building): Promise<Built> {
  const { store, toolbox, task, request } = building;
  return store.temp(async (dir) => {
    const tree = join(dir, "tree");
    const timestamp = timestampOf(request.lock);
    const found = await installed(building, dir, tree);
    const { facts, release } = found;
    task.step("configuring");
    const changes = changesOf(request, facts);
    await apply(tree, dir, changes, task);
    await runHooks(tree, request.recipe.hooks, timestamp, task);
    if (release !== undefined) await addModules(toolbox, tree, dir, { release, modules: request.modules }, task);
    const kernel = await kernelOf(building, tree, release);
    const size = await layout(toolbox, tree, kernel, task);
    task.step("committing to OSTree");
    const checksum = await commitTree(building, tree, { timestamp, bootable: kernel !== undefined });
    return { made: { checksum, size }, found: { ...found, filesystems: kernel?.filesystems }, changes };
  });
}

const changesOf = ({ recipe, contents, archives }: BuildRequest, facts: TreeFacts) =>
  configure({ recipe, facts, contents, archives, system: systemFiles(recipe.target) });

/** What {@link layout} needs of the kernel; makes the initramfs. */
async function kernelOf({ request, toolbox, tools, task }: Building, tree: string, release: string | undefined) {
  if (release === undefined) return undefined;
  const { recipe, lock } = request;
  task.step("making the initramfs");
  const wanted = mountedWith(lock.map((p) => p.name));
  const source = { box: toolbox, tree, release, arch: recipe.arch, filesystems: wanted, cache: tools.cache };
  const { path, filesystems } = await initramfsImage(source, task);
  return { release, flavour: recipe.kernel, initramfs: path, filesystems };
}

/** The one kernel's release; undefined where the recipe wants none. */
function releaseOf(recipe: Recipe, kernels: string[]): string | undefined {
  if (recipe.kernel === "none") {
    if (kernels.length > 0)
      die(
        `the packages brought the kernel ${kernels[0]}, and kernel is "none"`,
        "take the linux package out of `packages`",
      );
    return undefined;
  }
  return kernels.length === 1
    ? kernels[0]!
    : die(`the packages brought ${kernels.length} kernels`, "expected one: `kernel` names it, `packages` none");
}

function writeSbomsOf(
  store: Store,
  { recipe, lock, digest }: BuildRequest,
  checksum: string,
  packages: InstalledPackage[],
) {
  const { arch, release, target, files } = recipe;
  const repositories = Object.fromEntries(
    recipe.repositories.map((r) => parseRepository(r, recipe)).map((r) => [r.name, r.url]),
  );
  return writeSboms(store, {
    digest,
    checksum,
    arch,
    release,
    target,
    timestamp: timestampOf(lock),
    packages,
    locked: lock,
    files,
    repositories,
  });
}

/** The recipe's keys as a folder: they are in the image, and apk checks the packages against them. */
async function keysOf(recipe: Recipe, dir: string): Promise<string> {
  const folder = join(dir, "keys");
  await mkdir(folder);
  for (const [name, pem] of Object.entries(recipe.keys)) await writeFile(join(folder, name), pem);
  return folder;
}
