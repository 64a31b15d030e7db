/** Which version a commit gets when the program gives none. */
import semver from "semver";
import { commitsOf, readCommit } from "../image/ostree/commits.ts";
import type { Store } from "../image/store/store.ts";

const FIRST = "0.1.0";

/** What a commit made now follows. */
export interface Last {
  version: string;
  /** Nothing of the commit changed. */
  same: boolean;
}

/** The last version's with its patch one higher, when something changed; for a first one 0.1.0. */
export const nextVersion = (last?: Last): string =>
  last === undefined ? FIRST : last.same ? last.version : (semver.inc(last.version, "patch") ?? FIRST);

/** The highest version in a store of a branch; where that has none of those for the same machines. */
async function highestOf(
  store: Store,
  like: { ref: string; arch: string; target?: string },
): Promise<string | undefined> {
  const all = (await commitsOf(store)).filter((c) => c.version !== undefined && semver.valid(c.version));
  const branch = all.filter((c) => c.ref === like.ref);
  const machines = all.filter((c) => c.arch === like.arch && (c.target ?? "vm") === (like.target ?? "vm"));
  return (branch.length > 0 ? branch : machines).map((c) => c.version!).sort(semver.rcompare)[0];
}

/**
 * The version of a commit. One that the store has already has one version: the highest that any stack gave it. A new one of a resource that was
 * made anew (another ref, a lost state) goes on above what there was: a server that trusts keys takes none that is older.
 */
export async function versionFor(
  store: Store,
  commit: { checksum?: string; ref: string; arch: string; target?: string },
  last?: Last,
): Promise<string> {
  const there = commit.checksum && (await readCommit(store, commit.checksum))?.version;
  const known = there && semver.valid(there) ? there : undefined;
  const before =
    last ?? (known ? undefined : await highestOf(store, commit).then((v) => v && { version: v, same: false }));
  const next = nextVersion(before || undefined);
  return known && semver.gt(known, next) ? known : next;
}
