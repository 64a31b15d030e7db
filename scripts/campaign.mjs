/** A long program of the repository's own: makes the machine ready, then runs it by tsx. */
import { join } from "node:path";
import { repository, run, runMain } from "./setup/tell.mjs";
import { setUp } from "./setup.mjs";

/**
 * Runs `main`, a path in the repository, with the arguments that we were given; ends with its exit code. `only`:
 * whether an argument asks for what needs no machine made ready. `ends`: it gets Ctrl-C too, and ends what it started.
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
