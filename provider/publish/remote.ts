/**
 * A published repository on another machine. A copy in the cache is published to like a folder (folder.ts), and then
 * new files are sent. The order of sending makes sure that a host that pulls sees the state before or after.
 */
import { createHash } from "node:crypto";
import { lstat, mkdir, readdir, rename, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { die } from "../errors.ts";
import { withTemp } from "../image/namespace/temp.ts";
import { isDamage, REPO } from "../image/ostree/check.ts";
import type { Workshop } from "../image/ostree/workshop.ts";
import type { Toolbox } from "../image/toolbox/toolbox.ts";
import { syncTree } from "../local/files.ts";
import { freeBytes } from "../local/full.ts";
import { withFileLock } from "../local/lock.ts";
import { RunError } from "../local/run.ts";
import { fewTimes, type Task } from "../task.ts";
import { humanBytes } from "../words.ts";
import { initPublished, type Publication, publish } from "./folder.ts";
import { type Files, fileAndFolder, isOurs, planFetch, planUpload } from "./plan.ts";

/** What a place offers on a branch. */
export interface Looked {
  /** Why it cannot be published to. */
  problem?: string;
  commit?: string;
  /** When its manifest was signed, in seconds since 1970. */
  published?: number;
}

/** A place to publish to. Paths are relative to the repository. */
export interface Remote {
  /** The name for people, which differs for each place: `deploy@web:22:/srv/www`. */
  readonly name: string;
  /** The input that says where it is. */
  readonly property: string;
  /** Why it cannot be published to, and the commit that it offers on a branch. Writes nothing. */
  look(ref: string): Promise<Looked>;
  /** Runs `fn` while no other publisher can, where the place supports that. */
  held<T>(task: Task, fn: () => Promise<T>): Promise<T>;
  list(): Promise<Files>;
  /** Identifies the summary that is there: the text differs after every change of it. */
  stamp(): Promise<string>;
  /** Copies files into a local folder. Refuses a file that is longer than it was listed. */
  fetch(files: Files, into: string, sent: (bytes: number) => void): Promise<void>;
  /** Puts files of a local folder there, each whole or not at all. `sent` gets the bytes since its last call. */
  put(paths: string[], from: string, sent: (bytes: number) => void): Promise<void>;
  remove(paths: string[]): Promise<void>;
}

/** The files of a folder, by their path in it. Names that begin with a dot are skipped. */
export async function publishedFiles(dir: string, below = ""): Promise<Files> {
  const found: Files = new Map();
  for (const entry of await readdir(join(dir, below), { withFileTypes: true })) {
    const path = below ? `${below}/${entry.name}` : entry.name;
    if (entry.name.startsWith(".") || ["tmp", "state"].includes(path)) continue;
    if (entry.isDirectory()) for (const [name, size] of await publishedFiles(dir, path)) found.set(name, size);
    else if (entry.isFile()) found.set(path, (await stat(join(dir, path))).size);
  }
  return found;
}

/** Says how far it is, a few times a second. */
function progress(task: Task, what: string, total: number): (bytes: number) => void {
  let done = 0;
  const tell = fewTimes(() => task.step(`${what} (${humanBytes(Math.min(done, total))} of ${humanBytes(total)})`));
  return (bytes) => {
    done += bytes;
    tell();
  };
}

/**
 * Publishes a commit of the store there. An interrupted run leaves the place as it was, and the next run goes on.
 * `cache`: absolute path.
 */
export async function publishRemote(
  workshop: Workshop,
  cache: string,
  remote: Remote,
  p: Omit<Publication, "path">,
): Promise<void> {
  const { toolbox, task } = workshop;
  const name = createHash("sha256").update(remote.name).digest("hex").slice(0, 16);
  const path = join(cache, "published", name);
  await mkdir(path, { recursive: true });
  await lookAtRemote(remote);
  const work = async () => {
    task.step(`checking ${remote.name}`);
    const [there, before] = [await remote.list(), await remote.stamp()];
    const both = fileAndFolder(there);
    if (both) die(`${remote.name} has ${both} as a file and as a folder`, "empty it, and run `pulumi up` again");
    await takeOver(path, toolbox, remote, there, task);
    await publish(workshop, { ...p, path }).catch(async (e) => {
      // OSTree cannot always say that an object is damaged: on a damaged commit it crashes
      if (e instanceof RunError) await looked(path, toolbox, task, () => forget(path, e));
      throw e;
    });
    const { steps, remove, bytes } = planUpload(await publishedFiles(path), there);
    // objects of our copy that a power cut damaged are not sent
    if (steps[0]!.some(isObject)) await looked(path, toolbox, task, (e) => forget(path, e));
    const sent = progress(task, `sending to ${remote.name}`, bytes);
    for (const [n, paths] of steps.entries()) {
      task.signal.throwIfAborted();
      // from the branches on, hosts that pull see the change
      if (n === 2 && (await remote.stamp()) !== before)
        die(
          `somebody else published to ${remote.name} meanwhile`,
          "run `pulumi up` again: it goes on from what is there",
        );
      if (paths.length > 0) await remote.put(paths, path, sent);
    }
    if (remove.length > 0) await remote.remove(remove);
  };
  await withFileLock(`${path}.lock`, `publishing to ${remote.name}`, task, () => remote.held(task, work));
}

/** Fails if it cannot be published to. Writes nothing. */
export async function lookAtRemote(remote: Remote): Promise<void> {
  const { problem } = await remote.look("");
  if (problem) die(`${remote.property}: ${problem}`);
}

/** Removes what is neither a file nor a folder: a link in our copy would lead writes elsewhere. */
export async function removeOthers(dir: string): Promise<void> {
  for (const entry of await readdir(dir, { withFileTypes: true })) {
    const path = join(dir, entry.name);
    if (entry.isDirectory()) await removeOthers(path);
    else if (!entry.isFile()) await rm(path);
  }
}

/**
 * Moves fetched files to their places in our copy. Fails before the first move if another machine made something else
 * than a file.
 */
export async function takeIn(from: string, path: string, names: string[], who: string): Promise<void> {
  for (const name of names) {
    const bad = (what: string) =>
      die(`${who} gave ${name} as ${what}, and a repository has only files`, "empty it, and run `pulumi up` again");
    if (!isOurs(name)) bad("a name of a repository");
    for (let at = dirname(name); at !== "."; at = dirname(at))
      if (!(await lstat(join(from, at))).isDirectory()) bad("something below a link");
    const seen = await lstat(join(from, name));
    if (!seen.isFile() || seen.nlink !== 1) bad("a link");
  }
  await syncTree(from);
  for (const name of names) {
    await makeInside(path, dirname(name));
    await rename(join(from, name), join(path, name));
  }
}

/** Makes a folder below another one, without following links. */
async function makeInside(path: string, below: string): Promise<void> {
  let at = path;
  for (const part of below.split("/").filter((p) => p !== ".")) {
    at = join(at, part);
    const seen = await lstat(at).catch(() => undefined);
    if (seen && !seen.isDirectory()) await rm(at);
    if (!seen?.isDirectory()) await mkdir(at);
  }
}

/** Fails if what a machine says it has does not fit, before it fills the disk. */
async function roomFor(bytes: number, path: string, remote: Remote): Promise<void> {
  const free = await freeBytes(path);
  if (free !== undefined && bytes > free)
    die(
      `${remote.name} says that it has ${humanBytes(bytes)} to fetch, and ${humanBytes(free)} are free in ${path}`,
      "check what is there; free some space, or put pine:cache on a larger file system",
    );
}

/** Makes our copy match the place, since other stacks and machines publish, too. */
async function takeOver(path: string, toolbox: Toolbox, remote: Remote, there: Files, task: Task): Promise<void> {
  await removeOthers(path);
  await initPublished(path, toolbox, task);
  const { fetch, drop, bytes } = planFetch(await publishedFiles(path), there);
  for (const name of drop) await rm(join(path, name));
  if (fetch.length === 0) return;
  await roomFor(bytes, path, remote);
  // files in this folder never count as part of our copy, so a cut-off one does no harm
  await withTemp(join(path, "tmp"), async (dir) => {
    await remote.fetch(
      new Map(fetch.map((name) => [name, there.get(name)!])),
      dir,
      progress(task, `fetching what ${remote.name} has`, bytes),
    );
    await takeIn(dir, path, fetch, remote.name);
  });
  if (!fetch.some(isObject)) return;
  await looked(path, toolbox, task, async (e) => {
    await rm(path, { recursive: true });
    die(
      `what is published at ${remote.name} is damaged: a file's content does not match its name`,
      "empty it, and run `pulumi up` again",
      e,
    );
  });
}

const isObject = (name: string) => name.startsWith("objects/");

/** Checks that every object of our copy is what its name says; otherwise calls `damaged`, which throws. */
async function looked(
  path: string,
  toolbox: Toolbox,
  task: Task,
  damaged: (e: unknown) => Promise<never>,
): Promise<void> {
  const binds = [{ source: path, target: REPO }];
  const argv = ["ostree", "fsck", `--repo=${REPO}`, "--quiet"];
  await toolbox.run(argv, { binds, signal: task.signal }).catch((e) => {
    if (!isDamage(e)) throw e;
    return damaged(e);
  });
}

/** Removes a damaged copy, so that it is fetched anew. Always throws. */
async function forget(path: string, cause: unknown): Promise<never> {
  await rm(path, { recursive: true });
  return die(
    `this machine's copy of what is published is damaged: ${path}`,
    "run `pulumi up` again: it is fetched again, and nothing was sent",
    cause,
  );
}
