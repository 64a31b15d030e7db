/** `npm run demo`: makes the machine ready, then runs examples/server/demo.ts. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { repository, run, runMain, SetupError } from "./setup/tell.mjs";
import { setUp } from "./setup.mjs";

runMain(async () => {
  await setUp();
  const demo = join(repository, "examples", "server", "demo.ts");
  if (!existsSync(demo)) throw new SetupError("examples/server/demo.ts is not there");
  process.on("SIGINT", () => {}); // the demo gets it too, and stops its servers
  const tsx = join(repository, "node_modules", ".bin", "tsx");
  const { exitCode } = await run(tsx, [demo, ...process.argv.slice(2)], { show: true, ok: true });
  return exitCode;
});
