/** Repositories on mirrors, and their packages: checked, and kept in the cache. */
import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { isAbort, PineError } from "../../errors.ts";
import { FetchError, fetchFile } from "../../local/fetch.ts";
import { writeWhole } from "../../local/files.ts";
import { fewTimes, type Task } from "../../task.ts";
import { humanBytes } from "../../words.ts";
import { BadFile, checkDataSize, checkPackage, checksumHex } from "./apkfile.ts";
import { type Failure, firstOf, leave, MirrorsError, ofTheFile, Passed, placesOf } from "./mirror-order.ts";
import type { Source } from "./source.ts";

/** A package of a lock. */
export interface LockedPackage {
  name: string;
  version: string;
  /** "Q1" and base64: SHA-1 of the package's control part. */
  checksum: string;
  /** Size of the file, in bytes. */
  size: number;
  /** Size unpacked, in bytes. */
  installedSize: number;
  /** When it was built: seconds since 1970. */
  built: number;
  /** As the user wrote it: "main", or an address. */
  repository: string;
}

/** A locked package that no mirror has any more. */
export class GoneError extends PineError {
  override name = "GoneError";
}

/** A repository as written: `[@tag ]main`, `[@tag ]edge/testing`, `[@tag ]https://…/v3.23/main`. */
export interface Repository {
  /** Without the tag. */
  name: string;
  tag?: string;
  /** Address without the architecture and without a slash at the end. */
  url: string;
}

export function parseRepository(text: string, source: Pick<Source, "mirror" | "release">): Repository {
  const [, tag, name = ""] = /^(?:@([A-Za-z0-9._-]+)\s+)?(\S+)$/.exec(text.trim()) ?? [];
  const path = name.includes("/") ? name : `${source.release}/${name}`;
  const url = /^https?:\/\//.test(name) ? name.replace(/\/+$/, "") : `${source.mirror}/${path}`;
  return { name, tag, url };
}

/** A line of /etc/apk/repositories. */
export function repositoryLine(r: Repository): string {
  return r.tag ? `@${r.tag} ${r.url}` : r.url;
}

/** Where a package lies in the cache. */
export function packagePath(p: Pick<LockedPackage, "name" | "version" | "checksum">, source: Source): string {
  return join(source.cache, "packages", source.arch, `${p.name}-${p.version}.${checksumHex(p.checksum)}.apk`);
}

/** The checked packages in the cache, in the order of the list; those that are missing or damaged are fetched. */
export async function fetchPackages(packages: LockedPackage[], source: Source, task: Task): Promise<string[]> {
  const missing: LockedPackage[] = [];
  for (const p of packages) {
    task.signal.throwIfAborted();
    if (!(await intact(p, source))) missing.push(p);
  }
  const total = missing.reduce((sum, p) => sum + p.size, 0);
  const got = new Map<string, number>();
  let done = 0;
  const say = fewTimes(() => {
    const bytes = [...got.values()].reduce((a, b) => a + b, 0);
    task.step(`fetching packages: ${done} of ${missing.length}, ${humanBytes(bytes)} of ${humanBytes(total)}`);
  });
  const failed = new AbortController();
  const inner: Task = {
    signal: AbortSignal.any([task.signal, failed.signal]),
    step: (m) => task.step(m),
    warn: (m) => task.warn(m),
  };
  const queue = [...missing];
  const passed = new Passed();
  const worker = async () => {
    for (let p = queue.shift(); p; p = queue.shift()) {
      const { name } = p;
      const onBytes = (bytes: number) => {
        got.set(name, bytes);
        say();
      };
      await fetchPackage(p, source, inner, onBytes, passed);
      done++;
    }
  };
  let error: unknown;
  await Promise.all(
    [1, 2, 3, 4].map(() =>
      worker().catch((e) => {
        error ??= e; // the first says why; the others were only stopped
        failed.abort(e);
      }),
    ),
  );
  if (!isAbort(error, task.signal)) passed.tell(task);
  if (error) throw notReached(error) ? awayError(missing, error) : error;
  return packages.map((p) => packagePath(p, source));
}

/** Whether no mirror that could have it was reached. */
const notReached = (error: unknown): error is FetchError | MirrorsError =>
  error instanceof MirrorsError
    ? error.failures.every((f) => notReached(f.error))
    : error instanceof FetchError && error.status === undefined;

function awayError([first, ...rest]: LockedPackage[], error: FetchError | MirrorsError): PineError {
  const which = rest.length > 0 ? ` and ${rest.length} ${rest.length > 1 ? "others" : "other"} are` : " is";
  const away = error instanceof MirrorsError ? "no mirror was reached" : "the mirror was not reached";
  const what = `package ${first!.name} ${first!.version}${which} not in this machine's cache, and ${away}`;
  return new PineError(what, { hint: error.message, cause: error });
}

/** Whether it is in the cache and good; a bad one is removed. */
async function intact(p: LockedPackage, source: Source): Promise<boolean> {
  const path = packagePath(p, source);
  try {
    await checkPackage(await readFile(path), path, source.keys, p.checksum);
    return true;
  } catch (e) {
    if ((e as NodeJS.ErrnoException).code === "ENOENT") return false;
    if (!(e instanceof BadFile)) throw e;
    if (e.check !== "key") await rm(path, { force: true });
    return false;
  }
}

async function fetchPackage(
  p: LockedPackage,
  source: Source,
  task: Task,
  onBytes: (sum: number) => void,
  passed: Passed,
): Promise<void> {
  const name = `${p.name}-${p.version}.apk`;
  const file = `${source.arch}/${encodeURIComponent(name)}`;
  const get = async (place: { url: string }, hurry: boolean) => {
    const url = `${place.url}/${file}`;
    let sum = 0;
    const count = (bytes: number) => {
      sum = Math.min(sum + bytes, p.size);
      onBytes(sum);
    };
    const { body } = await fetchFile(url, task, { limit: p.size, onBytes: count, hurry });
    const { info } = await checkPackage(body, url, source.keys, p.checksum);
    await checkDataSize(body, info, url);
    await writeWhole(packagePath(p, source), body);
  };
  const places = placesOf(parseRepository(p.repository, source).url, source);
  const without: Failure[] = [];
  await firstOf(places, `no mirror has package ${p.name} ${p.version} as locked`, task, get, (failure, next) => {
    if (ofTheFile(failure.error)) without.push(failure);
    else leave(failure, next, task);
  }).catch((e) => {
    throw isGone(e) ? goneError(p, e) : e;
  });
  for (const failure of without) passed.add(failure, name);
}

const isGone = (e: unknown): e is FetchError | MirrorsError =>
  e instanceof MirrorsError ? e.failures.some((f) => isGone(f.error)) : e instanceof FetchError && e.status === 404;

function goneError(p: LockedPackage, e: FetchError | MirrorsError): GoneError {
  const what =
    e instanceof MirrorsError
      ? `${e.told}; it is not in this machine's cache either`
      : `package ${p.name} ${p.version} is neither on the mirror (${e.url}) nor in this machine's cache`;
  return new GoneError(what, {
    hint: "Alpine keeps only the newest version: change `upgradeTrigger` to resolve again, or build on a machine whose cache has it",
    cause: e,
  });
}
