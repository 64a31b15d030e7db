/** Writes commits into the store's OSTree repository: their checksum is a function of their content. */
import { readdir, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { die } from "../../errors.ts";
import { shorten } from "../../redact.ts";
import { buildScript, type RunInOptions, removeTree } from "../namespace/run-in.ts";
import { makeYoung, spare } from "../store/grace.ts";
import type { Store } from "../store/store.ts";
import { CHECKSUM, commitObject, damaged, hasCommit, isDamage, REPO, removeDamagedRefs } from "./check.ts";
import type { Workshop } from "./workshop.ts";

export interface CommitOptions {
  /** Seconds since the epoch: the content's time, never the build's. */
  timestamp: number;
  /** Branch that is moved to the commit. It is not part of the commit. */
  ref?: string;
  /** Strings kept in the commit, so in its checksum. */
  metadata?: Record<string, string>;
  /** Has a kernel; default true. */
  bootable?: boolean;
}

const TREE = "/run/tree";

/**
 * The store is this machine's own, and what leaves it is packed again: time counts, not bytes. OSTree's default is 6.
 */
const ZLIB_LEVEL = "1";

/** What OSTree accepts as a branch. */
export function refProblem(ref: string): string | undefined {
  return /^[A-Za-z0-9_][\w.-]*(\/[A-Za-z0-9_][\w.-]*)*$/.test(ref)
    ? undefined
    : "must be a branch as OSTree names them: words of letters, digits, . _ -, with / between";
}

/** Makes the repository when it is not there. Call it under the store's lock. */
async function ensureRepo({ store, toolbox, task }: Workshop): Promise<void> {
  const config = await readFile(join(store.repo, "config"), "utf8").catch(() => undefined);
  if (config !== undefined) {
    if (!/^mode=archive(-z2)?$/m.test(config))
      die(
        `${store.repo} is not an OSTree repository of mode archive`,
        "set pine:store to another folder, or move it away",
      );
    return;
  }
  await store.temp(async (dir) => {
    const binds = [{ source: dir, target: REPO }];
    const o = { binds, signal: task.signal };
    await toolbox.run(["ostree", "init", `--repo=${REPO}/repo`, "--mode=archive"], o);
    const level = ["ostree", "config", `--repo=${REPO}/repo`, "set", "archive.zlib-level", ZLIB_LEVEL];
    await toolbox.run(level, o);
    await rename(join(dir, "repo"), store.repo);
  });
}

/** Options of `ostree commit` that every commit of ours has. */
function optionsOf(o: CommitOptions): string[] {
  if (!Number.isSafeInteger(o.timestamp) || o.timestamp < 0) die(`${o.timestamp} is not a time for a commit`);
  const problem = o.ref && refProblem(o.ref);
  if (problem) die(`ref ${JSON.stringify(o.ref)} ${problem}`);
  const metadata = Object.entries(o.metadata ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
  return [
    o.ref ? `--branch=${o.ref}` : "--orphan",
    "--no-bindings",
    "--parent=none",
    ...(o.bootable === false ? [] : ["--bootable"]),
    `--timestamp=@${o.timestamp}`,
    ...metadata.map(([key, value]) => `--add-metadata-string=${key}=${value}`),
  ];
}

/** One commit, under the store's lock. */
export async function commit(
  workshop: Workshop,
  tree: { dir: string } | { commit: string },
  o: CommitOptions,
): Promise<string> {
  const { store, toolbox, task } = workshop;
  const binds = [{ source: store.repo, target: REPO }];
  if ("commit" in tree) {
    // a tree that is a commit already is not read again
    const argv = ["ostree", "commit", `--repo=${REPO}`, `--tree=ref=${tree.commit}`, ...optionsOf(o)];
    return committing(store, async () => {
      return (await toolbox.run(argv, { binds, signal: task.signal })).stdout;
    });
  }
  return committing(store, () => ofFolder(workshop, "commit.sh", tree.dir, o));
}

/** The output of a script that commits a folder. */
function ofFolder({ store, toolbox, task }: Workshop, name: string, dir: string, o: CommitOptions) {
  return store.temp(async (work) => {
    const binds = [
      buildScript(`image/ostree/${name}`),
      { source: store.repo, target: REPO },
      { source: dir, target: TREE, readOnly: true },
      { source: work, target: "/run/work" },
    ];
    const argv = ["/bin/sh", `/run/${name}`, ...optionsOf(o)];
    return (await toolbox.run(argv, { binds, signal: task.signal })).stdout;
  });
}

/** Runs a command that commits, and removes what a failed or cancelled attempt left. */
async function committing(store: Store, make: () => Promise<string>): Promise<string> {
  try {
    await removeStaging(store);
    await removeDamagedRefs(store.repo);
    const checksum = (await make()).trim();
    if (!CHECKSUM.test(checksum)) die(`ostree commit answered ${JSON.stringify(shorten(checksum, 200))}`);
    // the mark of a commit that lost an object: that has just been written again
    await rm(join(store.repo, "state", `${checksum}.commitpartial`), { force: true });
    // a commit that was there already is not written again
    await makeYoung([commitObject(store, checksum)]);
    return checksum;
  } catch (e) {
    await removeStaging(store);
    throw e;
  }
}

/** Removes objects of a commit that was never finished: under the lock nobody else writes. */
async function removeStaging(store: Store): Promise<void> {
  const tmp = join(store.repo, "tmp");
  for (const name of await readdir(tmp).catch(() => []))
    if (name.startsWith("staging-")) await removeTree(join(tmp, name));
}

export async function setRef({ store, toolbox, task }: Workshop, ref: string, checksum: string): Promise<void> {
  const problem = refProblem(ref);
  if (problem) die(`ref ${JSON.stringify(ref)} ${problem}`);
  await removeDamagedRefs(store.repo);
  const argv = ["ostree", "refs", `--repo=${REPO}`, "--force", `--create=${ref}`, checksum];
  await toolbox.run(argv, { binds: [{ source: store.repo, target: REPO }], signal: task.signal });
}

/**
 * Commits a tree as it is: owners, modes, file capabilities, no other extended attribute, no parent, no subject. The
 * same tree, timestamp and metadata give the same checksum to everyone, root or not. Takes the store's lock.
 */
export function commitTree(workshop: Workshop, treeDir: string, o: CommitOptions): Promise<string> {
  return workshop.store.withLock(
    workshop.task,
    async () => {
      await ensureRepo(workshop);
      return commit(workshop, { dir: treeDir }, o);
    },
    "a commit",
  );
}

/** As {@link commitTree}, to the same checksum, in parts that the repository keeps as branches part/<name>. */
export function commitParts(
  workshop: Workshop,
  treeDir: string,
  o: CommitOptions,
): Promise<{ checksum: string; parts: string[] }> {
  const { store, task } = workshop;
  const make = async () => {
    await ensureRepo(workshop);
    let parts: string[] = [];
    const checksum = await committing(store, async () => {
      const said = await ofFolder(workshop, "commit-parts.sh", treeDir, o);
      const [first = "", ...names] = said.trim().split("\n");
      parts = names;
      return first;
    });
    return { checksum, parts };
  };
  return store.withLock(task, make, "a commit");
}

/**
 * Commits a folder over a commit: what changed in it since `stamp` replaces what is there (overlay.sh). `binds`:
 * /run/tree, and /run/work with stamp and sizes. Answers also by how many bytes the files grew.
 */
export function commitOverlay(
  { store, toolbox, task }: Workshop,
  base: string,
  binds: NonNullable<RunInOptions["binds"]>,
  o: CommitOptions,
): Promise<{ checksum: string; grown: number }> {
  const make = async () => {
    let grown = 0;
    const checksum = await committing(store, async () => {
      const { stdout } = await toolbox.run(["/bin/sh", "/run/overlay.sh", base, ...optionsOf(o)], {
        binds: [buildScript("image/ostree/overlay.sh"), { source: store.repo, target: REPO }, ...binds],
        signal: task.signal,
      });
      const [first = "", bytes = ""] = stdout.trim().split("\n");
      grown = Number(bytes);
      return first;
    });
    return { checksum, grown };
  };
  return store.withLock(task, make, "a commit");
}

/**
 * Gets a commit with its objects from another store, when this store lacks it. `trusted`: it was made just now. Takes
 * the store's lock.
 */
export async function pullCommit(workshop: Workshop, from: Store, checksum: string, trusted = false): Promise<void> {
  const { store, toolbox, task } = workshop;
  if ((await hasCommit(store, checksum)) && (await spare(store, [commitObject(store, checksum)], task))) return;
  await store.withLock(
    task,
    async () => {
      await ensureRepo(workshop);
      const binds = [
        { source: store.repo, target: REPO },
        { source: from.repo, target: "/run/from", readOnly: true },
      ];
      // untrusted: every object is read against its checksum
      const untrusted = trusted ? [] : ["--untrusted"];
      const argv = ["ostree", "pull-local", ...untrusted, `--repo=${REPO}`, "/run/from", checksum];
      await toolbox.run(argv, { binds, signal: task.signal }).catch((e) => {
        if (isDamage(e)) return damaged({ ...workshop, store: from }, checksum, e, "cache");
        throw e;
      });
      // hard links and copies keep the time that the object had there
      await makeYoung([commitObject(store, checksum)]);
    },
    "a commit",
  );
}
