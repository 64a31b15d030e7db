/**
 * What must be so: after each `up` that said it was done, and once all have ended. Each answers what is not, in words.
 */
import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { removeLeftovers } from "../../provider/image/namespace/temp.ts";
import { readCommit } from "../../provider/image/ostree/commits.ts";
import { hashFile } from "../../provider/image/store/artifact.ts";
import { manifest, manifestBeside } from "../../provider/image/store/kept-tree.ts";
import { Store } from "../../provider/image/store/store.ts";
import { machineArch } from "../../provider/image/toolbox/arch.ts";
import { toolbox } from "../../provider/image/toolbox/toolbox.ts";
import { openBases } from "../../provider/image/tree/base.ts";
import { readRootfs } from "../../provider/image/tree/record.ts";
import { isAbandoned } from "../../provider/local/holder.ts";
import type { Config } from "../../provider/resource.ts";
import { quietTask } from "../../provider/task.ts";
import type { Done, Made, Stack } from "./pine.ts";

/** Whether what an `up` said it made is there, whole. */
export async function judgeDone(config: Config, { stack, made }: Done): Promise<string[]> {
  const wrong = await judgeStack(config, stack);
  for (const one of made) {
    const problem = await judgeMade(one).catch((e) => String(e));
    if (problem) wrong.push(problem);
  }
  return wrong;
}

async function judgeMade({ path, sha256 }: Made): Promise<string | undefined> {
  if (sha256) return (await hashFile(path)).sha256 === sha256 ? undefined : `${path} is not what was made`;
  const wanted = await readFile(manifestBeside(path), "utf8");
  return (await manifest(path)) === wanted.trim() ? undefined : `${path} is not whole`;
}

/** Whether the store has what the states name. */
export async function judgeStack(config: Config, { rootfs, commit }: Stack): Promise<string[]> {
  const store = Store.at(config.store);
  const wrong: string[] = [];
  const digest = rootfs && String(rootfs.state.digest);
  if (digest && !(await readRootfs(store, digest))) wrong.push(`rootfs ${digest} is gone`);
  if (digest)
    for (const name of [`sboms/${digest}.spdx.json`, `sboms/${digest}.cdx.json`])
      if (!(await store.readJson(store.path(name)).catch(() => undefined))) wrong.push(`${name} is gone or cut`);
  for (const { checksum } of (commit?.state.history ?? []) as { checksum: string }[])
    if (!(await readCommit(store, checksum).catch(() => undefined))) wrong.push(`commit ${checksum} is gone`);
  return wrong;
}

/** What is left and what is damaged once nobody works any more. `tmp`: the folder that is both's /tmp. */
export async function judgeEnd(config: Config, stacks: Stack[], tmp: string): Promise<string[]> {
  const wrong: string[] = [];
  for (const stack of stacks) wrong.push(...(await judgeStack(config, stack)));
  const store = await Store.open(config.store);
  const box = await toolbox({ ...config, arch: machineArch() }, quietTask());
  const bases = await openBases(config.cache);
  for (const { repo } of [store, bases]) {
    const binds = [{ source: repo, target: "/run/repo" }];
    const said = await box.run(["ostree", "fsck", "--repo=/run/repo", "--quiet"], { binds, ok: [0, 1] });
    if (said.exitCode !== 0) wrong.push(`${repo}: ${said.stderr.trim().split("\n").slice(-3).join(" | ")}`);
  }
  for (const folder of [store.path("tmp"), bases.path("tmp"), join(config.cache, "tmp")]) {
    await removeLeftovers(folder);
    for (const name of await readdir(folder)) wrong.push(`${join(folder, name)} is left, and nobody is there`);
  }
  for (const name of await readdir(tmp)) wrong.push(`${join(tmp, name)} is left, and nobody is there`);
  for (const path of [...(await locks(config.store)), ...(await locks(config.cache))])
    if (await isAbandoned(path)) wrong.push(`${path} is a lock that nobody holds`);
  return wrong;
}

/** Locks and their drafts, in a store or cache and the folders just below. */
async function locks(dir: string, deep = 1): Promise<string[]> {
  const found: string[] = [];
  for (const name of await readdir(dir)) {
    const path = join(dir, name);
    if (/^(?!\.)(.*\.)?lock(\.|$)/.test(name)) found.push(path);
    else if (deep > 0 && (await stat(path).catch(() => undefined))?.isDirectory())
      found.push(...(await locks(path, deep - 1)));
  }
  return found;
}
