/**
 * A large file of the store, with its facts beside it: made once, either whole or missing, and made again when missing.
 */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { rm, stat } from "node:fs/promises";
import { die } from "../../errors.ts";
import { placeFile } from "../../local/files.ts";
import type { Task } from "../../task.ts";
import { spare } from "./grace.ts";
import type { Store } from "./store.ts";

/** What every artifact's json holds. */
export interface ArtifactFacts {
  /** Bytes of the file. */
  size: number;
  /** SHA-256 of the file, hex. */
  sha256: string;
  /** What made it; when that changes, it is made again. */
  format: string;
}

/** Name of what makes an artifact, from a number for the code and the texts of what it runs or puts in. */
export function formatOf(version: number, texts: string[]): string {
  return `${version}-${createHash("sha256").update(JSON.stringify(texts)).digest("hex").slice(0, 12)}`;
}

/** `store/deltas/a-b.delta` -> `store/deltas/a-b.json`; `a.qcow2` -> `a.qcow2.json`. */
export const beside = (path: string) =>
  path.replace(/\.(tar\.(zst|gz)|raw\.zst|delta)$/, "") + (path.endsWith(".gz") ? ".gz.json" : ".json");

/** The facts of an artifact that is there, whole, and made by `format`; undefined when it has to be made. */
export async function readArtifact<T extends ArtifactFacts>(
  store: Store,
  path: string,
  format: string,
): Promise<T | undefined> {
  const facts = await store.readJson<T>(beside(path)).catch(() => undefined);
  if (facts?.format !== format) return undefined;
  const size = await stat(path).then(
    (s) => s.size,
    () => -1,
  );
  return size === facts.size ? facts : undefined;
}

const underWay = new Map<string, Promise<unknown>>();

/**
 * The facts of the artifact at `path`, from the store or made now. `make` gets an empty folder and answers the file in
 * it and its other facts. Two calls in this process make it once. Two processes both make it, and the last one's stays.
 */
export function artifact<T extends ArtifactFacts>(
  store: Store,
  path: string,
  format: string,
  task: Task,
  make: (dir: string) => Promise<{ file: string; facts: Omit<T, keyof ArtifactFacts> }>,
): Promise<T> {
  const running = underWay.get(path) as Promise<T> | undefined;
  if (running) return running;
  const begun = (async () => {
    const known = await readArtifact<T>(store, path, format);
    if (known && (await spare(store, [path, beside(path)], task))) return known;
    return store.temp(async (dir) => {
      const { file, facts } = await make(dir);
      task.signal.throwIfAborted();
      const all = { ...(await hashFile(file, task.signal)), format, ...facts } as T;
      await placeFile(file, path);
      await store.writeJson(beside(path), all);
      return all;
    });
  })().finally(() => underWay.delete(path));
  underWay.set(path, begun);
  return begun;
}

/**
 * Dies when a file of the store is not what was made, before it is used. The file then counts as missing, so that it is
 * made again. `what`: as people call it, "delta".
 */
export async function intact(path: string, facts: ArtifactFacts, what: string, signal?: AbortSignal): Promise<void> {
  const found = await hashFile(path, signal);
  if (found.sha256 === facts.sha256) return;
  await rm(beside(path), { force: true });
  const how = found.size === facts.size ? "was changed" : `has ${found.size} bytes instead of ${facts.size}`;
  die(
    `the ${what} in the store is damaged: ${path} ${how} since it was made`,
    "run `pulumi up` again: it is made again",
  );
}

/** Size and sha256 of a file. */
export async function hashFile(path: string, signal?: AbortSignal): Promise<Omit<ArtifactFacts, "format">> {
  const hash = createHash("sha256");
  let size = 0;
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20, signal })) {
    hash.update(chunk);
    size += chunk.length;
  }
  return { size, sha256: hash.digest("hex") };
}
