/** Commits of the store: what is known of them, and those made of a Rootfs. */

import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { CommitKernel } from "../../boot/kernel.ts";
import type { Target } from "../../boot/target.ts";
import { die } from "../../errors.ts";
import { ALWAYS_MOUNTED } from "../../filesystems/all.ts";
import { type Manifest, type SignedManifest, type Signers, signManifest } from "../../trust/manifest.ts";
import { makeYoung } from "../store/grace.ts";
import type { Store } from "../store/store.ts";
import { CHECKSUM, commitObject, hasCommit } from "./check.ts";
import { kernelOfCommit } from "./kernel.ts";
import type { Workshop } from "./workshop.ts";
import { commit, refProblem, setRef } from "./write.ts";

/** What is known of a commit, in store/commits/<checksum>.json. */
export interface CommitManifest {
  checksum: string;
  ref?: string;
  version?: string;
  /** Alpine's name of the architecture. */
  arch: string;
  /** What it is for. Absent: a machine, once the only target. */
  target?: Target;
  /** "" where it has no kernel. */
  kernelRelease: string;
  /** The filesystems that its initramfs mounts as a root; absent: ext4 and xfs, once the only ones. */
  filesystems?: string[];
  /** Absent where it has none, or was made before this was kept. */
  kernel?: CommitKernel;
  /** Digest of the Rootfs it was made from. */
  rootfs: string;
  /** Seconds since the epoch; the commit's timestamp. */
  created: number;
  /** Bytes of the files' content. */
  size: number;
  /** Number of packages. */
  packages: number;
  /** What servers are shown of it; made by whoever committed last with keys. */
  signed?: SignedManifest;
}

/** What a commit is made from: a built Rootfs (image/tree/build.ts), whose tree is a commit already. */
export interface BuiltRootfs {
  digest: string;
  /** Checksum of the commit of its tree. */
  checksum: string;
  /** Seconds since the epoch. */
  timestamp: number;
  arch: string;
  target?: Target;
  kernelRelease: string;
  filesystems?: string[];
  size: number;
  packages: number;
}

/** The filesystems of a root that this commit can boot from. */
export const rootsOf = (commit: Pick<CommitManifest, "filesystems">): string[] => commit.filesystems ?? ALWAYS_MOUNTED;

/**
 * The commit of a built Rootfs, with its manifest. Without a version it is the commit of the tree itself; a version
 * becomes part of the commit. `shown` is what the manifest says when the version is not part of the commit.
 */
export function commitFromRootfs(
  workshop: Workshop,
  rootfs: BuiltRootfs,
  o: { ref?: string; version?: string; shown?: string; signers?: Signers },
): Promise<CommitManifest> {
  const { store, task } = workshop;
  const { digest, checksum: tree, timestamp, arch, target, kernelRelease, filesystems, size, packages } = rootfs;
  const build = async () => {
    if (!(await hasCommit(store, tree)) || !(await makeYoung([commitObject(store, tree)])))
      die(`the store ${store.dir} has no tree of rootfs ${digest}`, "run `pulumi up` again to build it");
    let checksum = tree;
    if (o.version) {
      const bootable = target !== "container";
      const options = { timestamp, ref: o.ref, metadata: { version: o.version }, bootable };
      checksum = await commit(workshop, { commit: tree }, options);
    } else if (o.ref) await setRef(workshop, o.ref, checksum);
    const kernel = await kernelOfCommit(workshop, checksum);
    const boot = { kernelRelease, filesystems, kernel };
    const known = { arch, target, ...boot, rootfs: digest, created: timestamp, size, packages };
    const manifest: CommitManifest = { checksum, ref: o.ref, version: o.version ?? o.shown, ...known };
    manifest.signed = signedOf(manifest, o.signers) ?? (await readCommit(store, checksum))?.signed;
    await store.writeJson(store.commit(checksum), manifest);
    return manifest;
  };
  return store.withLock(task, build, "a commit");
}

/** What is signed of a commit. */
export function signable(m: CommitManifest): Manifest {
  const { checksum, ref = "", version = "", arch, target = "vm", created } = m;
  return { checksum, ref, version, arch, target, created };
}

const signedOf = (m: CommitManifest, signers?: Signers): SignedManifest | undefined =>
  signers && signers.keys.length > 0 ? signManifest(signable(m), signers) : undefined;

/** The commit that {@link commitFromRootfs} makes of a Rootfs, when the store has it already. */
export async function committed(
  store: Store,
  rootfs: Pick<BuiltRootfs, "digest" | "checksum">,
  version: string | undefined,
): Promise<string | undefined> {
  if (version === undefined) return (await hasCommit(store, rootfs.checksum)) ? rootfs.checksum : undefined;
  for (const { checksum, ...manifest } of await commitsOf(store))
    if (checksum !== rootfs.checksum && manifest.rootfs === rootfs.digest && manifest.version === version)
      if (await hasCommit(store, checksum)) return checksum;
  return undefined;
}

/** The manifests in a store, also of removed commits. */
export async function commitsOf(store: Store): Promise<CommitManifest[]> {
  const names = (await readdir(store.path("commits")).catch(() => [])).filter((n) => /^[0-9a-f]{64}\.json$/.test(n));
  const read = names.map((n) => store.readJson<CommitManifest>(store.path("commits", n)).catch(() => undefined));
  return (await Promise.all(read)).filter((m) => m !== undefined);
}

/**
 * The manifest of a commit that the store has; undefined when either is missing, or the manifest is damaged: it is made
 * again with the commit.
 */
export async function readCommit(store: Store, checksum: string): Promise<CommitManifest | undefined> {
  if (!(await hasCommit(store, checksum))) return undefined;
  return store.readJson<CommitManifest>(store.commit(checksum)).catch(() => undefined);
}

/** The commit that a branch of the store names. */
export async function readRef(store: Store, ref: string): Promise<string | undefined> {
  if (refProblem(ref)) return undefined;
  const text = await readFile(join(store.repo, "refs", "heads", ...ref.split("/")), "utf8").catch(() => "");
  return CHECKSUM.test(text.trim()) ? text.trim() : undefined;
}
