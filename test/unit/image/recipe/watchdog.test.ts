/** The service that feeds a watchdog, with a made-up device, in both shells. The real one: e2e/watchdog.test.ts. */
import { type ChildProcess, spawn } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { asset } from "../../../../provider/assets.ts";

const script = asset("system/settings/watchdog/usr/libexec/pine/watchdog");
let dir = "";
let feeder: ChildProcess | undefined;
const at = (name: string) => join(dir, name);
const text = (name: string) => (existsSync(at(name)) ? readFileSync(at(name), "utf8") : "");
const program = (name: string, lines: string) => {
  writeFileSync(at(`bin/${name}`), `#!/bin/sh\n${lines}\n`);
  chmodSync(at(`bin/${name}`), 0o755);
};
const until = async (what: string, done: () => boolean) => {
  for (let n = 0; !done(); n++) {
    if (n > 400) throw new Error(`not ${what}: device ${JSON.stringify(text("device"))}, told ${text("told")}`);
    await new Promise((go) => setTimeout(go, 50));
  }
};

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "pine-watchdog-"));
  mkdirSync(at("bin"));
  mkdirSync(at("sys"));
  program("watchdog", `echo "$*" >>${at("limits")}`);
  program("logger", `echo "$*" >>${at("log")}`);
  // its periods are the test's
  program("sleep", 'case $1 in 1) exec /usr/bin/sleep 0.1 ;; esac; echo "$1" >>"$SLEPT"; exec /usr/bin/sleep 0.05');
});
afterEach(() => {
  if (feeder?.pid && feeder.exitCode === null) process.kill(-feeder.pid, "SIGKILL");
  feeder = undefined;
  rmSync(dir, { recursive: true });
});

/** A file takes what is written, as a device does: each open begins it anew. */
function start(shell: string[], real: string, more: Record<string, string> = {}): Promise<number | null> {
  writeFileSync(at("device"), "");
  writeFileSync(at("sys/timeout"), `${real}\n`);
  const env = {
    PATH: `${at("bin")}:${process.env.PATH}`,
    SLEPT: at("slept"),
    PINE_DEVICE: at("device"),
    PINE_WATCHDOG_SYS: at("sys"),
    PINE_KEPT: at("kept"),
    PINE_TOLD: at("told"),
    ...more,
  };
  feeder = spawn(shell[0]!, [...shell.slice(1), script, "60"], { env, detached: true, stdio: "ignore" });
  return new Promise((done) => feeder!.on("exit", done));
}

describe.each([["dash"], ["busybox", "sh"]])("by %s", (...shell) => {
  test("asks for a limit, takes the device's own, feeds four times in it, and disarms at the end", async () => {
    const end = start(shell, "40");
    await until("fed", () => text("device").length > 3);
    expect(text("limits")).toBe(`-F -t 1 -T 60 ${at("device")}\n`);
    expect(text("told")).toBe("resets this machine after 40 s without a sign of life\n");
    expect(new Set(text("slept").trim().split("\n"))).toEqual(new Set(["10"]));
    expect(text("device")).toMatch(/^k+$/);
    process.kill(feeder!.pid!, "SIGTERM");
    expect(await end).toBe(0);
    expect([text("device").replace(/^k+/, ""), existsSync(at("told"))]).toEqual(["V", false]);
  });
  test.each([
    ["nothing can be written", 'case $PWD in *) [ ! -e "$DEAD" ] || exit 1; exec /usr/bin/dd "$@" ;; esac'],
    ["a write hangs", '[ ! -e "$DEAD" ] || exec /usr/bin/sleep 1000; exec /usr/bin/dd "$@"'],
  ])("does not feed while %s; and TERM disarms all the same", async (_, dd) => {
    program("dd", dd);
    const end = start(shell, "40", { DEAD: at("dead") });
    await until("fed", () => text("device").length > 1);
    writeFileSync(at("dead"), "");
    const fed = text("device").length;
    await new Promise((go) => setTimeout(go, 1000));
    expect(text("device").length - fed).toBeLessThan(3);
    const still = text("device").length;
    await new Promise((go) => setTimeout(go, 500));
    expect(text("device").length).toBe(still);
    process.kill(feeder!.pid!, "SIGTERM");
    expect(await end).toBe(0);
    expect(text("device").at(-1)).toBe("V");
  });
  test("a disk that is dead at its start resets nobody", async () => {
    program("dd", "exit 1");
    expect(await start(shell, "40")).toBe(1);
    expect([text("device"), text("told")]).toEqual(["", expect.stringMatching(/^not armed: .* cannot be written$/m)]);
  });
  test("a limit that is too short for a look is not armed", async () => {
    expect(await start(shell, "2")).toBe(0);
    expect([text("device"), text("told")]).toEqual([
      "V",
      expect.stringMatching(/^not armed: the device's limit is 2 s/),
    ]);
  });
  test("no watchdog: said", async () => {
    expect(await start(shell, "40", { PINE_DEVICE: at("none") })).toBe(0);
    expect([text("told"), existsSync(at("none"))]).toEqual(["not armed: this machine has no watchdog\n", false]);
  });
  test("waits for who has the device: a trial's dead-man", async () => {
    mkdirSync(at("busy"));
    const end = start(shell, "40", { PINE_DEVICE: at("busy"), PINE_PAUSE: "1" });
    await until("told", () => /^waits: the device is in use/.test(text("told")));
    rmSync(at("busy"), { recursive: true });
    writeFileSync(at("busy"), "");
    await until("fed", () => text("busy").startsWith("k"));
    process.kill(feeder!.pid!, "SIGTERM");
    expect(await end).toBe(0);
  });
});
