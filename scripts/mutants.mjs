/** `npm run mutants`: makes the machine ready, then runs test/mutants/main.ts. */
import { join } from "node:path";
import { repository, run, runMain } from "./setup/tell.mjs";
import { setUp } from "./setup.mjs";

runMain(async () => {
  const args = process.argv.slice(2);
  if (!args.some((arg) => arg === "--help" || arg === "--list")) await setUp();
  const tsx = join(repository, "node_modules", ".bin", "tsx");
  const main = join(repository, "test", "mutants", "main.ts");
  const { exitCode } = await run(tsx, [main, ...args], { show: true, ok: true });
  return exitCode;
});
