/**
 * Many servers of one update server: that they do not come together. Pieces of libexec/pine, by the shell that servers
 * have; the same rules by both shells are in update-spread.
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { asset, assetText } from "../../../provider/assets.ts";

const work = mkdtempSync(join(tmpdir(), "pine-herds-"));
afterAll(() => rmSync(work, { recursive: true }));
mkdirSync(join(work, "pull"));
const lib = asset("system/rootfs/usr/libexec/pine");

function sh(shell: string[], script: string): string {
  const env = { PATH: process.env.PATH };
  return execFileSync(shell[0]!, [...shell.slice(1), "-c", script], { encoding: "utf8", env, timeout: 150_000 }).trim();
}
/** Numbers that a text prints after the pieces; each server's settings are `$settings` with an identity of its own. */
function each(shell: string[], servers: number, settings: string, text: string): number[][] {
  const pieces = "words flush system trials pulling window".split(" ").map((name) => `. ${lib}/${name}`);
  const out = sh(
    shell,
    `set -eu\ndir=${work} work=${work}\n${pieces.join("\n")}\nmemory() { echo ${work}; }\nn=0
    while [ $n -lt ${servers} ]; do
      printf 'id=server-%s\\n${settings}' $n >${work}/updates
      : >${work}/pull/state
      ${text}
      echo
      n=$((n + 1))
    done`,
  );
  return out.split("\n").map((line) => line.trim().split(" ").map(Number));
}
const most = (times: number[]) => Math.max(...times.map((a) => times.filter((b) => a === b).length));

describe.each([["busybox", "sh"]])("by %s", (...shell) => {
  test("twenty servers enter a window over its first half, none too late (27: rebootmgr#10, coreos/bugs#2610)", () => {
    const asked = `minute=0
      local_time() { case $1 in +%u) echo 3 ;; *) echo $minute ;; esac; }
      until in_window; do minute=$((minute + 1)); done
      printf '%s ' $minute
      minute=99; ! in_window || printf '%s ' 99
      minute=100; ! in_window || printf '%s ' 100`;
    const found = each(shell, 20, "window=all 00:00 120\\nworst=20\\n", asked);
    const begins = found.map(([begin]) => begin!);
    expect(found.map((line) => line.slice(1))).toEqual(begins.map(() => [99]));
    expect([Math.min(...begins) < 15, Math.max(...begins) > 40, Math.max(...begins) < 60]).toEqual([true, true, true]);
    expect(most(begins)).toBeLessThanOrEqual(4);
  });

  test("an update server that fails all in one second, and for two hours: no echo (29: fleet#3271)", () => {
    const asks = `now=1764547200
      seconds() { echo $now; }
      end=$((now + 7200))
      while [ $now -lt $end ]; do
        failed "no answer"
        now=$(state_value next)
        printf '%s ' $now
      done`;
    const run = () => each(shell, 20, "every=86400\\n", asks);
    const servers = run();
    expect(most(servers.flat())).toBeLessThanOrEqual(3);
    expect(servers.every((times) => times.every((t, n) => n === 0 || t > times[n - 1]! + 300))).toBe(true);
    expect(run()).toEqual(servers);
  });

  const service = (id: string, answers: string[]) => {
    writeFileSync(join(work, "updates"), `id=${id}\n`);
    writeFileSync(join(work, "slept"), "");
    writeFileSync(join(work, "answers"), answers.map((line) => `${line}\n`).join(""));
    const upgrade = `#!/bin/sh\nline=$(head -n 1 ${work}/answers)\nsed -i 1d ${work}/answers\neval "$line"\n`;
    writeFileSync(join(work, "upgrade"), upgrade, { mode: 0o755 });
    const text = assetText("system/rootfs/usr/libexec/pine/updates")
      .replaceAll("/usr/libexec/pine/upgrade", join(work, "upgrade"))
      .replaceAll("/var/lib/pine/updates", join(work, "updates"));
    const out = sh(shell, `sleep() { echo "$1"; }\n${text}`);
    return out.split("\n").map(Number);
  };
  test("after a power cut each looks at a moment of its own (29: tunneldigger#151)", () => {
    const pauses = Array.from({ length: 20 }, (_, n) => service(`server-${n}`, ["exit 3"])[0]!);
    expect([Math.min(...pauses) >= 30, Math.max(...pauses) <= 300, most(pauses) <= 3]).toEqual([true, true, true]);
    expect(service("server-7", ["exit 3"])[0]).toBe(pauses[7]);
  });
  test("its loop goes on, whatever a look answers, until no updates are set (74: FCOS#1608)", () =>
    expect(
      service("server-1", ["echo 1800", "exit 1", "echo soon", "echo 0", "kill -9 $$", "exit 3"]).slice(1),
    ).toEqual([1800, 300, 300, 300, 300]));
});
