/** SPDX' own validator (spdx-tools for Python), in a folder of the user's cache. */
import { createHash } from "node:crypto";
import { mkdir, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { RunError, run } from "../../../provider/local/run.ts";
import { cachePath, exists } from "../mirror/cache.ts";
import { withLock } from "../mirror/lock.ts";

const REQUIREMENTS = join(import.meta.dirname, "requirements.txt");

/** The folder with the validator, made once for these versions and this Python. Fetched with pip; hashes decide. */
async function ensureTools(): Promise<string> {
  const python = await run("python3", ["--version"], { timeout: 60_000 });
  const hash = createHash("sha256")
    .update(await readFile(REQUIREMENTS))
    .update(python.stdout);
  const tools = await cachePath("..", "tools");
  const folder = join(tools, `spdx-${hash.digest("hex").slice(0, 16)}`);
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
      REQUIREMENTS,
    ];
    await run("python3", ["-m", "pip", "install", ...args], { timeout: 900_000 });
    await rename(draft, folder);
  });
  return folder;
}

/** What the validator says against an SPDX document; none when it is valid. Its name ends in .spdx.json. */
export async function spdxProblems(file: string): Promise<string[]> {
  const tools = await ensureTools();
  const args = ["-B", "-s", "-m", "spdx_tools.spdx.clitools.pyspdxtools", "-i", file];
  const options = { env: { PYTHONPATH: tools }, extendEnv: true, timeout: 300_000, ok: [0, 1] };
  const { stdout, stderr, exitCode } = await run("python3", args, options);
  const said = `${stdout}\n${stderr}`.split("\n").filter((line) => line.trim() !== "");
  if (exitCode === 0) return [];
  // 1 is also what Python itself ends with
  if (!said.some((line) => /^ERROR:/.test(line)))
    throw new RunError(`SPDX' validator failed: ${said.join(" / ")}`, { exitCode, stdout, stderr, timedOut: false });
  return said.map((line) => line.replace(/^ERROR:root:/, ""));
}
