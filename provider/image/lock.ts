/** A lock that processes share by a file, and files that are whole or not there. */
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { link, mkdir, open, readFile, rename, rm, unlink } from "node:fs/promises";
import { hostname } from "node:os";
import { basename, dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { PineError } from "../errors.ts";
import type { Task } from "../task.ts";

/** A process, so that it is not taken for a later one with the same pid. */
export interface Holder {
  pid: number;
  /** Field 22 of /proc/<pid>/stat: clock ticks after the boot. */
  start: string;
  boot: string;
  host: string;
}

const text = (file: string) => {
  try {
    return readFileSync(file, "utf8").trim();
  } catch {
    return "";
  }
};

/** When a process started, in clock ticks after the boot; "" when there is none. */
export function startTime(pid: number): string {
  const stat = text(`/proc/${pid}/stat`); // the name (field 2) may hold spaces and brackets
  return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? "";
}

export function myself(): Holder {
  const boot = text("/proc/sys/kernel/random/boot_id");
  return { pid: process.pid, start: startTime(process.pid), boot, host: hostname() };
}

/** Whether it has surely ended. Of other machines (a shared folder) and containers nothing is known. */
export function isDead(h: Holder): boolean {
  const me = myself();
  if (h.host !== me.host) return false;
  return h.boot !== me.boot || startTime(h.pid) !== h.start;
}

interface Held extends Holder {
  token: string;
  what: string;
}

async function readHeld(path: string): Promise<Held | undefined> {
  try {
    return JSON.parse(await readFile(path, "utf8"));
  } catch (e) {
    if ((e as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw new PineError(`the lock ${path} cannot be read`, {
      hint: "delete it if no other pulumi is running",
      cause: e,
    });
  }
}

/** One attempt. A lock of a dead process is taken over, by one of those who want it: who holds the lock's own lock. */
async function tryLock(path: string, what: string): Promise<string | Held | undefined> {
  const token = randomBytes(8).toString("hex");
  const draft = `${path}.${process.pid}-${token}`;
  await writeWhole(draft, JSON.stringify({ ...myself(), token, what } satisfies Held));
  try {
    await link(draft, path); // unlike O_EXCL, never seen empty
    return token;
  } catch (e) {
    if ((e as NodeJS.ErrnoException).code !== "EEXIST") throw e;
  } finally {
    await rm(draft, { force: true });
  }
  const held = await readHeld(path);
  if (!held || !isDead(held)) return held;
  const takeover = `${path}.${held.token}`;
  if (typeof (await tryLock(takeover, what)) !== "string") return held;
  if ((await readHeld(path))?.token === held.token) await unlink(path);
  await unlink(takeover);
  return undefined;
}

const queues = new Map<string, Promise<unknown>>();

/**
 * Runs `fn` while holding the lock file `path`; waits for it, saying for whom, until the signal aborts.
 * Not re-entrant. `what` is shown to those who wait.
 */
export async function withFileLock<T>(path: string, what: string, task: Task, fn: () => Promise<T>): Promise<T> {
  const before = queues.get(path) ?? Promise.resolve();
  const mine = before.then(async () => {
    task.signal.throwIfAborted();
    const since = Date.now();
    let token: string | Held | undefined;
    while (typeof token !== "string") {
      token = await tryLock(path, what);
      if (typeof token === "string") break;
      if (token) {
        const seconds = Math.round((Date.now() - since) / 1000);
        const where = token.host === hostname() ? "" : ` on ${token.host}`;
        if (seconds > 0) task.step(`waiting for ${token.what} (pid ${token.pid}${where}), ${seconds} s; lock ${path}`);
        await sleep(100, undefined, { signal: task.signal });
      }
    }
    try {
      return await fn();
    } finally {
      await rm(path, { force: true });
    }
  });
  queues.set(
    path,
    mine.catch(() => {}),
  );
  return mine;
}

/** Writes a file so that after a power cut it is the old one or the new one, whole. */
export async function writeWhole(path: string, content: string | Uint8Array, mode = 0o644): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const draft = join(dirname(path), `.${basename(path)}.${process.pid}-${randomBytes(4).toString("hex")}`);
  try {
    const f = await open(draft, "wx", mode);
    try {
      await f.writeFile(content);
      await f.sync();
    } finally {
      await f.close();
    }
    await rename(draft, path);
  } catch (e) {
    await rm(draft, { force: true });
    throw e;
  }
  await syncFolder(dirname(path));
}

/** Makes renames within a folder last. */
export async function syncFolder(path: string): Promise<void> {
  const d = await open(path, "r");
  try {
    await d.sync();
  } finally {
    await d.close();
  }
}
