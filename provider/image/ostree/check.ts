/**
 * Checks whether the store's OSTree repository has a whole commit, and handles an object that is not what its name
 * says.
 */

import { readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { die } from "../../errors.ts";
import { accessible } from "../../local/files.ts";
import { RunError } from "../../local/run.ts";
import type { Store } from "../store/store.ts";
import type { Workshop } from "./workshop.ts";

/** Where the toolbox sees the repository. */
export const REPO = "/run/repo";

export const CHECKSUM = /^[0-9a-f]{64}$/;

/**
 * OSTree's messages about an object that is not what its name says: of its checksum, of zlib, of a file's head that was
 * cut off or is zeros, of a folder that names nothing, of a missing object. Seen with 2022.7
 * (test/unit/publish/remote.test.ts), for each kind of object with each kind of damage.
 */
const DAMAGE =
  /[Cc]orrupt(ed|ion)|[Ii]nflate|[Ii]nvalid (compressed|block|distance|code|stored|checksum of length)|File header size|Need more input|No such metadata object|Couldn't find file object/;

/** Whether a program of OSTree ended because an object was not what its name says. */
export const isDamage = (e: unknown): e is RunError => e instanceof RunError && DAMAGE.test(e.stderr);

/**
 * Handles an object of a commit that is not what its name says: removes all such objects, and makes the commits that
 * had them count as missing, so that the next `up` makes them again. Dies.
 */
export async function damaged(
  { store, toolbox, task }: Workshop,
  checksum: string,
  cause: unknown,
  where = "store",
): Promise<never> {
  task.step("looking for damage in the store");
  const argv = ["ostree", "fsck", `--repo=${REPO}`, "--delete", "--quiet"];
  const binds = [{ source: store.repo, target: REPO }];
  await store.withLock(
    task,
    () => toolbox.run(argv, { binds, signal: task.signal, ok: [0, 1] }),
    "a check of the store",
  );
  return die(
    `commit ${checksum.slice(0, 12)} in the ${where} is damaged: one of its files was changed since it was made`,
    "run `pulumi up` again: it is made again from the lock",
    cause,
  );
}

/**
 * Removes branches of a repository that name no commit, as a power cut leaves them: OSTree cannot move a branch that it
 * cannot read, and reads all when it prunes. Who needs one makes it again. Needs the repository's lock.
 */
export async function removeDamagedRefs(repo: string): Promise<void> {
  const heads = join(repo, "refs", "heads");
  for (const entry of await readdir(heads, { recursive: true, withFileTypes: true }).catch(() => [])) {
    const path = join(entry.parentPath, entry.name);
    if (entry.isFile() && !CHECKSUM.test((await readFile(path, "utf8")).trim())) await rm(path);
  }
}

/** The file of a commit itself. */
export const commitObject = (store: Store, checksum: string): string =>
  join(store.repo, "objects", checksum.slice(0, 2), `${checksum.slice(2)}.commit`);

/** Whether the repository holds a commit, whole. */
export async function hasCommit(store: Store, checksum: string): Promise<boolean> {
  if (!CHECKSUM.test(checksum)) return false;
  return (
    (await accessible(commitObject(store, checksum))) &&
    !(await accessible(join(store.repo, "state", `${checksum}.commitpartial`)))
  );
}
