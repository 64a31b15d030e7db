/**
 * Commits in a folder that any static web server can serve, for hosts that pull. The folder is a separate repository
 * and is whole at every moment.
 */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { die } from "../errors.ts";
import { buildScript } from "../image/namespace/run-in.ts";
import { CHECKSUM, damaged, isDamage, removeDamagedRefs } from "../image/ostree/check.ts";
import type { Workshop } from "../image/ostree/workshop.ts";
import type { Toolbox } from "../image/toolbox/toolbox.ts";
import { writeWhole } from "../local/files.ts";
import { withFileLock } from "../local/lock.ts";
import { RunError } from "../local/run.ts";
import type { Task } from "../task.ts";
import { type Manifest, manifestFile, type Signers } from "../trust/manifest.ts";
import { KeysLost, nextPublication, parseManifestFile, publishedAt, type Statement } from "../trust/publication.ts";

export interface Publication {
  /** Absolute path of an existing folder: empty, or published to before. */
  path: string;
  ref: string;
  checksum: string;
  /** Further commits to offer, the newest first, as far as the folder or the store has them. */
  earlier: string[];
  /** How many of them get a delta to this one. */
  deltas: number;
  /** Whether there is a delta from nothing, for hosts that have none of these commits. */
  fromEmpty: boolean;
  /** Absent: servers cannot pull it by themselves. */
  signing?: { manifest: Manifest; signers: Signers; statement: Statement };
}

/** Where the manifest of a branch lies. */
export const manifestPath = (path: string, ref: string) => join(path, "pine", `${ref}.manifest`);
const keysPath = (path: string, ref: string) => join(path, "pine", `${ref}.keys`);
const textOf = (path: string) => readFile(path, "utf8").catch(() => "");

/** The commit that a folder offers on a branch; undefined: none. */
export async function publishedCommit(path: string, ref: string): Promise<string | undefined> {
  const text = await readFile(join(path, "refs", "heads", ...ref.split("/")), "utf8").catch(() => "");
  return CHECKSUM.test(text.trim()) ? text.trim() : undefined;
}

/** When its manifest of a branch was signed, in seconds since 1970. */
export const publishedSince = async (path: string, ref: string) => publishedAt(await textOf(manifestPath(path, ref)));

/** Why a folder cannot be published to. Only looks, and writes nothing. */
export async function publishProblem(path: string): Promise<string | undefined> {
  const names = await readdir(path).catch((e: NodeJS.ErrnoException) => e.code ?? "unknown");
  if (names === "ENOENT") return "is not there: make it, and let the web server read it";
  if (names === "ENOTDIR") return "is not a folder";
  if (typeof names === "string") return `cannot be read (${names})`;
  if (names.length === 0) return undefined;
  const config = await readFile(join(path, "config"), "utf8").catch(() => "");
  return /^mode=archive(-z2)?$/m.test(config) ? undefined : "holds something else: give an empty folder";
}

/** Makes an existing folder an empty repository, unless it is a repository already. */
export async function initPublished(path: string, toolbox: Toolbox, task: Task): Promise<void> {
  const binds = [buildScript("publish/publish.sh"), { source: path, target: "/run/out" }];
  await toolbox.run(["/bin/sh", "/run/publish.sh"], { binds, signal: task.signal });
}

/**
 * Publishes a commit of the store. Only one process at a time publishes into a folder. An interrupted one leaves the
 * folder as it was served before, and the next one goes on.
 */
export async function publish(workshop: Workshop, p: Publication): Promise<void> {
  const { store, toolbox, task } = workshop;
  const problem = await publishProblem(p.path);
  if (problem) die(`publish.folder: ${p.path} ${problem}`);
  await withFileLock(join(p.path, ".pine.lock"), `publishing ${p.ref}`, task, async () => {
    await removeDamagedRefs(p.path);
    task.step(p.fromEmpty ? "publishing; the delta from nothing takes a minute" : "publishing");
    const binds = [
      buildScript("publish/publish.sh"),
      buildScript("image/ostree/prune.sh"),
      { source: store.repo, target: "/run/repo", readOnly: true },
      { source: p.path, target: "/run/out" },
    ];
    const argv = [p.ref, p.checksum, String(p.deltas), p.fromEmpty ? "1" : "0", ...p.earlier];
    await toolbox.run(["/bin/sh", "/run/publish.sh", ...argv], { binds, signal: task.signal }).catch((e) => {
      const [, from] = /^pine: from the store: ([0-9a-f]{64})$/m.exec(e instanceof RunError ? e.stderr : "") ?? [];
      if (from && isDamage(e)) return damaged(workshop, from, e);
      throw e;
    });
    // comes last: it names the commit, which is complete by now
    if (p.signing) await sign(p.path, p.ref, p.signing);
  });
}

async function sign(path: string, ref: string, { manifest, signers, statement }: NonNullable<Publication["signing"]>) {
  const before = {
    manifest: parseManifestFile(await textOf(manifestPath(path, ref))),
    keys: await textOf(keysPath(path, ref)),
  };
  try {
    const next = nextPublication(manifest, signers, statement, before, Math.floor(Date.now() / 1000));
    if (next.keys) await writeWhole(keysPath(path, ref), next.keys);
    await writeWhole(manifestPath(path, ref), manifestFile(next.manifest));
  } catch (e) {
    if (!(e instanceof KeysLost)) throw e;
    die(
      `publish: servers that pull ${ref} trust ${e.message}, and none of them signs this commit`,
      "set oldSigningKey of the OstreeCommit to one of these keys, so that the servers learn the new one by it",
    );
  }
}
