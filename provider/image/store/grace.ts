/**
 * What a garbage collection spares: what was made or found a short while ago, and nobody has said yet that it is
 * needed.
 */
import { stat, utimes } from "node:fs/promises";
import type { Task } from "../../task.ts";
import type { Store } from "./store.ts";

/** What is younger stays: an `up` that runs beside this one names what it needs only when it has it. Milliseconds. */
export const GRACE_MS = 3_600_000;

/** Makes files young again. False when one is not there. Call it under the store's lock: a collection takes it, too. */
export async function makeYoung(paths: string[]): Promise<boolean> {
  const now = new Date();
  try {
    for (const path of paths) await utimes(path, now, now);
    return true;
  } catch (e) {
    if ((e as NodeJS.ErrnoException).code === "ENOENT") return false;
    throw e;
  }
}

/**
 * Spares files that were found and are about to be used: no collection of another Pine takes them within half the time
 * of grace. False when one is not there, or is gone since. Takes the store's lock only when one of them is old.
 */
export async function spare(store: Store, paths: string[], task: Task): Promise<boolean> {
  const ages = await Promise.all(
    paths.map((path) =>
      stat(path).then(
        (s) => Date.now() - s.mtimeMs,
        () => undefined,
      ),
    ),
  );
  if (ages.includes(undefined)) return false;
  if (ages.every((age) => age! < GRACE_MS / 2)) return true;
  return store.withLock(task, () => makeYoung(paths), "a check of the store");
}
