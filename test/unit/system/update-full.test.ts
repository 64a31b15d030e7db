/**
 * A disk that gets full under an update: one error, what OSTree half wrote goes, and as much is free as before. A real
 * OSTree in memory of a few MB.
 */
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { fullDisk } from "../../../provider/host/ssh/full.ts";
import { RunError } from "../../../provider/local/run.ts";
import { repository, settings, step, withRepository } from "./a-running.ts";
import { makeServer, runOn, SHELLS, type Step, workFolder } from "./a-server.ts";
import { sha256 } from "./a-sysroot.ts";

const work = mkdtempSync(join(tmpdir(), "pine-update-full-"));
afterAll(() => rmSync(work, { recursive: true }));
const BYTES = 6_000_000;
const made = repository(work, BYTES);
const name = sha256(made.delta);
const size = String(made.delta.length);
/** KiB. */
const [deltaKib, keptFree] = [Math.ceil(made.delta.length / 1024), 16 * 1024];
const free = `df -kP / | { read -r _; read -r _ _ _ n _; echo "free $n"; }`;
const after = `${free}; for f in $(ls -A /sysroot/ostree/repo/tmp /sysroot/ostree/deploy/pine/var/lib/pine 2>/dev/null); do
    case $f in /*: | cache) ;; *) echo "$f is left" ;; esac
  done
  ostree show --repo=/sysroot/ostree/repo ${made.second} >/dev/null 2>&1 && echo "the commit is there"
  ostree fsck --repo=/sysroot/ostree/repo >/dev/null 2>&1 && echo whole`;

describe.each(SHELLS)("%s", (shell) => {
  /**
   * Runs steps with so many KiB free. Answers the error for a person, what was free before and after, and what is
   * there.
   */
  async function withFree(kib: number, steps: Step[]) {
    const dir = workFolder();
    try {
      const root = join(dir, "root");
      makeServer(root, shell);
      withRepository(root, made.repo);
      rmSync(join(root, "sysroot/ostree/repo/tmp/staging-boot-XXXXXX"), { recursive: true });
      expect(existsSync(join(root, "sysroot/ostree/repo/config"))).toBe(true);
      const run = (steps: Step[], kib: number) => runOn(root, steps, { ...settings(work), memory: { kib, after } });
      const freeOf = (text: string) => Number(/free (\d+)/.exec(text.split("=== seen")[1]!)?.[1]);
      const total = 100_000;
      const used = total - freeOf((await run([], total)).stdout);
      const r = await run(steps, used + kib);
      const error = new RunError(r.stderr, { stdout: "", stderr: r.stderr, timedOut: false });
      const seen = r.stdout.split("=== seen\n")[1]!;
      return {
        code: r.code,
        said: fullDisk(error, "root@192.0.2.1")?.message ?? r.stderr,
        free: freeOf(r.stdout),
        seen,
      };
    } finally {
      rmSync(dir, { recursive: true });
    }
  }
  const receive = step(["receive", name, size, "0", made.second], made.delta);
  const nothing = /^free \d+\nwhole\n$/;

  it("with enough room it comes", async () => {
    const r = await withFree(keptFree + 2 * deltaKib + 1000, [step(["part", name, size]), receive, step(["forget"])]);
    expect([r.code, r.said]).toEqual([0, ""]);
    expect(r.seen).toMatch(/the commit is there\nwhole\n$/);
  });

  it("known beforehand: nothing is sent, and so much is missing", async () => {
    const there = keptFree + deltaKib - 3000;
    const r = await withFree(there, [step(["part", name, size]), receive]);
    expect(r.code).toBe(1);
    const missing = Number(/ so (\d+) KiB are missing; free some space/.exec(r.said)?.[1]);
    expect(Math.abs(missing - 3000)).toBeLessThan(100);
    expect(r.seen).toMatch(nothing);
    expect(Math.abs(r.free - there)).toBeLessThan(20);
  });

  it.each([
    ["while it is applied, beyond what OSTree keeps free", keptFree + deltaKib + 1000],
    ["while it is applied, to the last block", deltaKib + 1000],
    ["while it is sent", deltaKib - 1000],
  ])("%s: one error, and nothing stays", async (_, there) => {
    const r = await withFree(there, [receive]);
    expect(r.code).toBe(1);
    expect(r.said).toMatch(
      /^root@192.0.2.1 has no room for the new system: .*(KiB are missing|\d+ KiB are free, the update takes more)/,
    );
    expect(r.said.split("\n")).toHaveLength(1);
    expect(r.seen).toMatch(nothing);
    expect(Math.abs(r.free - there)).toBeLessThan(20);
    if (process.env.PINE_STOPS) console.log(r.said);
  });
});
