/**
 * A disk that gets full while a commit is deployed: one error, what boots stays, and the commit goes. The agent with a
 * real OSTree on a tmpfs.
 */
import { readdirSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { fullDisk } from "../../../provider/host/ssh/full.ts";
import { RunError } from "../../../provider/local/run.ts";
import { Sysroot } from "./sysroot-tools.ts";

describe.each([[["dash"]], [["busybox", "sh"]]])("%j", (shell) => {
  let s: Sysroot;
  beforeAll(async () => {
    s = await Sysroot.make();
    s.shell = shell;
  }, 300_000);
  afterAll(() => s?.end());

  test("at any point in between; with room it comes", async () => {
    let failures = 0;
    let wanted = await s.commit("2");
    for (let freeKib = 0; ; freeKib += 8) {
      const { exitCode, stderr } = await s.pine("a", ["deploy", wanted, "Pine 2"], { ok: [0, 1], freeKib });
      if (exitCode === 0) break;
      failures++;
      const error = new RunError(stderr, { stdout: "", stderr, timedOut: false });
      expect(fullDisk(error, "root@192.0.2.1")?.message, stderr).toMatch(/ has no room for the new system: .*No space/);
      expect([s.bootable(), s.deployments(), readdirSync(s.slots).sort()]).toEqual([
        { a: "1" },
        ["1"],
        ["a.cfg", "env", "install"],
      ]);
      // what an update brought goes, or the disk would stay full
      expect(await s.has(wanted), `with ${freeKib} KiB: ${stderr}`).toBe(false);
      wanted = await s.commit("2");
    }
    expect(failures).toBeGreaterThan(1);
    expect([s.bootable(), s.deployments()]).toEqual([{ a: "1", b: "2" }, ["1", "2"]]);
  }, 600_000);
});
