/** Which version a commit gets when the program gives none. */
import semver from "semver";
import { commitsOf, readCommit } from "../../image/ostree/commits.ts";
import type { Store } from "../../image/store/store.ts";
import { readRootfs } from "../../image/tree/record.ts";
import { equalValues, type Props, type Value } from "../../properties/values.ts";
import type { Made } from "./history.ts";
import { defaultRef } from "./import.ts";

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
 * The version of a commit. One that the store has already has one version: the highest that any stack gave it. A new
 * one of a resource that was made anew (another ref, a lost state) goes on above what there was: a server that trusts
 * keys takes none that is older.
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

/** The state; a preview answers the same with unknowns. */
export interface State extends Props {
  checksum: string;
  /** The commit before this one, of this resource. */
  parent?: string;
  version: string;
  ref: string;
  repo: string;
  rootfs: string;
  /** Bytes. */
  size: number;
  /** Of signingKey, as signify has it. */
  publicKey?: string;
  /** What it made, the newest first. */
  history: Made[];
}

/** What an update begins with. */
export interface Before {
  state: State;
  inputs: Props;
}

/** Whether the commit will be the one that the state names. */
export function isSame(inputs: Props, before: Before): boolean {
  return (["rootfs", "version"] as const).every((key) => equalValues(inputs[key], before.inputs[key]));
}

export const lastOf = (inputs: Props, before?: Before): Last | undefined =>
  before && { version: before.state.version, same: isSame(inputs, before) };

/** The branch of a commit whose program names none, by the first of these Rootfs that the store has. */
export async function defaultOf(store: Store | undefined, digests: Value[]): Promise<string | undefined> {
  for (const digest of digests) {
    const known = store && typeof digest === "string" ? await readRootfs(store, digest) : undefined;
    if (known) return defaultRef(known);
  }
  return undefined;
}

export function parentOf(checksum: string, before?: Before): string | undefined {
  return before && before.state.checksum !== checksum ? before.state.checksum : before?.state.parent;
}
