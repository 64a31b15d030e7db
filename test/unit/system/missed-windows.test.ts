/** Windows that passed with an update waiting: pieces of libexec/pine/upgrade, by both shells (fleet.md 28). */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeEach, describe, expect, test } from "vitest";
import { asset } from "../../../provider/assets.ts";
import { updateNotes } from "../../../provider/host/updates/notes.ts";

const work = mkdtempSync(join(tmpdir(), "pine-missed-"));
afterAll(() => rmSync(work, { recursive: true }));
const lib = asset("system/rootfs/usr/libexec/pine");
const at = (text: string) => Date.parse(`${text}Z`) / 1000;
const iso = (seconds: number) => new Date(seconds * 1000).toISOString().slice(0, 16);
const HOUR = 3600;
const DAY = 24 * HOUR;

const sh = (shell: string[], text: string) => {
  const pieces = ["words", "flush", "system", "trials", "pulling", "window"]
    .map((name) => `. ${lib}/${name}`)
    .join("\n");
  const script = `set -eu\ndir=${work}\n${pieces}\nmemory() { echo ${work}; }\nwork=${work}\n${text}`;
  const env = { PATH: process.env.PATH };
  return execFileSync(shell[0]!, [...shell.slice(1), "-c", script], { encoding: "utf8", env, timeout: 50_000 }).trim();
};
const settings = (...lines: string[]) => writeFileSync(join(work, "updates"), lines.map((l) => `${l}\n`).join(""));

describe.each([["dash"], ["busybox", "sh"]])("by %s", (...shell) => {
  // 2026-11-30 is a Monday
  test.each<[string, string[], string, string]>([
    ["tonight", ["window=all 03:00 120"], "2026-11-30T01:00", "2026-11-30T05:00"],
    ["the one that is open", ["window=all 03:00 120"], "2026-11-30T04:00", "2026-11-30T05:00"],
    ["at its end, the next", ["window=all 03:00 120"], "2026-11-30T05:00", "2026-12-01T05:00"],
    ["on its days", ["window=sat,sun 03:00 120"], "2026-11-30T01:00", "2026-12-05T05:00"],
    ["a week later", ["window=mon 03:00 120"], "2026-11-30T05:00", "2026-12-07T05:00"],
    ["yesterday's, over midnight", ["window=sun 23:30 120"], "2026-11-30T00:30", "2026-11-30T01:30"],
    ["a whole day", ["window=all 00:00 1440"], "2026-11-30T12:00", "2026-12-01T00:00"],
    ["the first of two", ["window=wed 03:00 60", "window=tue 22:00 60"], "2026-11-30T12:00", "2026-12-01T23:00"],
    [
      "in a zone",
      ["window=all 03:00 60", "timezone=CET-1CEST,M3.5.0,M10.5.0/3"],
      "2026-11-30T00:00",
      "2026-11-30T03:00",
    ],
    [
      "in its summer",
      ["window=all 03:00 60", "timezone=CET-1CEST,M3.5.0,M10.5.0/3"],
      "2026-07-01T00:00",
      "2026-07-01T02:00",
    ],
    [
      "over a short day",
      ["window=sun 23:00 30", "timezone=CET-1CEST,M3.5.0,M10.5.0/3"],
      "2026-03-28T23:30",
      "2026-03-29T21:30",
    ],
  ])("the next window ends: %s", (_, lines, now, end) => {
    settings(...lines);
    expect(iso(Number(sh(shell, `window_end ${at(now)}`)))).toBe(end);
  });

  const state = (name: string) => sh(shell, `state_value ${name}`);
  /** What the service does at a moment, of a boot that began so many seconds before. */
  const tick = (now: number, uptime: number, o: { boot?: string; staged?: string; waiting?: string } = {}) => {
    const { boot = "1", staged = "c", waiting } = o;
    return sh(
      shell,
      `seconds() { echo ${now}; }; uptime_seconds() { echo ${uptime}; }; boot_id() { echo ${boot}; }
      staged_commit() { echo ${staged}; }
      ${waiting ? `note_state "waiting=${waiting}"` : ""}
      count_missed; state_value missed`,
    );
  };
  const noon = at("2026-11-30T12:00");
  beforeEach(() => {
    rmSync(join(work, "pull"), { recursive: true, force: true });
    mkdirSync(join(work, "pull"));
    settings("reboot=window", "window=all 03:00 60");
  });

  test("each window that passes counts once, with what kept the last one from being taken", () => {
    expect(tick(noon, 100)).toBe("0");
    expect(tick(noon + 60, 160)).toBe("0");
    for (let n = 1; n <= 4; n++) {
      tick(noon + n * DAY - 8.5 * HOUR, 100 + n * DAY - 8.5 * HOUR, { waiting: `the turn of another ${n}` });
      expect(tick(noon + n * DAY, 100 + n * DAY)).toBe(String(n));
      expect(state("missed_why")).toBe(`the turn of another ${n}`);
    }
  });
  test("those that passed while it was off count, too: nine at most", () => {
    tick(noon, 100);
    expect(tick(noon + 2.5 * DAY, 60, { boot: "2" })).toBe("2");
    expect(tick(noon + 900 * DAY, 60, { boot: "3" })).toBe("9");
  });
  test.each<[string, number]>([
    ["a year ahead", 365 * DAY],
    ["ten years back", -3650 * DAY],
    ["to the next day", DAY],
    ["to the day before", -DAY],
  ])("a clock that is set %s counts nothing, and then counts on", (_, jump) => {
    tick(noon, 100);
    expect(tick(noon + jump, 160)).toBe("0");
    tick(noon + jump + DAY, 160 + DAY);
    const missed = Number(tick(noon + jump + 2 * DAY, 160 + 2 * DAY));
    expect(missed).toBeGreaterThanOrEqual(1);
    expect(missed).toBeLessThanOrEqual(2);
  });
  test("a clock of 1970 after a start waits until it is set (30: jetkvm#576)", () => {
    tick(noon, 100);
    sh(shell, `note_state published=${noon - DAY}`);
    tick(100, 60, { boot: "2" });
    expect(tick(noon + 2 * DAY, 120, { boot: "2" })).toBe("2");
  });
  test("nothing waits any more, or no window is waited for: it begins anew", () => {
    tick(noon, 100);
    expect(tick(noon + DAY, 100 + DAY)).toBe("1");
    expect(tick(noon + DAY, 100 + DAY, { staged: "''" })).toBe("");
    expect(state("window_end")).toBe("");
    tick(noon + DAY, 100 + DAY);
    settings("reboot=now");
    expect([tick(noon + 3 * DAY, 100 + 3 * DAY), state("missed")]).toEqual(["", ""]);
  });
  test("status tells the number, and after three of them what it is", () => {
    const told = (missed: number) => {
      writeFileSync(join(work, "pull/state"), `missed=${missed}\nmissed_why=held since t: r\n`);
      settings("url=http://u", "reboot=window");
      const text = `memory=${work}; file_value() { sed -n "s/^$1=//p" "$2"; }; . ${lib}/told; update_facts`;
      return sh(shell, text)
        .split("\n")
        .filter((line) => /^updates(Missed|Late)/.test(line));
    };
    const late = (n: string) => `updatesLate=${n} windows passed with an update waiting: held since t: r`;
    expect([told(0), told(2), told(3), told(9)]).toEqual([
      [],
      ["updatesMissed=2"],
      ["updatesMissed=3", late("3")],
      ["updatesMissed=9", late("9 or more")],
    ]);
  });
});

test("a refresh tells it after three", () => {
  const notes = (missed: string) => updateNotes({ updates: { digest: "d", state: { missed, missed_why: "r" } } });
  expect([notes("2"), notes("3")]).toEqual([[], ["3 windows passed with an update waiting: r"]]);
});
