/**
 * What a server remembers of trials, and the command for people over it: the agent with a real OSTree, in both shells.
 * A reboot only begins here: the namespace ends before it happens.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { assetText } from "../../../provider/assets.ts";
import { SETTLE_SECONDS } from "../../../provider/boot/probe.ts";
import type { SlotName } from "../../../provider/boot/slot.ts";
import { envBlock } from "../../../provider/boot/state.ts";
import { parseStatus } from "../../../provider/host/server/agent.ts";
import { booted } from "./booted.ts";
import { Sysroot } from "./sysroot-tools.ts";

const PINE = assetText("system/rootfs/usr/sbin/pine");
const TRIALS = ["words", "trials"].map((name) => assetText("system/rootfs/usr/libexec/pine", name)).join("\n");
const JUDGE = assetText("system/rootfs/usr/libexec/pine/judge");
const LOCK = ["lock", "told"].map((name) => assetText("system/rootfs/usr/libexec/pine", name)).join("\n");

test("the judge waits as long as a program's checks are held against", () =>
  expect(JUDGE).toContain(`PINE_SETTLE:-${SETTLE_SECONDS}}`));

describe.each([["dash"], ["busybox", "sh"]])("a server's trials, by %s", (...shell) => {
  let s: Sysroot;
  let second = "";
  const memory = (path = "") => join(s.root, "ostree/deploy/pine/var/lib/pine", path);
  const text = (path: string) => readFileSync(memory(path), "utf8");
  /** Programs of ours for a script: the agent, and health checks that answer so. */
  const programs = (health = "exit 0") =>
    [
      `printf '#!/bin/sh\\nexec ${shell.join(" ")} /run/scripts/pine "$@"\\n' >/run/agent`,
      `cat >/run/health <<'END'\n#!/bin/sh\n${health}\nEND`,
      "chmod 755 /run/agent /run/health",
      "export PINE_UPGRADE=/usr/bin/true PINE_AGENT=/run/agent PINE_HEALTH=/run/health PINE_SETTLE=0 PINE_PATIENCE=2",
    ].join("\n");
  const people = (slot: SlotName, args: string[], o: Parameters<Sysroot["on"]>[3] = {}) =>
    s.on(slot, `${programs()}\n${TRIALS}\n${LOCK}\n${PINE}`, args, o);
  const judge = (slot: SlotName, health: string, o: Parameters<Sysroot["on"]>[3] = {}) =>
    s.on(slot, `${programs(health)}\n: >/run/pine.completed\n${JUDGE}`, [], o);
  const reports = () =>
    (existsSync(memory("reports")) ? readdirSync(memory("reports")).map(Number) : []).sort((a, b) => a - b);

  beforeAll(async () => {
    s = await Sysroot.make();
    s.shell = shell;
    second = await s.commit("2");
    await s.pine("a", ["deploy", second, "Pine 2"]);
  });
  afterAll(() => s?.end());

  test("an armed trial says who judges it; one that was never booted leaves nothing", async () => {
    await s.pine("a", ["arm", "b", "1", "self"]);
    expect(text("trial")).toMatch(new RegExp(`^slot=b\ncommit=${second}\nfrom=${s.first}\njudge=self\n$`));
    expect((await s.pine("a", ["status"])).stdout).toMatch(/^judge=self$/m);
    await s.pine("a", ["disarm"]);
    expect([existsSync(memory("trial")), reports()]).toEqual([false, []]);
    await expect(s.pine("a", ["arm", "b", "1", "nobody"])).rejects.toThrow(/judged by self or outside/);
  });

  test("a power cut between writing it down and arming is no failed trial", async () => {
    await s.pine("a", ["arm", "b", "1", "self"]);
    writeFileSync(join(s.slots, "env"), envBlock({ slot: "a" }));
    await s.pine("a", ["ok"]);
    expect([existsSync(memory("trial")), reports()]).toEqual([false, []]);
  });

  test("a trial that the server judges: healthy, it is confirmed; its commit has a clean record", async () => {
    await s.pine("a", ["refuse", second, "unclear", "once"]);
    await s.pine("a", ["arm", "b", "1", "self"]);
    booted(s);
    await judge("b", '[ "$1" = settled ]', { trial: true });
    expect(s.env).toMatchObject({ slot: "b", trial: undefined });
    expect([existsSync(memory("trial")), text("refused")]).toEqual([false, ""]);
  });

  test("rolled back by hand: the commit is refused, the other slot on trial, judged by the server", async () => {
    // the boot began as a trial, and was confirmed since
    const { stdout } = await people("b", ["rollback", "the page is wrong"], { trial: true });
    expect(stdout).toContain(`This server reboots into slot a, commit ${s.first.slice(0, 12)}`);
    expect(s.env).toMatchObject({ slot: "b", trial: "a", tries: 1 });
    expect(text("trial")).toMatch(/^judge=self$/m);
    expect(text("refused")).toMatch(new RegExp(`^${second} person \\S+ the page is wrong\n$`));
    booted(s);
    await judge("a", "exit 0", { trial: true });
    expect(s.env).toMatchObject({ slot: "a" });
    expect((await people("a", ["notices"])).stdout).toBe("");
    expect((await people("a", ["logs"])).stdout).toMatch(
      /not booted by itself: commit [0-9a-f]{12}, person since .*the page/,
    );
    await people("a", ["unhold", second.slice(0, 12)]);
    expect(text("refused")).toBe("");
  });

  test("unhealthy: it goes back, says why, and is bad from then on", async () => {
    await s.pine("a", ["arm", "b", "1", "self"]);
    booted(s);
    writeFileSync(memory("trial.log"), "the console's last words\n");
    const red = "echo 'checked=x uptime=1 ran=2 of=2 result=red'; echo 'web red 10 status 500, expected 200'; exit 1";
    await judge("b", red, { trial: true });
    expect(text("trial.reason")).toBe("web: status 500, expected 200\n");
    expect(s.env).toMatchObject({ slot: "a", trial: "b" });
    await s.pine("a", ["ok"]);
    expect(text("reports/1")).toMatch(
      /^armed=\d{4}-.*\nphase=health\nended=.*\nreason=web: status 500, expected 200\n\nthe console's last words$/m,
    );
    expect(text("refused")).toMatch(new RegExp(`^${second} bad \\S+ web: status 500`));
    // written down once
    await s.pine("a", ["ok"]);
    expect(reports()).toEqual([1]);
    const { stdout } = await people("a", ["status"]);
    expect(stdout).toMatch(/^failed +commit [0-9a-f]{12} at \S+: web: status 500/m);
    // what a login shows: this alone
    expect((await people("a", ["notices"])).stdout).toMatch(/^failed +commit \S+ at .* \(pine logs\)$/);
  });

  test("a trial that a person ends goes back, with their reason", async () => {
    await s.pine("a", ["arm", "b", "1", "self"]);
    booted(s);
    expect((await people("b", ["status"], { trial: true })).stdout).toMatch(/^trial +this server judges it/m);
    expect((await people("b", ["rollback", "too slow"], { trial: true })).stdout).toMatch(/^The trial ends/);
    await s.pine("a", ["disarm"]);
    expect(text(`reports/${reports().at(-1)}`)).toMatch(/^reason=too slow *$/m);
  });

  test("a runlevel that is never reached is a reason", async () => {
    await s.pine("a", ["arm", "b", "1", "self"]);
    booted(s);
    await s.on("b", `${programs()}\n${JUDGE}`, [], { trial: true });
    expect(text("trial.reason")).toBe("the default runlevel was not reached\n");
    await s.pine("a", ["disarm"]);
    expect(reports()).toEqual([1, 2, 3]);
    // and then the clock, which was ten years ahead, is set
    const then = Date.now() / 1000 + 10 * 365 * 86_400;
    for (const n of reports()) utimesSync(memory(`reports/${n}`), then, then);
  });

  test.each([
    ["loader", "", undefined, /could not be loaded, or the power failed/],
    ["kernel", "loaded", undefined, /never came as far as its root/],
    ["silent", "loaded", "its console", /nobody confirmed it in time/],
  ])("one that did not answer is unclear, and the second time bad: %s", async (phase, stage, log, reason) => {
    const third = await s.commit(`3-${phase}`);
    for (const kind of ["unclear", "bad"]) {
      await s.pine("a", ["deploy", third, "Pine 3"]);
      await s.pine("a", ["arm", "b", "1", "self"]);
      booted(s, stage);
      if (log) writeFileSync(memory("trial.log"), log);
      await s.pine("a", ["ok"]);
      const report = text(`reports/${reports().at(-1)}`);
      expect(report).toMatch(new RegExp(`^phase=${phase}$`, "m"));
      expect(report).toMatch(reason);
      expect(text("refused")).toMatch(new RegExp(`^${third} ${kind} `, "m"));
      await s.pine("a", ["disarm"]);
    }
  });

  test("the last five reports are kept, by their numbers and not by the clock (31: mender#485)", () =>
    expect(reports()).toEqual([5, 6, 7, 8, 9]));

  test("on a full disk a trial that the server would judge is not armed, and one from outside is", async () => {
    const full = { freeKib: 0 };
    const fourth = await s.commit("4");
    await s.pine("a", ["deploy", fourth, "Pine 4"]);
    await expect(s.pine("a", ["arm", "b", "1", "self"], full)).rejects.toThrow();
    expect(s.env).toMatchObject({ slot: "a", trial: undefined });
    expect(existsSync(memory("trial.new"))).toBe(false);
  });

  test("status for programs is JSON, also of names that JSON would not take", async () => {
    await people("a", ["hold", 'back "up" \\ until\nMonday']);
    const told = JSON.parse((await people("a", ["status", "--json"])).stdout);
    expect(told).toMatchObject({
      slot: "a",
      state: "confirmed",
      commit: s.first,
      heldReason: 'back "up" \\ until Monday',
    });
    expect((await people("a", ["status"])).stdout).toMatch(/^held +since \S+ by root: back "up"/m);
    await people("a", ["unhold"]);
    expect(existsSync(memory("hold"))).toBe(false);
    expect((await people("a", ["unhold"])).stdout).toBe("This server is not held.");
  });

  test("a hold that somebody made by hand counts, and is told; one that comes too late says so (40: zincati#1160)", async () => {
    expect((await s.pine("a", ["held"])).stdout).toBe("");
    writeFileSync(memory("hold"), "");
    expect((await s.pine("a", ["held"])).stdout).toBe("held=1");
    expect((await people("a", ["notices"])).stdout).toMatch(/^held +since \d{4}-\d\d-\d\dT\S+ by/m);
    const before = "echo 'this server, which reboots into version 2' >/run/pine.rebooting";
    const late = await s.on("a", `${before}\n${programs()}\n${TRIALS}\n${LOCK}\n${PINE}`, ["hold", "backup"], {
      ok: [1],
    });
    expect(late.stderr).toMatch(/too late for the reboot of this server, which reboots into version 2$/);
    expect((await s.pine("a", ["held"])).stdout).toMatch(/^held=1\nsince=.*\nby=root\nreason=backup$/);
    await people("a", ["unhold"]);
  });

  test.each([
    [["frob"], 2, /there is no command frob; `pine help`/],
    [[], 2, /^usage: pine COMMAND/],
    [["hold"], 2, /hold needs a reason/],
    [["status", "--xml"], 2, /status takes --json, not --xml/],
    [["logs", "99"], 1, /no report 99/],
    [["unhold", "0123456789"], 1, /no commit 0123456789 is refused/],
    [["unhold", "0123456"], 2, /at least 8 digits/],
    // no pattern: it would allow every commit
    [["unhold", "............"], 2, /at least 8 digits/],
    [["unlock"], 1, /add "unlock" to `extras`/],
  ])("%j ends with exit code %d and one line", async (args, code, message) => {
    const r = await people("a", args, { ok: [code] });
    expect(r.stderr).toMatch(message);
  });

  test("one operation at a time: who holds the lock is told", async () => {
    const held = "exec 5>>/run/pine.lock; flock 5; echo 'stack, me@laptop' >/run/pine.lock";
    const r = await s.on("a", `${held}\n${programs()}\n${TRIALS}\n${LOCK}\n${PINE}`, ["rollback"], { ok: [75] });
    expect(r.stderr).toBe("pine: another operation holds this server's lock: stack, me@laptop");
    const told = await s.on("a", `${held}\n${programs()}\n${TRIALS}\n${LOCK}\n${PINE}`, ["status"]);
    expect(told.stdout).toMatch(/^lock +stack, me@laptop, since \d{4}-\d\d-\d\dT\S+Z$/m);
    expect(parseStatus((await s.pine("a", ["status"])).stdout)).toMatchObject({ slot: "a", trial: undefined });
  });

  test("nothing to roll back to is said", async () => {
    await s.pine("a", ["undeploy"]);
    const r = await people("a", ["rollback"], { ok: [1] });
    expect(r.stderr).toMatch(/no other slot to roll back to/);
    mkdirSync(memory("reports"), { recursive: true });
    expect((await people("a", ["status"])).stdout).toMatch(/^other +no other slot to roll back to$/m);
  });
});
