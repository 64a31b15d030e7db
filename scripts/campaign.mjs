/** Runs a long program of this repository: makes the machine ready, then starts it with tsx. */
import { join } from "node:path";
import { repository, run, runMain } from "./setup/tell.mjs";
import { setUp } from "./setup.mjs";

/**
 * Runs `main`, a path in the repository, with this process's arguments; ends with its exit code. `only`: whether an
 * argument needs no set-up of the machine. `ends`: `main` handles Ctrl-C itself, and ends what it started.
 */
export function campaign(main, { only = () => false, ends = false } = {}) {
  return runMain(async () => {
    const args = process.argv.slice(2);
    if (!args.some(only)) await setUp();
    if (ends) process.on("SIGINT", () => {});
    const tsx = join(repository, "node_modules", ".bin", "tsx");
    const { exitCode } = await run(tsx, [join(repository, main), ...args], { show: true, ok: true });
    return exitCode;
  });
}
