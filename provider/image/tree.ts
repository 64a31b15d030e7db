/** Builds the tree of a Rootfs from its recipe and lock, and commits it. Nothing but the commit and a record is kept. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { asset, assetText } from "../assets.ts";
import { die, PineError } from "../errors.ts";
import { RunError } from "../run.ts";
import type { Task } from "../task.ts";
import { apkTool } from "./apk.ts";
import { systemFiles } from "./builder.ts";
import { type Change, configure, type TreeFacts } from "./configure.ts";
import { initramfsImage } from "./initramfs-build.ts";
import { fetchPackages, type LockedPackage, type Source } from "./mirror.ts";
import { runIn } from "./namespace.ts";
import { commitTree, hasCommit } from "./ostree.ts";
import { type Recipe, timestampOf } from "./recipe.ts";
import type { Store } from "./store.ts";
import { installPackages, type Toolbox, type ToolboxSource, toolbox } from "./toolbox.ts";

/** store/rootfs/<digest>.json */
export interface RootfsRecord {
  digest: string;
  /** OSTree checksum of the tree. */
  checksum: string;
  lock: LockedPackage[];
  arch: string;
  release: string;
  kernelRelease: string;
  /** Bytes of its files. */
  size: number;
  /** Seconds since 1970: the newest build date of its packages. */
  timestamp: number;
  /** Number of packages. */
  packages: number;
}

export interface BuildRequest {
  digest: string;
  recipe: Recipe;
  lock: LockedPackage[];
  /** path -> content of the recipe's files. */
  contents: Map<string, Uint8Array>;
}

/** What the store has of a digest: record and commit, else nothing. */
export async function readRootfs(store: Store, digest: string): Promise<RootfsRecord | undefined> {
  const record = await store.readJson<RootfsRecord>(store.rootfs(digest));
  return record && (await hasCommit(store, record.checksum)) ? record : undefined;
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
  const begun = readRootfs(store, request.digest)
    .then((known) => known ?? build(store, request, tools, task))
    .finally(() => underWay.delete(key));
  underWay.set(key, begun);
  return begun;
}

/** Where the packages of a recipe come from. */
export const sourceOf = (recipe: Recipe, cache: string): Source => ({
  cache,
  mirror: recipe.mirror,
  release: recipe.release,
  arch: recipe.arch,
  keys: recipe.keys,
});

async function build(store: Store, request: BuildRequest, tools: ToolboxSource, task: Task): Promise<RootfsRecord> {
  const { recipe, lock, digest } = request;
  const source = sourceOf(recipe, tools.cache);
  const box = await toolbox(tools, task);
  const apk = await apkTool(tools, task);
  const files = await fetchPackages(lock, source, task);
  return store.temp(async (dir) => {
    const tree = join(dir, "tree");
    await mkdir(tree);
    task.step(`installing ${lock.length} packages`);
    await installPackages(box.run, { ...apk, keys: await keysOf(recipe, dir) }, files, tree, source, task);
    const { facts, kernels } = await look(box, tree, task);
    const release =
      kernels.length === 1 ? kernels[0]! : die(`the packages brought ${kernels.length} kernels`, "expected one");
    task.step("configuring");
    const input = { recipe, facts, contents: request.contents, system: systemFiles() };
    await apply(tree, dir, configure({ ...input, systemServices: assetText("system/runlevels") }), task);
    task.step("making the initramfs");
    const image = await initramfsImage({ box, tree, release, arch: recipe.arch, cache: tools.cache }, task);
    const { stdout } = await box.run(["/bin/sh", "/run/layout.sh", release, recipe.kernel], {
      signal: task.signal,
      binds: [
        { source: asset("system/build/layout.sh"), target: "/run/layout.sh", readOnly: true },
        { source: image, target: "/run/initramfs.img", readOnly: true },
        { source: tree, target: "/run/tree" },
      ],
    });
    task.step("committing to OSTree");
    const timestamp = timestampOf(lock);
    const checksum = await commitTree(store, box, tree, { timestamp }, task);
    const record: RootfsRecord = {
      digest,
      checksum,
      lock,
      arch: recipe.arch,
      release: recipe.release,
      kernelRelease: release,
      size: Number(stdout.trim()),
      timestamp,
      packages: lock.length,
    };
    await store.writeJson(store.rootfs(digest), record);
    return record;
  });
}

/** The recipe's keys as a folder: they are in the image, and apk checks the packages against them. */
async function keysOf(recipe: Recipe, dir: string): Promise<string> {
  const folder = join(dir, "keys");
  await mkdir(folder);
  for (const [name, pem] of Object.entries(recipe.keys)) await writeFile(join(folder, name), pem);
  return folder;
}

const bindTree = (tree: string) => ({ source: tree, target: "/run/tree", readOnly: true });

async function look(box: Toolbox, tree: string, task: Task): Promise<{ facts: TreeFacts; kernels: string[] }> {
  const script = asset("system/build/look.sh");
  const { stdout } = await box.run(["/bin/sh", "/run/look.sh"], {
    signal: task.signal,
    binds: [{ source: script, target: "/run/look.sh", readOnly: true }, bindTree(tree)],
  });
  const parts = new Map<string, string>();
  for (const part of `\n${stdout}`.split("\n@ ").slice(1)) {
    const end = part.indexOf("\n");
    parts.set(end < 0 ? part : part.slice(0, end), end < 0 ? "" : part.slice(end + 1));
  }
  const text = (name: string) => parts.get(name) ?? die(`the packages brought no ${name}`);
  const list = (name: string) => text(name).split("\n").filter(Boolean);
  const facts = {
    ...{ passwd: text("etc/passwd"), group: text("etc/group"), shadow: text("etc/shadow") },
    ...{ rcConf: `${text("etc/rc.conf")}\n`, services: list("services"), zones: list("zones") },
  };
  return { facts, kernels: list("kernels") };
}

/** Carries out changes with the tree as root, so that none of its links leads out of it. */
async function apply(tree: string, dir: string, changes: Change[], task: Task): Promise<void> {
  const folder = join(dir, "files");
  await mkdir(folder);
  const lines: string[] = [];
  for (const [n, c] of changes.entries()) {
    if (c.do === "file") await writeFile(join(folder, String(n)), c.content);
    const a = c.do === "link" ? c.target : "mode" in c ? c.mode : "-";
    lines.push([c.do, a, "owner" in c ? c.owner.join(":") : "-", c.do === "file" ? n : "-", c.path].join("\t"));
  }
  try {
    await runIn(tree, ["/bin/sh", "/run/apply.sh"], {
      signal: task.signal,
      input: `${lines.join("\n")}\n`,
      binds: [
        { source: asset("system/build/apply.sh"), target: "/run/apply.sh", readOnly: true },
        { source: folder, target: "/run/files", readOnly: true },
      ],
    });
  } catch (e) {
    const [, path, why] = (e instanceof RunError && /^pine: (\/.*?): (.*)$/m.exec(e.stderr)) || [];
    if (path) throw new PineError(`files["${path}"]: ${path} ${why}`, { hint: "choose another path", cause: e });
    throw e;
  }
}
