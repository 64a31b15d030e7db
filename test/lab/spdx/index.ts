/** SPDX' own validator (spdx-tools for Python), in a folder of the user's cache. */
import { join } from "node:path";
import { RunError, run } from "../../../provider/local/run.ts";
import { pythonPackages } from "../python/packages.ts";

const REQUIREMENTS = join(import.meta.dirname, "requirements.txt");

/** What the validator says against an SPDX document; none when it is valid. Its name ends in .spdx.json. */
export async function spdxProblems(file: string): Promise<string[]> {
  const tools = await pythonPackages("spdx", REQUIREMENTS);
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
