/** What is made once a machine and kept in the cache, known by what it is made of. */
import { createHash } from "node:crypto";
import { existsSync, readdirSync, renameSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { join } from "node:path";
import { run } from "../../provider/local/run.ts";
import { withLock } from "./vps/key.ts";

/**
 * Folder in `all` of the thing that is made of `parts`; `make` is given an empty folder, and makes the thing in its
 * subfolder `done` when it is not there. One process of the machine at a time makes things in `all`.
 */
export async function keptFolder(
  all: string,
  name: string,
  parts: unknown[],
  make: (work: string) => Promise<void>,
): Promise<string> {
  const digest = createHash("sha256").update(JSON.stringify(parts)).digest("hex");
  const folder = join(all, `${name}-${digest.slice(0, 16)}`);
  if (!existsSync(folder))
    await withLock(all, async () => {
      if (existsSync(folder)) return;
      await removeWork(all); // of a build that was killed: the lock is ours
      const work = await mkdtemp(join(all, "tmp-"));
      try {
        await make(work);
        renameSync(join(work, "done"), folder);
      } finally {
        await removeWork(all);
      }
    });
  return folder;
}

/** Removes work folders; a tree in one may belong to subordinate ids. */
async function removeWork(all: string): Promise<void> {
  const names = readdirSync(all).filter((name) => name.startsWith("tmp-"));
  if (names.length) await asRoot(["-c", 'rm -rf -- "$@"', "rm", ...names.map((name) => join(all, name))], {});
}

/** Runs a script as root, or as root of a user namespace that maps the whole subuid range. */
export async function asRoot(command: string[], env: Record<string, string>): Promise<void> {
  const map = ["unshare", "--map-auto", "--map-root-user", "--setuid", "0", "--setgid", "0"];
  const [file, ...args] = [...(process.getuid?.() === 0 ? [] : map), "sh", ...command];
  await run(file!, args, { timeout: 10 * 60_000, extendEnv: true, env: { ...env, LC_ALL: "C.UTF-8" } });
}
