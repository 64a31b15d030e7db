/** What is sent to and fetched from a published repository on another machine, and in which order. Pure. */

/** Files of a published repository: path in it -> bytes. */
export type Files = Map<string, number>;

/**
 * Paths that a repository of ours has. Other names from another machine are ignored, so that nothing is written outside
 * the folder.
 */
const KNOWN =
  /^(config|summary|summary\.sig|objects\/[0-9a-f]{2}\/[0-9a-f]{62}\.[a-z]+|(deltas|delta-indexes|refs\/heads|pine)(\/[A-Za-z0-9_+=-][A-Za-z0-9_+=.-]*)+)$/;

export const isOurs = (path: string): boolean => KNOWN.test(path);

/** A path that is both a file and a folder; a storage can have that, a file system cannot. undefined: none. */
export function fileAndFolder(files: Files): string | undefined {
  for (const path of files.keys())
    for (let at = path.lastIndexOf("/"); at > 0; at = path.lastIndexOf("/", at - 1))
      if (files.has(path.slice(0, at))) return path.slice(0, at);
  return undefined;
}

/** Whether a path's content is always the same, so that caches may keep it for ever. */
export const isContent = (path: string): boolean => /^(objects|deltas)\//.test(path);

/** Which step of an upload a file belongs to: what names another file comes after it. */
function step(path: string): number {
  if (path.startsWith("objects/")) return 0;
  if (path.startsWith("deltas/")) return path.endsWith("/superblock") ? 1 : 0;
  // the chain of keys is there before what the newest of them signed
  if (path.startsWith("pine/")) return path.endsWith(".keys") ? 3 : 4;
  return path.startsWith("summary") ? 3 : 2;
}

export interface Upload {
  /**
   * What is sent, in this order: content, deltas' heads, branches and lists of deltas, summary and chains of keys,
   * manifests. A step may be empty.
   */
  steps: string[][];
  /** What is removed afterwards: nothing names it any more. */
  remove: string[];
  /** All that is sent, in bytes. */
  bytes: number;
}

/** Makes a repository like ours. For content the name is enough, since files arrive whole. */
export function planUpload(here: Files, there: Files): Upload {
  const steps: string[][] = [[], [], [], [], []];
  let bytes = 0;
  for (const [path, size] of here) {
    if (!isOurs(path) || (isContent(path) && has(there, path))) continue;
    steps[step(path)]!.push(path);
    bytes += size;
  }
  const remove = [...there.keys()].filter((path) => isOurs(path) && !here.has(path));
  return { steps: steps.map((paths) => paths.sort()), remove: remove.sort((a, b) => step(b) - step(a)), bytes };
}

/** What our copy lacks of a repository that others may have published to, and what it has that is gone there. */
export function planFetch(here: Files, there: Files): { fetch: string[]; drop: string[]; bytes: number } {
  // `config` is written on this machine
  const wanted = [...there].filter(([path]) => isOurs(path) && path !== "config");
  const missing = wanted.filter(([path, size]) => {
    if (!isContent(path)) return true;
    // another machine may compress the same object differently; a delta is made only once
    return path.startsWith("deltas/") ? here.get(path) !== size : !has(here, path);
  });
  const drop = [...here.keys()].filter((path) => !path.startsWith("objects/") && path !== "config" && !there.has(path));
  return { fetch: missing.map(([path]) => path), drop, bytes: missing.reduce((sum, [, size]) => sum + size, 0) };
}

/** Whether a file exists. An empty one was cut off by a power loss: OSTree's content is never empty. */
const has = (files: Files, path: string) => (files.get(path) ?? 0) > 0;
