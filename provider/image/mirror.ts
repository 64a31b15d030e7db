/** Repositories on a mirror: their indexes and packages, checked and kept in the cache. */
import { createHash } from "node:crypto";
import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { PineError } from "../errors.ts";
import { humanBytes, type Task } from "../task.ts";
import { BadFile, checkDataSize, checkPackage, checksumHex, type Keys, readIndex } from "./apkfile.ts";
import { FetchError, fetchFile } from "./fetch.ts";
import { writeWhole } from "./whole.ts";

/** A package of a lock. */
export interface LockedPackage {
  name: string;
  version: string;
  /** "Q1" and base64: SHA-1 of the package's control part. */
  checksum: string;
  /** Of the file, in bytes. */
  size: number;
  /** Unpacked, in bytes. */
  installedSize: number;
  /** When it was built: seconds since 1970. */
  built: number;
  /** As the user wrote it: "main", or an address. */
  repository: string;
}

/** A locked package that is to be had no more. */
export class GoneError extends PineError {
  override name = "GoneError";
}

/** Where packages come from. */
export interface Source {
  cache: string;
  mirror: string;
  release: string;
  arch: string;
  keys: Keys;
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

export interface RepositoryIndex extends Repository {
  /** The signed index in the cache. */
  path: string;
  /** Its text, checked. */
  text: string;
}

/** Bytes of a signed index: Alpine's largest have some MB. */
const INDEX_LIMIT = 64 << 20;

interface IndexRecord {
  url: string;
  /** When the newest package of the newest index that was seen here was built: seconds since 1970. */
  newest?: number;
  sha256: string;
  etag?: string;
  lastModified?: string;
}

const sha256 = (bytes: string | Uint8Array) => createHash("sha256").update(bytes).digest("hex");

/** When the newest package of an index was built: seconds since 1970, 0 for one that has none. Pure. */
export const newestBuild = (text: string): number =>
  [...text.matchAll(/^t:(\d+)$/gm)].reduce((max, [, t]) => Math.max(max, Number(t)), 0);

const day = (seconds: number) => new Date(seconds * 1000).toISOString().slice(0, 10);

/** The index of a repository as the mirror has it now. Not fetched again when it did not change. */
export async function fetchIndex(r: Repository, source: Source, task: Task): Promise<RepositoryIndex> {
  const url = `${r.url}/${source.arch}/APKINDEX.tar.gz`;
  const folder = join(source.cache, "indexes");
  const recordPath = join(folder, `${sha256(url).slice(0, 32)}.json`);
  const pathOf = (hash: string) => join(folder, `${hash}.tar.gz`);
  let record: IndexRecord | undefined;
  let kept: Buffer | undefined;
  try {
    record = JSON.parse(await readFile(recordPath, "utf8")) as IndexRecord;
    const bytes = await readFile(pathOf(record.sha256));
    if (sha256(bytes) === record.sha256) kept = bytes;
  } catch {
    // not there, or damaged: fetched
  }
  const headers: Record<string, string> = {};
  if (kept && record?.etag) headers["if-none-match"] = record.etag;
  else if (kept && record?.lastModified) headers["if-modified-since"] = record.lastModified;
  const answer = await fetchFile(url, task, { headers, limit: INDEX_LIMIT });
  if (answer.status === 304 && kept && record)
    return { ...r, path: pathOf(record.sha256), text: await readIndex(kept, url, source.keys) };
  const text = await readIndex(answer.body, url, source.keys);
  // a signature says who made it, not that it is the last one
  const [newest, before] = [newestBuild(text), record?.newest ?? 0];
  if (newest < before)
    task.warn(
      `${url} is older than what was seen there before (newest package ${day(newest)}, before ${day(before)}): a mirror that lags behind, or somebody who keeps security updates from you`,
    );
  const hash = sha256(answer.body);
  await writeWhole(pathOf(hash), answer.body);
  const etag = answer.headers.get("etag") ?? undefined;
  const lastModified = answer.headers.get("last-modified") ?? undefined;
  await writeWhole(
    recordPath,
    JSON.stringify({ url, newest: Math.max(newest, before), sha256: hash, etag, lastModified } satisfies IndexRecord),
  );
  return { ...r, path: pathOf(hash), text };
}

/** The indexes of all repositories. Of several errors the first repository's is thrown. */
export async function fetchIndexes(repositories: string[], source: Source, task: Task): Promise<RepositoryIndex[]> {
  const all = repositories.map((r) => fetchIndex(parseRepository(r, source), source, task));
  await Promise.allSettled(all);
  return Promise.all(all);
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
  let last = 0;
  const say = () => {
    if (Date.now() - last < 250) return;
    last = Date.now();
    const bytes = [...got.values()].reduce((a, b) => a + b, 0);
    task.step(`fetching packages: ${done} of ${missing.length}, ${humanBytes(bytes)} of ${humanBytes(total)}`);
  };
  const failed = new AbortController();
  const inner: Task = {
    signal: AbortSignal.any([task.signal, failed.signal]),
    step: (m) => task.step(m),
    warn: (m) => task.warn(m),
  };
  const queue = [...missing];
  const worker = async () => {
    for (let p = queue.shift(); p; p = queue.shift()) {
      const { name } = p;
      await fetchPackage(p, source, inner, (bytes) => {
        got.set(name, bytes);
        say();
      });
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
  if (error instanceof FetchError && error.status === undefined) {
    const [first, ...rest] = missing;
    const others = rest.length > 0 ? `, nor are ${rest.length} others,` : "";
    throw new PineError(
      `package ${first!.name} ${first!.version} is not in this machine's cache${others} and the mirror was not reached`,
      {
        hint: error.message,
        cause: error,
      },
    );
  }
  if (error) throw error;
  return packages.map((p) => packagePath(p, source));
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

async function fetchPackage(p: LockedPackage, source: Source, task: Task, onBytes: (sum: number) => void) {
  const url = `${parseRepository(p.repository, source).url}/${source.arch}/${encodeURIComponent(`${p.name}-${p.version}.apk`)}`;
  let sum = 0;
  const { body } = await fetchFile(url, task, {
    limit: p.size,
    onBytes: (count) => {
      sum = Math.min(sum + count, p.size);
      onBytes(sum);
    },
  }).catch((e) => {
    if (!(e instanceof FetchError) || e.status !== 404) throw e;
    throw new GoneError(
      `package ${p.name} ${p.version} is neither on the mirror (${url}) nor in this machine's cache`,
      {
        hint: "Alpine keeps only the newest: change `upgrade` to resolve again, or build where the cache has it",
        cause: e,
      },
    );
  });
  const { info } = await checkPackage(body, url, source.keys, p.checksum);
  await checkDataSize(body, info, url);
  await writeWhole(packagePath(p, source), body);
}
