/** Tests that need root on this machine: an ordinary user's run starts their file once more, by sudo. */
import { dirname, join } from "node:path";
import { test } from "vitest";
import { run } from "../../provider/local/run.ts";
import { pulumiBinary } from "../lab/pulumi.ts";

export const isRoot = process.getuid?.() === 0;

/** For a test file that is not root: one test, which is the whole file of that group as root. */
export function asRootBySudo(group: string, file: string): void {
  test("as root, by sudo", async () => {
    const vitest = join(import.meta.dirname, "../../node_modules/.bin/vitest");
    const argv = [
      "-n",
      "env",
      `PATH=${dirname(pulumiBinary())}:${process.env.PATH}`,
      vitest,
      "run",
      "--project",
      group,
      file,
    ];
    await run("sudo", argv, { cwd: join(import.meta.dirname, "../.."), timeout: 1_700_000 });
  });
}
