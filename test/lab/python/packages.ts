/** Packages of Python for a test, in a folder of the user's cache. */
import { createHash } from "node:crypto";
import { mkdir, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { run } from "../../../provider/local/run.ts";
import { cachePath, exists } from "../mirror/cache.ts";
import { withLock } from "../mirror/lock.ts";

/** The folder for PYTHONPATH, made once for these versions and this Python. Fetched with pip; hashes decide. */
export async function pythonPackages(name: string, requirements: string): Promise<string> {
  const python = await run("python3", ["--version"], { timeout: 60_000 });
  const hash = createHash("sha256")
    .update(await readFile(requirements))
    .update(python.stdout);
  const folder = join(await cachePath("..", "tools"), `${name}-${hash.digest("hex").slice(0, 16)}`);
  if (await exists(folder)) return folder;
  await withLock(`${folder}.lock`, async () => {
    if (await exists(folder)) return;
    const draft = `${folder}.${process.pid}`;
    await rm(draft, { recursive: true, force: true });
    await mkdir(draft);
    // into a folder: a Debian without python3-venv has no ensurepip, and its own Python is not to be changed
    const args = [
      "--quiet",
      "--no-deps",
      "--require-hashes",
      "--only-binary=:all:",
      "--target",
      draft,
      "-r",
      requirements,
    ];
    await run("python3", ["-m", "pip", "install", ...args], { timeout: 900_000 });
    await rename(draft, folder);
  });
  return folder;
}
