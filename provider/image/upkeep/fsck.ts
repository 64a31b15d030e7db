/** `pulumi-resource-pine fsck [--delete] [STORE [CACHE]]`: whether everything in a store is what was made. */
import { cp, readdir, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { die } from "../../errors.ts";
import { exists } from "../../local/files.ts";
import type { Task } from "../../task.ts";
import { type Bind, buildScript, runIn } from "../namespace/run-in.ts";
import { withTemp } from "../namespace/temp.ts";
import { REPO } from "../ostree/check.ts";
import { type ArtifactFacts, beside, hashFile } from "../store/artifact.ts";
import { Store } from "../store/store.ts";

export interface Damage {
  /** Path below the store, or what OSTree calls it. */
  what: string;
  why: string;
}

/** The newest toolbox that building left in the cache: its OSTree wrote the repository. */
async function toolboxTree(cache: string): Promise<string | undefined> {
  const found: { tree: string; time: number }[] = [];
  for (const name of await readdir(join(cache, "toolbox")).catch(() => [])) {
    const tree = join(cache, "toolbox", name);
    if (await exists(join(tree, "usr/bin/ostree"))) found.push({ tree, time: (await stat(tree)).mtimeMs });
  }
  return found.sort((a, b) => b.time - a.time)[0]?.tree;
}

const OBJECT = "[0-9a-f]{64}(?:\\.[a-z]+)?";
const DAMAGE = [
  new RegExp(`^(?:In commits (?<commits>.*): )?fsck (?:content object )?(?<what>${OBJECT}): (?<why>.*)$`),
  new RegExp(`^In commits (?<commits>.*): (?<why>No such metadata object) (?<what>${OBJECT})`),
  new RegExp(`^Object missing(?: in commits (?<commits>.*))?: (?<what>${OBJECT})$`),
];

/** What `ostree fsck --all` says against a repository, once for each object. Pure. */
export function parseFsck(stderr: string): Damage[] {
  const found = new Map<string, { why: string; commits: Set<string> }>();
  const errors: string[] = [];
  for (const line of stderr.split("\n")) {
    const seen = DAMAGE.map((pattern) => pattern.exec(line)?.groups).find(Boolean);
    if (!seen) {
      if (line.startsWith("error: ")) errors.push(line.slice("error: ".length));
      continue;
    }
    const what = `object ${seen.what}`;
    const one = found.get(what) ?? { why: seen.why ?? "is missing", commits: new Set() };
    for (const commit of seen.commits?.split(", ") ?? []) one.commits.add(commit.slice(0, 12));
    found.set(what, one);
  }
  // "corruption encountered" adds nothing to the damage found
  if (found.size > 0) {
    const list = [...found].map(([what, { why, commits }]) => ({
      what,
      why: commits.size > 0 ? `${why} (commit ${[...commits].join(", ")})` : why,
    }));
    if (!errors.some((e) => e.includes("No such metadata object"))) return list;
    return [...list, { what: "repository", why: "OSTree stopped there: run fsck again once that is repaired" }];
  }
  return errors.map((why) => ({ what: "repository", why }));
}

async function repository(store: Store, cache: string, remove: boolean, task: Task): Promise<Damage[]> {
  const tree = await toolboxTree(cache);
  if (!tree)
    die(`the cache ${cache} has no toolbox, whose OSTree does the check`, "run `pulumi up` once: it makes the toolbox");
  const argv = ["/bin/sh", "/run/fsck.sh", ...(remove ? ["--delete"] : [])];
  const scripts = [buildScript("image/upkeep/fsck.sh"), buildScript("image/ostree/prune.sh")];
  const look = (binds: Bind[]) =>
    runIn(tree, argv, { binds: [...scripts, ...binds], readOnly: true, signal: task.signal, ok: [0, 1] });
  const { exitCode, stderr } = remove
    ? await look([{ source: store.repo, target: REPO }])
    : await withTemp(tmpdir(), async (dir) => {
        // a copy, for OSTree notes damaged commits there, and a check changes nothing
        const state = join(dir, "state");
        await cp(join(store.repo, "state"), state, { recursive: true });
        return look([
          { source: store.repo, target: REPO, readOnly: true },
          { source: state, target: `${REPO}/state` },
        ]);
      });
  return exitCode === 0 ? [] : parseFsck(stderr);
}

async function artifacts(store: Store, remove: boolean, task: Task): Promise<{ checked: number; found: Damage[] }> {
  const found: Damage[] = [];
  let checked = 0;
  for (const folder of ["sysroots", "deltas", "images"])
    for (const name of (await readdir(store.path(folder)).catch(() => [])).sort()) {
      if (/\.(json|sha256)$/.test(name)) continue;
      const [path, what] = [store.path(folder, name), `${folder}/${name}`];
      const facts = await store.readJson<ArtifactFacts>(beside(path)).catch(() => undefined);
      checked++;
      task.step(what);
      const seen = facts && (await hashFile(path, task.signal));
      if (seen?.sha256 === facts?.sha256 && seen) continue;
      if (!facts || !seen) found.push({ what, why: "the file that describes it is missing or damaged" });
      else if (seen.size !== facts.size) found.push({ what, why: `has ${seen.size} bytes instead of ${facts.size}` });
      else found.push({ what, why: "was changed since it was made" });
      // it then counts as missing, as where `up` finds it
      if (remove) await rm(beside(path), { force: true });
    }
  return { checked, found };
}

/** Files that say what is there. */
async function records(store: Store): Promise<Damage[]> {
  const found: Damage[] = [];
  for (const folder of ["rootfs", "commits", "roots"])
    for (const name of (await readdir(store.path(folder)).catch(() => [])).sort())
      if (name.endsWith(".json"))
        await store.readJson(store.path(folder, name)).catch(() => {
          found.push({ what: `${folder}/${name}`, why: "is not JSON: delete it, and what it describes is made again" });
        });
  return found;
}

/**
 * Looks at everything in a store: OSTree's own check of the repository, the SHA-256 of sysroots, deltas and images, and
 * the records. `remove`: what is damaged is made to count as missing, so that the next `up` makes it anew. Dies when
 * `dir` is no store.
 */
export async function checkStore(
  dir: string,
  cache: string,
  o: { remove: boolean },
  task: Task,
): Promise<{ checked: number; found: Damage[] }> {
  const store = Store.at(dir);
  if (!(await exists(join(store.repo, "config"))))
    die(
      `${store.dir} is not a store of Pine: it has no repo`,
      "give the folder that pine:store names, by default .pine beside the program",
    );
  const look = async () => {
    const files = await artifacts(store, o.remove, task);
    const found = [...(await repository(store, cache, o.remove, task)), ...files.found, ...(await records(store))];
    return { checked: files.checked, found };
  };
  return o.remove ? store.withLock(task, look, "fsck") : look();
}
