/** `npm run bench`: makes the machine ready, then runs bench/main.ts. */
import { join } from "node:path";
import { repository, run, runMain } from "./setup/tell.mjs";
import { setUp } from "./setup.mjs";

runMain(async () => {
  const args = process.argv.slice(2);
  await setUp();
  const tsx = join(repository, "node_modules", ".bin", "tsx");
  const main = join(repository, "bench", "main.ts");
  const { exitCode } = await run(tsx, [main, ...args], { show: true, ok: true });
  return exitCode;
});
