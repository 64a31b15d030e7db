/** Which version a commit gets when the program gives none. */
import semver from "semver";
import { commitsOf, readCommit } from "../../image/ostree/commits.ts";
import type { Store } from "../../image/store/store.ts";
import { readRootfs } from "../../image/tree/record.ts";
import { equalValues, type Props, type Value } from "../../properties/values.ts";
import type { Made } from "./history.ts";
import { defaultRef } from "./import.ts";

const FIRST = "0.1.0";

/** The commit before a new one. */
export interface Last {
  version: string;
  /** True: nothing in the commit changed. */
  same: boolean;
}

/** The last version, its patch one higher when something changed; 0.1.0 for a first commit. */
export const nextVersion = (last?: Last): string =>
  last === undefined ? FIRST : last.same ? last.version : (semver.inc(last.version, "patch") ?? FIRST);

/** The highest version of a branch in a store; if it has none, the highest for the same kind of machine. */
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
 * The version of a commit. A commit that is in the store has one version: the highest that any stack gave it. When a
 * resource is made anew (another ref, a lost state), its version continues above earlier ones: a server that trusts
 * keys refuses an older one.
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
  /** This resource's commit before this one. */
  parent?: string;
  version: string;
  branch: string;
  repo: string;
  rootfs: string;
  /** Bytes. */
  size: number;
  /** The public key of signingKey, in signify's format. */
  publicKey?: string;
  /** The commits that the resource made, newest first. */
  history: Made[];
}

/** The state and inputs before an update. */
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

/** The default branch, from the first of these Rootfs that the store has; for programs that name no `ref`. */
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
