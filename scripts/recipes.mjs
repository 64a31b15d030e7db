/** `npm run recipes`: makes the machine ready, then runs test/recipes/main.ts. */
import { join } from "node:path";
import { repository, run, runMain } from "./setup/tell.mjs";
import { setUp } from "./setup.mjs";

runMain(async () => {
  const args = process.argv.slice(2);
  if (!args.includes("--help")) await setUp();
  process.on("SIGINT", () => {}); // the campaign gets it too, and ends what it started
  const tsx = join(repository, "node_modules", ".bin", "tsx");
  const main = join(repository, "test", "recipes", "main.ts");
  const { exitCode } = await run(tsx, [main, ...args], { show: true, ok: true });
  return exitCode;
});
