/** The OSTree repository of the store: commits whose checksum is a function of their content, and what is known of them. */
import { access, readdir, readFile, rename } from "node:fs/promises";
import { join } from "node:path";
import { die } from "../errors.ts";
import type { Task } from "../task.ts";
import { removeTree } from "./namespace.ts";
import type { Store } from "./store.ts";
import type { Toolbox } from "./toolbox.ts";

export interface CommitOptions {
  /** Seconds since the epoch: of the content, never of the building. */
  timestamp: number;
  /** Branch that is moved to the commit. It is not part of the commit. */
  ref?: string;
  /** Strings kept in the commit, so in its checksum. */
  metadata?: Record<string, string>;
}

/** What is known of a commit, in store/commits/<checksum>.json. */
export interface CommitManifest {
  checksum: string;
  ref?: string;
  version?: string;
  /** Alpine's name of the architecture. */
  arch: string;
  kernelRelease: string;
  /** Digest of the Rootfs it was made from. */
  rootfs: string;
  /** Seconds since the epoch; the commit's timestamp. */
  created: number;
  /** Bytes of the files' content. */
  size: number;
  /** Number of packages. */
  packages: number;
}

/** What a commit is made from: a built Rootfs (tree.ts), whose tree is a commit already. */
export interface BuiltRootfs {
  digest: string;
  /** Checksum of the commit of its tree. */
  checksum: string;
  /** Seconds since the epoch. */
  timestamp: number;
  arch: string;
  kernelRelease: string;
  size: number;
  packages: number;
}

const REPO = "/run/repo";
const TREE = "/run/tree";

export const CHECKSUM = /^[0-9a-f]{64}$/;

/** What OSTree takes as a branch. */
export function refProblem(ref: string): string | undefined {
  return /^[A-Za-z0-9_][\w.-]*(\/[A-Za-z0-9_][\w.-]*)*$/.test(ref)
    ? undefined
    : "must be a branch as OSTree names them: words of letters, digits, . _ -, with / between";
}

/** Makes the repository when it is not there. Call it under the store's lock. */
async function ensureRepo(store: Store, toolbox: Toolbox, signal: AbortSignal): Promise<void> {
  const config = await readFile(join(store.repo, "config"), "utf8").catch(() => undefined);
  if (config !== undefined) {
    if (!/^mode=archive(-z2)?$/m.test(config))
      die(`${store.repo} is no OSTree repository of mode archive`, "set pine:store to another folder, or move it away");
    return;
  }
  await store.temp(async (dir) => {
    const init = ["ostree", "init", `--repo=${REPO}/repo`, "--mode=archive"];
    await toolbox.run(init, { binds: [{ source: dir, target: REPO }], signal });
    await rename(join(dir, "repo"), store.repo);
  });
}

/** Runs `ostree commit`, and leaves nothing of an attempt that failed or was cancelled. */
async function commit(
  store: Store,
  toolbox: Toolbox,
  tree: { dir: string } | { commit: string },
  o: CommitOptions,
  task: Task,
): Promise<string> {
  if (!Number.isSafeInteger(o.timestamp) || o.timestamp < 0) die(`${o.timestamp} is no time for a commit`);
  const binds = [{ source: store.repo, target: REPO }];
  if ("dir" in tree) binds.push({ source: tree.dir, target: TREE });
  const metadata = Object.entries(o.metadata ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
  const argv = [
    ...["ostree", "commit", `--repo=${REPO}`, "--orphan", "--no-bindings", "--parent=none", "--bootable"],
    // of a commit nothing is read again; with --no-xattrs every object would be, to be hashed
    ...("dir" in tree ? [`--tree=dir=${TREE}`, "--no-xattrs"] : [`--tree=ref=${tree.commit}`]),
    `--timestamp=@${o.timestamp}`,
    ...metadata.map(([key, value]) => `--add-metadata-string=${key}=${value}`),
  ];
  try {
    await removeStaging(store);
    const { stdout } = await toolbox.run(argv, { binds, signal: task.signal });
    const checksum = stdout.trim();
    if (!CHECKSUM.test(checksum)) die(`ostree commit answered ${JSON.stringify(stdout.slice(0, 200))}`);
    if (o.ref) await setRef(store, toolbox, o.ref, checksum, task);
    return checksum;
  } catch (e) {
    await removeStaging(store);
    throw e;
  }
}

/** Objects of a commit that never came to be: under the lock nobody else is writing. */
async function removeStaging(store: Store): Promise<void> {
  const tmp = join(store.repo, "tmp");
  for (const name of await readdir(tmp).catch(() => []))
    if (name.startsWith("staging-")) await removeTree(join(tmp, name));
}

async function setRef(store: Store, toolbox: Toolbox, ref: string, checksum: string, task: Task): Promise<void> {
  const problem = refProblem(ref);
  if (problem) die(`ref ${JSON.stringify(ref)} ${problem}`);
  const argv = ["ostree", "refs", `--repo=${REPO}`, "--force", `--create=${ref}`, checksum];
  await toolbox.run(argv, { binds: [{ source: store.repo, target: REPO }], signal: task.signal });
}

/**
 * Commits a tree as it is: owners, modes, no extended attributes, no parent, no subject. The same tree, timestamp and
 * metadata give the same checksum to everyone, root or not. Takes the store's lock.
 */
export function commitTree(
  store: Store,
  toolbox: Toolbox,
  treeDir: string,
  o: CommitOptions,
  task: Task,
): Promise<string> {
  return store.withLock(
    task,
    async () => {
      await ensureRepo(store, toolbox, task.signal);
      return commit(store, toolbox, { dir: treeDir }, o, task);
    },
    "a commit",
  );
}

/**
 * The commit of a built Rootfs, with its manifest. Without a version it is the commit of the tree itself; a version
 * becomes part of the commit. `shown` is what the manifest says when the version is not part of the commit.
 */
export function commitFromRootfs(
  store: Store,
  toolbox: Toolbox,
  rootfs: BuiltRootfs,
  o: { ref?: string; version?: string; shown?: string },
  task: Task,
): Promise<CommitManifest> {
  const { digest, checksum: tree, timestamp, arch, kernelRelease, size, packages } = rootfs;
  const build = async () => {
    if (!(await hasCommit(store, tree)))
      die(`the store ${store.dir} has no tree of rootfs ${digest}`, "run `pulumi up` again to build it");
    let checksum = tree;
    if (o.version) {
      const options = { timestamp, ref: o.ref, metadata: { version: o.version } };
      checksum = await commit(store, toolbox, { commit: tree }, options, task);
    } else if (o.ref) await setRef(store, toolbox, o.ref, checksum, task);
    const known = { arch, kernelRelease, rootfs: digest, created: timestamp, size, packages };
    const manifest = { checksum, ref: o.ref, version: o.version ?? o.shown, ...known };
    await store.writeJson(store.commit(checksum), manifest);
    return manifest;
  };
  return store.withLock(task, build, "a commit");
}

/** The commit that {@link commitFromRootfs} makes of a Rootfs, when the store has it already. */
export async function committed(
  store: Store,
  rootfs: Pick<BuiltRootfs, "digest" | "checksum">,
  version: string | undefined,
): Promise<string | undefined> {
  if (version === undefined) return (await hasCommit(store, rootfs.checksum)) ? rootfs.checksum : undefined;
  for (const name of await readdir(store.path("commits")).catch(() => [])) {
    const [, checksum] = /^([0-9a-f]{64})\.json$/.exec(name) ?? [];
    if (!checksum || checksum === rootfs.checksum) continue;
    const manifest = await readCommit(store, checksum);
    if (manifest?.rootfs === rootfs.digest && manifest.version === version) return checksum;
  }
  return undefined;
}

/** Whether the repository holds a commit, whole. */
export async function hasCommit(store: Store, checksum: string): Promise<boolean> {
  if (!CHECKSUM.test(checksum)) return false;
  const there = (...parts: string[]) =>
    access(join(store.repo, ...parts)).then(
      () => true,
      () => false,
    );
  return (
    (await there("objects", checksum.slice(0, 2), `${checksum.slice(2)}.commit`)) &&
    !(await there("state", `${checksum}.commitpartial`))
  );
}

/** The manifest of a commit that the store has; undefined when either is missing. */
export async function readCommit(store: Store, checksum: string): Promise<CommitManifest | undefined> {
  if (!(await hasCommit(store, checksum))) return undefined;
  return store.readJson<CommitManifest>(store.commit(checksum));
}

/** The commit that a branch of the store names. */
export async function readRef(store: Store, ref: string): Promise<string | undefined> {
  if (refProblem(ref)) return undefined;
  const text = await readFile(join(store.repo, "refs", "heads", ...ref.split("/")), "utf8").catch(() => "");
  return CHECKSUM.test(text.trim()) ? text.trim() : undefined;
}
