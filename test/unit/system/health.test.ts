/** What a server finds out about itself (libexec/pine/health), by checks that are sound, lost, and hostile. */
import { execFileSync } from "node:child_process";
import { symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { type HealthServer, healthServer, type Looked, look, untimed } from "./a-health.ts";
import { SHELLS } from "./a-server.ts";

const LEFT = /^checked=\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ uptime=\d+ ran=\d+ of=\d+ result=(green|red)$/;
/** What was printed is what was left, in the form that others read. */
function sound(seen: Looked): Looked {
  expect(seen.stderr).toBe("");
  expect(seen.first).toMatch(LEFT);
  expect(seen.left).toBe(`${[seen.first, ...seen.lines].join("\n")}\n`);
  for (const line of seen.lines) expect(line).toMatch(/^[A-Za-z0-9._?-]+ (ok|red|warn) \d+\.\d\d( [ -~]{1,200})?$/);
  return seen;
}
/** `ran=… of=… result=…`, exit code, lines. */
const told = ({ first, exit, lines }: Looked) => [first.replace(/^.*(?=ran=)/, ""), exit, ...untimed(lines)];

describe.each(SHELLS)("%s", (shell) => {
  const seen = async (o: HealthServer, script?: string) => sound(await look(healthServer(shell, o), script));

  it.each<[string, HealthServer, unknown[]]>([
    ["no checks at all", {}, ["ran=0 of=0 result=green", 0]],
    [
      "all is well: in the order of names, of both folders",
      { image: { b: "exit 0", "a-1": "echo fine" }, own: { a: "true", c: "true" } },
      ["ran=4 of=4 result=green", 0, "a ok", "a-1 ok fine", "b ok", "c ok"],
    ],
    [
      "one that fails decides, one that is not required does not",
      { image: { a: "# timeout=5 required=no\necho hm; exit 3", b: "exit 7" }, own: { c: "#required=no\nfalse" } },
      ["ran=3 of=3 result=red", 1, "a warn hm", "b red exit code 7", "c warn exit code 1"],
    ],
    [
      "warnings alone are green",
      { own: { a: "# required=no\nfalse" } },
      ["ran=1 of=1 result=green", 0, "a warn exit code 1"],
    ],
    [
      "fewer than there are to be",
      { image: { a: "true", b: "true" }, count: "4\n" },
      ["ran=2 of=4 result=red", 1, "a ok", "b ok", "health.count red 2 of 4 ran"],
    ],
    [
      "their folder is lost",
      { count: "5\n", own: { mine: "true" } },
      ["ran=1 of=6 result=red", 1, "health.d red is missing", "mine ok", "health.count red 1 of 6 ran"],
    ],
    ["their folder is lost, and there were none", { count: "0\n" }, ["ran=0 of=0 result=green", 0]],
    [
      "their number is lost",
      { image: { a: "true" }, count: null },
      ["ran=1 of=1 result=red", 1, "health.count red is missing", "a ok"],
    ],
    [
      "their number is none",
      { image: { a: "true" }, count: "-1x\n" },
      ["ran=1 of=1 result=red", 1, "health.count red holds no number", "a ok"],
    ],
    [
      "none is skipped because it is not executable, required or not",
      { image: { a: { text: "#!/bin/sh\n# required=no\n", mode: 0o644 } }, own: { b: { text: "", mode: 0o600 } } },
      [
        "ran=0 of=2 result=red",
        1,
        "a red is no program that can be executed",
        "b red is no program that can be executed",
        "health.count red 0 of 2 ran",
      ],
    ],
    [
      "a program that is not there is to run it",
      { image: { a: { text: "#!/usr/bin/no-such\n# required=no\n" } } },
      ["ran=0 of=1 result=red", 1, "a red cannot be started: No such file or directory", "health.count red 0 of 1 ran"],
    ],
    [
      "a command that is not there",
      { image: { a: "exec no-such 2>/dev/null" } },
      ["ran=1 of=1 result=red", 1, "a red exit code 127"],
    ],
    ["one that a signal ends", { image: { a: "kill -9 $$" } }, ["ran=1 of=1 result=red", 1, "a red exit code 137"]],
    ["one that reads", { image: { a: "cat; read -r x || exit 4" } }, ["ran=1 of=1 result=red", 1, "a red exit code 4"]],
    [
      "words: of the last line what can be printed, 200 of it",
      {
        image: {
          a: `printf 'one\\n\\033[1mgr\\303\\266\\303\\237e\\ttwo\\n\\n'`,
          b: `printf '%0300d\\n' 7 >&2; exit 1`,
        },
      },
      ["ran=2 of=2 result=red", 1, "a ok ?[1mgr????e two", `b red ${"0".repeat(200)}`],
    ],
    [
      "names that would be words of a shell",
      { own: { "a b;$(reboot)": "true", "*": "exit 5", "-n": "true" } },
      ["ran=3 of=3 result=red", 1, "-n ok", "? red exit code 5", "a?b???reboot? ok"],
    ],
    [
      "a limit that is none is the usual one",
      {
        own: {
          a: "# timeout=0\necho $PINE_LIMIT",
          b: "# timeout=121\necho $PINE_LIMIT",
          c: "# x timeout=120 y\necho $PINE_LIMIT",
        },
      },
      ["ran=3 of=3 result=green", 0, "a ok 10", "b ok 10", "c ok 120"],
    ],
  ])("%s", async (_, o, expected) => expect(told(await seen(o))).toEqual(expected));

  it("limits are longer by the factor that a rehearsal measured", async () => {
    const own = { a: "# timeout=5\necho $PINE_LIMIT", b: "# timeout=121\necho $PINE_LIMIT" };
    expect(told(await seen({ own }, "PINE_SLOW=12 /usr/libexec/pine/health")).slice(2)).toEqual([
      "a ok 60",
      "b ok 120",
    ]);
  });

  it("a folder and a link that leads nowhere are no checks", async () => {
    const root = healthServer(shell, { own: { "folder/x": "true" } });
    symlinkSync("nowhere", join(root, "etc/pine/health.d/link"));
    expect(told(sound(await look(root)))).toEqual([
      "ran=0 of=2 result=red",
      1,
      "folder red is no program that can be executed",
      "link red is no program that can be executed",
      "health.count red 0 of 2 ran",
    ]);
  });

  describe("hostile", () => {
    const limited = (text: string) => `# timeout=1\n${text}`;
    it.each<[string, string]>([
      ["sleeps for ever", "sleep 300"],
      ["will not be ended", "trap '' TERM INT HUP; while :; do sleep 1; done"],
      ["has children", "sleep 300 & sleep 300 & wait"],
      ["has a child in a group of its own", "timeout 300 sleep 300"],
      ["writes for ever", "while :; do echo canary; done"],
    ])("%s: killed at its limit, by uptime", async (_, text) => {
      const mark = `3${Math.floor(Math.random() * 1e6)}`;
      const programs = { "sbin/date": "#!/bin/sh\necho 1999-12-31T23:59:59Z\n" };
      const o = { own: { a: limited(text.replaceAll("300", mark)), b: "true" }, programs };
      const r = await seen(o);
      expect(told(r)).toEqual(["ran=2 of=2 result=red", 1, "a red did not end within 1 s", "b ok"]);
      expect(r.first).toMatch(/^checked=1999-12-31T23:59:59Z /);
      expect(Number(r.lines[0]!.split(" ")[2])).toBeLessThan(50);
      expect(processes(mark)).toEqual([]);
    });
    it("is past killing: left behind", async () => {
      const change = (text: string) => text.replaceAll("kill -9", "kill -0");
      const r = await seen({ own: { a: limited("sleep 9"), b: "true" }, change });
      expect(told(r)).toEqual(["ran=2 of=2 result=red", 1, "a red did not end within 1 s", "b ok"]);
    });
    it("leaves a child that holds its output: killed", async () => {
      const r = await seen({ own: { a: "echo on\nsleep 3987654 &" } });
      expect(told(r)).toEqual(["ran=1 of=1 result=green", 0, "a ok on"]);
      expect(processes("3987654")).toEqual([]);
    });
    it("leaves a daemon that holds its output: not waited for", async () => {
      const r = await seen(
        { own: { a: "setsid sleep 300 &\necho $! >/run/daemon" } },
        "/usr/libexec/pine/health; code=$?; kill $(cat /run/daemon) || exit; (exit $code)",
      );
      expect(told(r)).toEqual(["ran=1 of=1 result=green", 0, "a ok"]);
    });
    it("writes 10 MB, a line or many", async () => {
      const own = { a: "head -c 10000000 /dev/zero; exit 9", b: "yes canary | head -n 1500000; echo end" };
      expect(told(await seen({ own }))).toEqual(["ran=2 of=2 result=red", 1, `a red ${"?".repeat(200)}`, "b ok end"]);
    });
  });

  it("uptime of less than a second is no octal number", async () => {
    const root = healthServer(shell, { own: { a: "true" } });
    writeFileSync(`${root}.uptime`, "0.09 0.08\n");
    const r = sound(await look(root, undefined, { binds: [[`${root}.uptime`, "/proc/uptime"]] }));
    expect([r.first.replace(/^\S+ /, ""), r.lines]).toEqual(["uptime=0 ran=1 of=1 result=green", ["a ok 0.00"]]);
  });
});

/** Processes of this machine that have `mark` among their arguments. */
function processes(mark: string): string[] {
  const all = execFileSync("ps", ["-e", "-o", "args="], { encoding: "utf8" });
  return all.split("\n").filter((line) => line.includes(`sleep ${mark}`));
}
