/** A lock that processes share through a file. */
import { randomBytes } from "node:crypto";
import { link, mkdir, readdir, readFile, rm, unlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { PineError } from "../errors.ts";
import type { Task } from "../task.ts";
import { type Holder, hold, isAbandoned, myself, readHolder } from "./holder.ts";

interface Held extends Holder {
  token: string;
  what: string;
}

async function readHeld(path: string): Promise<Held | undefined> {
  const text = await readFile(path, "utf8").catch((e: NodeJS.ErrnoException) => {
    if (e.code === "ENOENT") return undefined;
    throw e;
  });
  if (text === undefined) return undefined;
  const held = readHolder<Held>(text);
  if (!held)
    throw new PineError(`the lock ${path} cannot be read`, { hint: "delete it if no other pulumi is running" });
  return held;
}

type Release = () => Promise<void>;

/**
 * One attempt: returns the release function, or else the holder. The lock of an ended process is taken over by one of
 * the waiting processes: the one that gets a lock for the takeover.
 */
async function tryLock(path: string, what: string): Promise<Release | Held | undefined> {
  const held = await readHeld(path);
  if (!held) return makeLock(path, what);
  if (!(await isAbandoned(path))) return held;
  const takeover = `${path}.${held.token}`;
  const mine = await tryLock(takeover, what);
  if (typeof mine !== "function") return held;
  if ((await readHeld(path))?.token === held.token) await unlink(path);
  await mine();
  return undefined;
}

async function makeLock(path: string, what: string): Promise<Release | undefined> {
  const token = randomBytes(8).toString("hex");
  const draft = `${path}.${process.pid}-${token}`;
  const letGo = await hold(draft, { token, what });
  try {
    await link(draft, path); // unlike O_EXCL, never seen empty or without its holder's lock
    return async () => {
      await rm(path, { force: true });
      await letGo();
    };
  } catch (e) {
    await letGo();
    if ((e as NodeJS.ErrnoException).code !== "EEXIST") throw e;
    return undefined;
  } finally {
    await rm(draft, { force: true });
  }
}

const queues = new Map<string, Promise<unknown>>();

/**
 * Runs `fn` while holding the lock file `path`. Waits for the lock, and says for whom, until the signal aborts. Not
 * re-entrant. `what` is shown to those who wait.
 */
export async function withFileLock<T>(path: string, what: string, task: Task, fn: () => Promise<T>): Promise<T> {
  const before = queues.get(path) ?? Promise.resolve();
  const mine = before.then(async () => {
    task.signal.throwIfAborted();
    await mkdir(dirname(path), { recursive: true });
    const since = Date.now();
    let letGo: Release | Held | undefined;
    while (typeof letGo !== "function") {
      letGo = await tryLock(path, what);
      if (letGo === undefined || typeof letGo === "function") continue;
      const waited = Date.now() - since;
      if (waited >= 500) task.step(waiting(letGo, path, waited));
      // asks less often the longer it takes, since for another machine each check has to ask the kernel
      await sleep(Math.min(100 + waited / 10, 1000), undefined, { signal: task.signal });
    }
    try {
      return await fn();
    } finally {
      await letGo();
    }
  });
  queues.set(
    path,
    mine.catch(() => {}),
  );
  return mine;
}

/**
 * What a waiting person is told. Whether an owner on another machine lives is not always known; then the person
 * decides.
 */
function waiting(h: Held, path: string, waited: number): string {
  const me = myself();
  const on = h.host === me.host ? "" : ` on ${h.host}`;
  const who = `waiting for ${h.what} (pid ${h.pid}${on}), ${Math.round(waited / 1000)} s; lock ${path}`;
  return h.boot === me.boot ? who : `${who} (if no pulumi runs there any more, delete it)`;
}

/** Names of locks: `lock`, `<what>.lock`, one for a takeover (`lock.<token>`), and drafts of any, with their maker. */
const LOCK = /^(?:[^.].*\.)?lock(?:\.[0-9a-f]{16})*(\.\d+-[0-9a-f]{16})?$/;

async function takeAndFree(path: string): Promise<void> {
  if ((await tryLock(path, "tidying")) !== undefined) return;
  const mine = await tryLock(path, "tidying");
  if (typeof mine === "function") await mine();
}

/** Removes locks of ended processes from a folder, and drafts that never became locks. Does not wait. */
export async function removeAbandonedLocks(folder: string): Promise<void> {
  const names = await readdir(folder).catch(() => []);
  // a lock for a takeover is removed before the lock itself
  for (const name of names.sort((a, b) => b.length - a.length)) {
    const found = LOCK.exec(name);
    const path = join(folder, name);
    if (!found || !(await isAbandoned(path))) continue;
    // nobody else uses a draft's name, but somebody may take the lock meanwhile
    if (found[1]) await rm(path, { force: true });
    else await takeAndFree(path).catch(() => {}); // whoever wants a damaged lock gets the error
  }
}
