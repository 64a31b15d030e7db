/** What keeps many servers from acting in the same second: pieces of libexec/pine/upgrade, in both shells. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { asset } from "../../../provider/assets.ts";

const work = mkdtempSync(join(tmpdir(), "pine-update-spread-"));
afterAll(() => rmSync(work, { recursive: true }));
const lib = asset("system/rootfs/usr/libexec/pine");

function sh(shell: string[], text: string): string {
  const sources = ["words", "pulling", "window"].map((name) => `. ${lib}/${name}`).join("\n");
  const script = `set -eu\nmemory() { echo ${work}; }\nrun=${work} work=${work}\n${sources}\n${text}`;
  const env = { PATH: process.env.PATH };
  return execFileSync(shell[0]!, [...shell.slice(1), "-c", script], { encoding: "utf8", env, timeout: 150_000 }).trim();
}
/** The most that fall on one number. */
const crowd = (all: number[]) => Math.max(...all.map((one) => all.filter((other) => other === one).length));

describe.each([["dash"], ["busybox", "sh"]])("by %s", (...shell) => {
  // the last minute at which a reboot of 20 min ends inside
  test.each([
    [120, 63, 99, 9],
    [30, 9, 9, 1],
  ])("twenty servers in a window of %i min (27: rebootmgr#10, coreos/bugs#2610)", (minutes, before, last, step) => {
    const opens = sh(
      shell,
      `local_time() { case $1 in +%u) echo 3 ;; *) echo "$minute" ;; esac; }
      for n in $(seq 20); do
        printf 'id=server-%s\\nwindow=all 00:00 ${minutes}\\nworst=20\\n' "$n" >${work}/updates
        first='' end=''
        for minute in $(seq 0 ${step} ${last + step}); do
          if in_window; then first=\${first:-$minute} end=$minute; fi
        done
        echo "$first $end"
      done`,
    )
      .split("\n")
      .map((line) => line.split(" ").map(Number));
    const [begins, ends] = [opens.map((o) => o[0]!), opens.map((o) => o[1]!)];
    expect(Math.max(...ends)).toBe(last);
    expect(Math.min(...ends)).toBe(last);
    expect(Math.max(...begins)).toBeLessThanOrEqual(before);
    expect(Math.max(...begins) - Math.min(...begins)).toBeGreaterThan(before / 2);
    expect(crowd(begins)).toBeLessThanOrEqual(7);
  });

  test("twenty clients of a server that is down: apart, the same in each run, and never longer than so (29: fleet#3271, elastic-agent#13874)", () => {
    const waits = () =>
      sh(
        shell,
        `seconds() { echo 1000000; }; now() { echo t; }
        state_value() { echo "$had"; }; note_state() { for w; do case $w in next=*) echo "\${w#next=}" ;; esac; done; }
        for n in $(seq 20); do
          printf 'id=server-%s\\nevery=86400\\n' "$n" >${work}/updates
          for had in 0 1 4 12 9999; do failed why; done | paste -s -d ' ' -
        done`,
      )
        .split("\n")
        .map((line) => line.split(" ").map((next) => Number(next) - 1_000_000));
    const seen = waits();
    expect(waits()).toEqual(seen);
    for (const [at, least] of [300, 600, 4800, 86_400, 86_400].entries()) {
      const all = seen.map((server) => server[at]!);
      expect(crowd(all)).toBeLessThanOrEqual(3);
      expect([Math.min(...all) >= least, Math.max(...all) <= least * 1.5]).toEqual([true, true]);
      expect(Math.max(...all) - Math.min(...all)).toBeGreaterThan(least / 5);
    }
  });
});
