/** Finds what nobody needs in the store any more, by what resources keep alive; it is removed only when asked for. */
import { readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import type { ImageFacts } from "../disk/image.ts";
import { buildScript } from "../namespace/run-in.ts";
import { removeDamagedRefs } from "../ostree/check.ts";
import type { Workshop } from "../ostree/workshop.ts";
import { GRACE_MS } from "../store/grace.ts";
import type { Store } from "../store/store.ts";
import type { RootfsRecord } from "../tree/record.ts";

/** Names of what the store has. */
export interface Contents {
  /** Checksums of commits of the repository. */
  commits: string[];
  /** Digest -> checksum of its tree. */
  rootfs: Map<string, string>;
  /** Files below the store's folder, as `deltas/<from>-<to>.delta`. */
  files: string[];
}

/** An image is kept by its name, with or without the ending of a file. */
const imageNames = (keep: Iterable<string>) =>
  new Set([...keep].flatMap((k) => /^image\/([^.]+)/.exec(k)?.slice(1) ?? []));

export interface Garbage {
  commits: string[];
  /** Paths relative to the store. */
  files: string[];
}

/**
 * What a collection removes. `keep`: names as {@link Store.roots} has them: `rootfs/<digest>`, `commit/<checksum>`,
 * `image/<name>.<format>`. A kept rootfs keeps its tree's commit; a delta stays while both its ends do. Pure.
 */
export function garbage(has: Contents, keep: Iterable<string>): Garbage {
  const kept = new Set(keep);
  const commits = new Set([...kept].filter((k) => k.startsWith("commit/")).map((k) => k.slice("commit/".length)));
  const images = imageNames(kept);
  for (const [digest, checksum] of has.rootfs) if (kept.has(`rootfs/${digest}`)) commits.add(checksum);
  const files = has.files.filter((file) => {
    const [, folder, name] = /^(\w+)\/([^/.]+)/.exec(file) ?? [];
    if (name === undefined) return false;
    if (folder === "rootfs" || folder === "sboms") return !kept.has(`rootfs/${name}`);
    if (folder === "images") return !images.has(name);
    if (folder === "commits" || folder === "sysroots") return !commits.has(name);
    if (folder === "rehearsals") return !commits.has(name.split("-")[0]!);
    if (folder !== "deltas") return false;
    const [from = "", to = ""] = name.split("-");
    return !commits.has(to) || (from !== "empty" && !commits.has(from));
  });
  return { commits: has.commits.filter((c) => !commits.has(c)), files };
}

const FOLDERS = ["rootfs", "sboms", "images", "commits", "sysroots", "deltas", "rehearsals"];

/** What the store has; what was made within the last `grace` ms is left out. */
async function contents(store: Store, grace: number): Promise<Contents> {
  const old = async (path: string) => (await stat(path)).mtimeMs < Date.now() - grace;
  const has: Contents = { commits: [], rootfs: new Map(), files: [] };
  for (const folder of FOLDERS)
    for (const name of await readdir(store.path(folder)).catch(() => [])) {
      if (name.startsWith(".")) continue;
      if (await old(store.path(folder, name))) has.files.push(`${folder}/${name}`);
      const [, digest] = folder === "rootfs" ? (/^([0-9a-f]{64})\.json$/.exec(name) ?? []) : [];
      const record = digest && (await store.readJson<RootfsRecord>(store.path(folder, name)).catch(() => undefined));
      if (digest && record) has.rootfs.set(digest, record.checksum);
    }
  const objects = join(store.repo, "objects");
  for (const head of await readdir(objects).catch(() => []))
    for (const name of await readdir(join(objects, head))) {
      const [, tail] = /^([0-9a-f]{62})\.commit$/.exec(name) ?? [];
      if (tail && (await old(join(objects, head, name)))) has.commits.push(head + tail);
    }
  return has;
}

/**
 * Removes from the store what no resource keeps, under its lock. Answers what went; `grace` in milliseconds, default an
 * hour.
 */
export async function collect(workshop: Workshop, o: { grace?: number } = {}): Promise<Garbage & { freed: number }> {
  const { store, task } = workshop;
  return store.withLock(
    task,
    async () => {
      const keep = Object.values(await store.roots()).flat();
      const gone = garbage(await contents(store, o.grace ?? GRACE_MS), await withImages(store, keep));
      const before = await sizeOf(store.repo);
      let freed = 0;
      for (const file of gone.files) {
        freed += await sizeOf(store.path(file));
        await rm(store.path(file), { recursive: true, force: true });
      }
      if (gone.commits.length > 0) {
        task.step(`removing ${gone.commits.length} commits from the store`);
        await removeCommits(workshop, gone.commits);
        freed += before - (await sizeOf(store.repo));
      }
      return { ...gone, freed };
    },
    "a run that removes what nobody needs",
  );
}

/** An image keeps the commit that it was made of: whoever has it on a disk is updated from there. */
async function withImages(store: Store, keep: string[]): Promise<string[]> {
  const names = imageNames(keep);
  const commits: string[] = [];
  for (const file of await readdir(store.path("images")).catch(() => [])) {
    if (!file.endsWith(".json") || !names.has(file.split(".")[0]!)) continue;
    const facts = await store.readJson<ImageFacts>(store.path("images", file)).catch(() => undefined);
    if (facts) commits.push(`commit/${facts.commit}`);
  }
  return [...keep, ...commits];
}

async function removeCommits({ store, toolbox, task }: Workshop, commits: string[]): Promise<void> {
  await removeDamagedRefs(store.repo);
  const binds = [buildScript("image/ostree/prune.sh"), { source: store.repo, target: "/run/repo" }];
  await toolbox.run(["/bin/sh", "/run/prune.sh", ...commits], { binds, signal: task.signal });
}

/** Bytes of a file or of all files below a folder. */
async function sizeOf(path: string): Promise<number> {
  const seen = await stat(path).catch(() => undefined);
  if (!seen) return 0;
  if (!seen.isDirectory()) return seen.size;
  let sum = 0;
  for (const name of await readdir(path)) sum += await sizeOf(join(path, name));
  return sum;
}
