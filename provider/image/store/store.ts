/**
 * The store: the folder with the OSTree repository and everything built (README.md of this folder). Shared by
 * processes.
 */
import { constants } from "node:fs";
import { access, mkdir, readdir, readFile, rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import { die } from "../../errors.ts";
import { writeWhole } from "../../local/files.ts";
import { withFileLock } from "../../local/lock.ts";
import type { Task } from "../../task.ts";
import { tidy, withTemp } from "../namespace/temp.ts";

/** What a resource keeps alive: names of things in the store, as `rootfs/<digest>` or `commit/<checksum>`. */
export interface Root {
  keep: string[];
}

const opened = new Set<string>();

export class Store {
  private constructor(readonly dir: string) {}

  /** Opens the store, makes it when it is not there, and removes what dead processes left behind. */
  static async open(dir: string): Promise<Store> {
    const path = resolve(dir);
    try {
      await mkdir(join(path, "tmp"), { recursive: true });
      await access(path, constants.W_OK);
    } catch (e) {
      die(
        `the store ${path} cannot be written (${(e as Error).message})`,
        "set pine:store to a folder you may write, or give this one to your user",
        e,
      );
    }
    if (!opened.has(path)) await tidy(path);
    opened.add(path);
    return new Store(path);
  }

  /** Opens the store as it is, for reading: makes nothing, even where there is none. */
  static at(dir: string): Store {
    return new Store(resolve(dir));
  }

  path(...parts: string[]): string {
    return join(this.dir, ...parts);
  }
  /** OSTree repository, mode archive. */
  get repo(): string {
    return this.path("repo");
  }
  rootfs(digest: string): string {
    return this.path("rootfs", `${safe(digest)}.json`);
  }
  commit(checksum: string): string {
    return this.path("commits", `${safe(checksum)}.json`);
  }
  sysroot(checksum: string): string {
    return this.path("sysroots", `${safe(checksum)}.tar.zst`);
  }
  /** `from` undefined: from nothing. */
  delta(from: string | undefined, to: string): string {
    return this.path("deltas", `${safe(from ?? "empty")}-${safe(to)}.delta`);
  }
  image(name: string, format = "raw.zst"): string {
    return this.path("images", `${safe(name)}.${format}`);
  }

  /** Runs `fn` as the store's only writer. Not re-entrant. `what` is shown to those who wait: "rootfs web". */
  withLock<T>(task: Task, fn: () => Promise<T>, what = "another change of the store"): Promise<T> {
    return withFileLock(this.path("lock"), what, task, fn);
  }

  /** Runs `fn` with an empty folder on the store's filesystem, removed afterwards whatever happens. */
  temp<T>(fn: (dir: string) => Promise<T>): Promise<T> {
    return withTemp(this.path("tmp"), fn);
  }

  /** `undefined` when the file is not there. */
  async readJson<T>(path: string): Promise<T | undefined> {
    let content: string;
    try {
      content = await readFile(path, "utf8");
    } catch (e) {
      if ((e as NodeJS.ErrnoException).code === "ENOENT") return undefined;
      throw e;
    }
    try {
      return JSON.parse(content) as T;
    } catch (e) {
      return die(`${path} is damaged`, "delete it: what it describes is made again", e);
    }
  }

  /** Writes a file whole or not at all, even across a power cut. */
  writeJson(path: string, value: unknown): Promise<void> {
    return writeWhole(path, `${JSON.stringify(value, null, 2)}\n`);
  }

  /** A resource (by its id) keeps these alive; replaces what it kept before. */
  addRoot(id: string, keep: string[]): Promise<void> {
    return this.writeJson(this.path("roots", `${safe(id)}.json`), { keep } satisfies Root);
  }
  async dropRoot(id: string): Promise<void> {
    await rm(this.path("roots", `${safe(id)}.json`), { force: true });
  }
  /** Resource id -> what it keeps. */
  async roots(): Promise<Record<string, string[]>> {
    const out: Record<string, string[]> = {};
    for (const name of await readdir(this.path("roots")).catch(() => [])) {
      if (!name.endsWith(".json") || name.startsWith(".")) continue;
      const root = await this.readJson<Root>(this.path("roots", name)).catch((e) => damagedRoot(name, e));
      if (root) out[name.slice(0, -".json".length)] = root.keep;
    }
    return out;
  }
}

/** Dies: without that root, a collection could remove what a server runs. */
function damagedRoot(name: string, cause: unknown): never {
  return die(
    `roots/${name} of the store is damaged; it says what a resource needs, so nothing is removed`,
    "change that resource, so that `pulumi up` writes it again; delete the file only when its stack is gone",
    cause,
  );
}

/** A name that stays inside its folder. */
function safe(name: string): string {
  if (!/^[A-Za-z0-9_][A-Za-z0-9._-]*$/.test(name))
    die(`"${name}" is not a name in the store`, "expected letters, digits, . _ -");
  return name;
}
