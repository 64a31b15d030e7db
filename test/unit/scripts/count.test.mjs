/** What `npm test` counts: a test whose preparation failed is no skip. */
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { run } from "../../../provider/local/run.ts";

const repository = fileURLToPath(new URL("../../..", import.meta.url));

/** vitest within vitest needs a process of its own. */
const PROGRAM = `
import { startVitest } from "vitest/node";
import { count, counter } from "./scripts/count.mjs";
const total = count();
const options = { config: false, root: ".", run: true, include: ["test/unit/scripts/count-*.mjs"], reporters: [counter(total, new Set())] };
const vitest = await startVitest("test", [], options);
await vitest.close();
console.log(JSON.stringify(total));
process.exit(0);
`;

it("counts tests whose hook failed as failed, and skips that somebody wrote as skips", async () => {
  const { stdout } = await run("node", ["--input-type=module", "-e", PROGRAM], { cwd: repository, timeout: 50_000 });
  // the failed hooks of two suites, their three tests; one sound test; one written skip in each file
  expect(JSON.parse(stdout.trim().split("\n").at(-1))).toEqual({ passed: 1, failed: 5, skipped: 2 });
});
