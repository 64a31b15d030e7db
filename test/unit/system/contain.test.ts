/**
 * contain.sh, told to end at any moment: what it started ends, also where it was told before it knew whom it had
 * started.
 */
import { spawn } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, it } from "vitest";
import { asset } from "../../../provider/assets.ts";
import { run } from "../../../provider/local/run.ts";

/** Nobody else's: that of this process, in seconds that no test lasts. */
const seconds = `${10_000_000 + process.pid}`;
const alive = async () =>
  (await run("pgrep", ["-f", `^sleep ${seconds}`], { ok: [0, 1] })).stdout.split("\n").filter(Boolean);

/** Waits without letting go of the processor: moments of a tenth of a millisecond. */
function spin(us: number): void {
  const since = process.hrtime.bigint();
  while (Number(process.hrtime.bigint() - since) < us * 1000);
}

it("nothing is left, whenever it is told", async () => {
  for (let n = 0; n < 200; n++) {
    const argv = [asset("image/namespace/contain.sh"), "/bin/sh", "-c", `sleep ${seconds} & sleep ${seconds}`];
    const child = spawn("/bin/sh", argv, { stdio: ["ignore", "pipe", "pipe"] });
    const closed = new Promise<string>((done) => child.on("close", () => done("ended")));
    await sleep(0);
    const us = (n % 100) * 60;
    spin(us);
    child.kill("SIGTERM");
    // its output is open as long as anything of it lives
    const how = await Promise.race([closed, sleep(20_000, `lives, told after ${us} µs`)]);
    for (const pid of how === "ended" ? [] : await alive()) process.kill(Number(pid), "SIGKILL");
    expect(how).toBe("ended");
  }
  expect(await alive()).toEqual([]);
});
