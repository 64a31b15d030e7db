/** The indexes of repositories: fetched where they changed, checked, and kept in the cache. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fetchFile } from "../../local/fetch.ts";
import { writeWhole } from "../../local/files.ts";
import { sha256 } from "../../local/hash.ts";
import type { Task } from "../../task.ts";
import { readIndex } from "./apkfile.ts";
import { parseRepository, type Repository } from "./mirror.ts";
import { firstOf, leave, MirrorsError, OlderIndex, type Place, placesOf } from "./mirror-order.ts";
import type { Source } from "./source.ts";

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

/** When the newest package of an index was built: seconds since 1970, 0 for one that has none. Pure. */
export const newestBuild = (text: string): number =>
  [...text.matchAll(/^t:(\d+)$/gm)].reduce((max, [, t]) => Math.max(max, Number(t)), 0);

const day = (seconds: number) => new Date(seconds * 1000).toISOString().slice(0, 10);

const folderOf = (source: Source) => join(source.cache, "indexes");
const addressOf = (place: Pick<Place, "url">, source: Source) => `${place.url}/${source.arch}/APKINDEX.tar.gz`;
const recordPath = (url: string, source: Source) => join(folderOf(source), `${sha256(url).slice(0, 32)}.json`);

const readRecord = (url: string, source: Source): Promise<IndexRecord | undefined> =>
  readFile(recordPath(url, source), "utf8").then(
    (text) => JSON.parse(text) as IndexRecord,
    () => undefined,
  );

/** An index, and how old it is. */
interface Found {
  index: RepositoryIndex;
  /**
   * Seconds by which its newest package is older than what was seen of the repository before, on any mirror; 0: it is
   * not older.
   */
  behind: number;
  /** Set when it is behind. */
  older?: OlderIndex;
}

/** The index as it is at `place` now. Not fetched again when it did not change. */
async function look(r: Repository, place: Place, hurry: boolean, source: Source, task: Task): Promise<Found> {
  const url = addressOf(place, source);
  const pathOf = (hash: string) => join(folderOf(source), `${hash}.tar.gz`);
  // a damaged one is fetched again
  const record = await readRecord(url, source).catch(() => undefined);
  const bytes = record && (await readFile(pathOf(record.sha256)).catch(() => undefined));
  const kept = bytes && sha256(bytes) === record.sha256 ? bytes : undefined;
  const headers: Record<string, string> = {};
  if (kept && record?.etag) headers["if-none-match"] = record.etag;
  else if (kept && record?.lastModified) headers["if-modified-since"] = record.lastModified;
  const answer = await fetchFile(url, task, { headers, limit: INDEX_LIMIT, hurry });
  const same = answer.status === 304 && kept !== undefined;
  const body = same ? kept : answer.body;
  const text = await readIndex(body, url, source.keys);
  const hash = sha256(body);
  const newest = newestBuild(text);
  const found = await compare({ ...r, path: pathOf(hash), text }, newest, url, source);
  if (same) return found;
  await writeWhole(pathOf(hash), body);
  const etag = answer.headers.get("etag") ?? undefined;
  const lastModified = answer.headers.get("last-modified") ?? undefined;
  const now: IndexRecord = { url, newest: Math.max(newest, record?.newest ?? 0), sha256: hash, etag, lastModified };
  await writeWhole(recordPath(url, source), JSON.stringify(now));
  return found;
}

/** A signature says who made it, not that it is the last one. */
async function compare(index: RepositoryIndex, newest: number, url: string, source: Source): Promise<Found> {
  const seen = await Promise.all(
    placesOf(index.url, source).map((p) => readRecord(addressOf(p, source), source).catch(() => undefined)),
  );
  const before = Math.max(0, ...seen.map((r) => r?.newest ?? 0));
  if (newest >= before) return { index, behind: 0 };
  const reason = `is older than what was seen ${seen.length > 1 ? "of that repository" : "there"} before (newest package ${day(newest)}, before ${day(before)}): the mirror lags behind, or somebody withholds security updates`;
  return { index, behind: before - newest, older: new OlderIndex(url, reason) };
}

/** The index of a repository at its own address. */
export async function fetchIndex(r: Repository, source: Source, task: Task): Promise<RepositoryIndex> {
  const { index, older } = await look(r, { mirror: r.url, url: r.url }, false, source, task);
  if (older) task.warn(older.message);
  return index;
}

/** Waits for all of them, and throws the first repository's error. */
async function together<T>(all: Promise<T>[]): Promise<T[]> {
  await Promise.allSettled(all);
  return Promise.all(all);
}

/**
 * The indexes of all repositories. Those on the mirror all come from one mirror, so that they are of one time
 * (rgeissert/http-redirector#55, armbian/mirror#7). Of several errors the first repository's is thrown.
 */
export async function fetchIndexes(repositories: string[], source: Source, task: Task): Promise<RepositoryIndex[]> {
  const all = repositories.map((r) => parseRepository(r, source));
  const several = (r: Repository) => placesOf(r.url, source).length > 1;
  const mirrored = all.filter(several);
  if (mirrored.length === 0) return together(all.map((r) => fetchIndex(r, source, task)));
  const ofMirrors = fromOneMirror(mirrored, source, task);
  return together(
    all.map(async (r) => (several(r) ? (await ofMirrors)[mirrored.indexOf(r)]! : fetchIndex(r, source, task))),
  );
}

async function fromOneMirror(repositories: Repository[], source: Source, task: Task): Promise<RepositoryIndex[]> {
  const mirrors = placesOf(`${source.mirror}/`, source);
  const placeOn = (mirror: string, r: Repository) => placesOf(r.url, source).find((p) => p.mirror === mirror)!;
  const behind: { mirror: string; found: Found[] }[] = [];
  const get = async ({ mirror }: Place, hurry: boolean) => {
    const found = await together(repositories.map((r) => look(r, placeOn(mirror, r), hurry, source, task)));
    const older = found.find((f) => f.older)?.older;
    if (!older) return found;
    behind.push({ mirror, found });
    throw older;
  };
  try {
    const found = await firstOf(mirrors, "no mirror has the indexes", task, get, (f, next) => leave(f, next, task));
    return found.map((f) => f.index);
  } catch (e) {
    if (!(e instanceof MirrorsError) || behind.length === 0) throw e;
    const sum = (found: Found[]) => found.reduce((total, f) => total + f.behind, 0);
    const least = behind.reduce((a, b) => (sum(b.found) < sum(a.found) ? b : a));
    task.warn(`no mirror has newer indexes: Pine uses those of ${least.mirror}`);
    return least.found.map((f) => f.index);
  }
}
