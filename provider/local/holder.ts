/**
 * Who holds a file or folder, and whether that process has ended. The kernel tells this by a lock that ends with its
 * holder.
 */
import { readFileSync, readlinkSync } from "node:fs";
import { type FileHandle, open, stat, statfs } from "node:fs/promises";
import { hostname } from "node:os";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { run } from "./run.ts";

/**
 * Identifies a process, so that it is not mistaken for another with the same pid: a later one, or one in another
 * container or on another machine.
 */
export interface Holder {
  pid: number;
  /** Field 22 of /proc/<pid>/stat: clock ticks after the boot. */
  start: string;
  boot: string;
  host: string;
  /** /etc/machine-id; "" where there is none. */
  machine: string;
  /** The PID namespace that `pid` belongs to, `pid:[4026531836]`. */
  namespace: string;
  /** Whether it has flock(2) on the file with this record. */
  flock: boolean;
}

const text = (file: string) => {
  try {
    return readFileSync(file, "utf8").trim();
  } catch {
    return "";
  }
};
const link = (file: string) => {
  try {
    return readlinkSync(file);
  } catch {
    return "";
  }
};

/**
 * When a process started, in clock ticks after the boot. "" if there is none, or if it ended and only its exit code is
 * left.
 */
export function startTime(pid: number | "self"): string {
  const stat = text(`/proc/${pid}/stat`); // the name (field 2) may hold spaces and brackets
  const [state = "", ...rest] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return /[ZX]/.test(state) ? "" : (rest[18] ?? "");
}

export function myself(): Holder {
  return {
    pid: process.pid,
    start: startTime("self"),
    boot: text("/proc/sys/kernel/random/boot_id"),
    host: hostname(),
    machine: text("/etc/machine-id"),
    namespace: link("/proc/self/ns/pid"),
    flock: false,
  };
}

/** Whether /proc shows the processes of our own PID namespace. */
const ownProc = () => link("/proc/self") === String(process.pid);

/** What can be known about a holder's file. */
export interface Evidence {
  me: Holder;
  /** Whether somebody has flock(2) on it; undefined: it cannot be known here. */
  locked: boolean | undefined;
  /** Whether no other machine uses the file system, so that every lock on it is this kernel's. */
  local: boolean;
  /** When the process with that pid started; "": none; undefined: /proc is another namespace's. */
  start: string | undefined;
  /** Milliseconds since the file was written. */
  age: number;
}

/**
 * Milliseconds after which an owner counts as ended if nothing can be known about it: on another machine, or without a
 * file that says who it is. No build takes a hundredth of it.
 */
export const FORGOTTEN_MS = 7 * 24 * 3_600_000;

/** Whether a holder lives, as far as it is known without a lock; undefined: not known. */
function known(h: Holder, { me, start }: Pick<Evidence, "me" | "start">): boolean | undefined {
  if (!me.boot || h.boot !== me.boot || !me.namespace || h.namespace !== me.namespace) return undefined;
  return start === undefined ? undefined : start === h.start;
}

/** Whether a holder has surely ended. `h` undefined: nothing says who it is. Pure. */
export function hasEnded(h: Partial<Holder> | undefined, e: Evidence): boolean {
  const lives = h && known(h as Holder, e);
  if (lives !== undefined) return !lives;
  if (e.locked) return false;
  if (h && e.local && e.me.boot) {
    // if it lived, in any namespace, its lock would still be held
    if (h.boot === e.me.boot && h.flock && e.locked === false) return true;
    // an earlier boot of this machine; a guest that shares our folder is another machine
    if (h.boot && h.boot !== e.me.boot && h.host === e.me.host && h.machine === e.me.machine) return true;
  }
  return e.age > FORGOTTEN_MS;
}

/** statfs(2)'s f_type of ext, xfs, btrfs, tmpfs, overlay, zfs, f2fs, bcachefs, ramfs (linux/magic.h). */
const LOCAL = [0xef53, 0x58465342, 0x9123683e, 0x01021994, 0x794c7630, 0x2fc12fc1, 0xf2f52010, 0xca451a4e, 0x858458f6];

/**
 * Tries flock(2) on an open file. The lock belongs to the open file, so it stays ours when `flock` has ended.
 * Undefined: no such locks here.
 */
async function lock(file: FileHandle): Promise<boolean | undefined> {
  const env = { PATH: [process.env.PATH, "/usr/bin:/bin"].filter(Boolean).join(":"), LC_ALL: "C" };
  return run("flock", ["-n", "0"], { stdin: file.fd, env, ok: [0, 1], timeout: 10_000 }).then(
    (r) => r.exitCode === 0,
    () => undefined,
  );
}

const holding = new Set<FileHandle>();

/**
 * Creates a file that says who holds it. It is held until the returned function is called or this process ends. Fails
 * if the file exists.
 */
export async function hold(path: string, more: object = {}): Promise<() => Promise<void>> {
  const file = await open(path, "wx+", 0o644);
  holding.add(file); // Node closes a file that nobody refers to
  const release = async () => {
    if (holding.delete(file)) await file.close();
  };
  try {
    let flock = await lock(file);
    // somebody may be checking whether it is held, which takes a moment
    for (let n = 0; flock === false && n < 10; n++) flock = await sleep(20).then(() => lock(file));
    await file.writeFile(JSON.stringify({ ...myself(), flock: flock === true, ...more } satisfies Holder));
    await file.sync();
    return release;
  } catch (e) {
    await release();
    throw e;
  }
}

/** Who holds a file, from its content; undefined when it does not say so. */
export function readHolder<T extends Holder = Holder>(content: string): T | undefined {
  try {
    return JSON.parse(content) as T;
  } catch {
    return undefined;
  }
}

/**
 * Whether the holder of a file that {@link hold} made has surely ended. `folder`: what is held; it may lack such a
 * file, and then its holder is unknown. False if neither exists.
 */
export async function isAbandoned(path: string, folder?: string): Promise<boolean> {
  const me = myself();
  // a lock over NFS needs a file that is opened for writing
  const file = await open(path, "r+").catch(() => open(path, "r").catch(() => undefined));
  try {
    const h = file && readHolder(await file.readFile("utf8"));
    const seen = await (file ? file.stat() : folder && stat(folder).catch(() => undefined));
    if (!seen) return false;
    const start = h && ownProc() ? startTime(h.pid) : undefined;
    const sure = h && known(h, { me, start }) !== undefined;
    const got = file && !sure ? await lock(file) : undefined;
    const local = await statfs(dirname(path)).then(
      (s) => LOCAL.includes(s.type),
      () => false,
    );
    const locked = got === undefined ? undefined : !got;
    return hasEnded(h, { me, locked, local, start, age: Date.now() - seen.mtimeMs });
  } finally {
    await file?.close();
  }
}
