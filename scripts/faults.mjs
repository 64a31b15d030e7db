/** `npm run faults`: makes the machine ready, then runs test/faults/main.ts. */
import { join } from "node:path";
import { repository, run, runMain } from "./setup/tell.mjs";
import { setUp } from "./setup.mjs";

runMain(async () => {
  const args = process.argv.slice(2);
  if (!args.some((arg) => arg === "--help" || arg.startsWith("--summary"))) await setUp();
  process.on("SIGINT", () => {}); // the campaign gets it too, and takes its servers down
  const tsx = join(repository, "node_modules", ".bin", "tsx");
  const main = join(repository, "test", "faults", "main.ts");
  const { exitCode } = await run(tsx, [main, ...args], { show: true, ok: true });
  return exitCode;
});
