/**
 * What a server does with an update that it pulled: libexec/pine/upgrade and judge with a real OSTree, in both
 * shells. A reboot only begins here; the next boot is a new namespace. Names with a number: public reports of others.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { envBlock } from "../../../provider/boot/state.ts";
import type { Puller } from "./a-puller.ts";
import { GREEN, RED, Updater } from "./an-updater.ts";
import { booted } from "./booted.ts";

/** The number of the newest report, as the agent leaves it in the boot that follows a trial. */
const NEWEST_REPORT = "ls /var/lib/pine/reports | sort -n | tail -n 1 >/run/pine.returned";

describe.each([["dash"], ["busybox", "sh"]])("a server that updates itself, by %s", (...shell) => {
  let u: Updater;
  let p: Puller;
  beforeAll(async () => {
    u = await Updater.make(shell);
    p = u.p;
    p.settings({ reboot: "now" });
    await u.stage("2", "1.1.0");
  });
  afterAll(() => p?.end());

  test("a newer one takes the place of what is staged: one reboot (36: zincati#928)", async () => {
    u.commits["2"] = await p.publish("2c", "1.1.2");
    u.turn("");
    expect(await u.reboot({ before: u.writes() })).toBe("done");
    const [first, second] = [p.s.first, u.commits["2"]!].map((c) => c.slice(0, 4));
    expect(p.s.env).toMatchObject({ slot: "a", trial: "b", tries: 1 });
    expect(p.text("pull/trial")).toMatch(
      new RegExp(`^from=${p.s.first}\nto=${u.commits["2"]}\nversion=1.1.2\nid=\\d+\nred=\n`),
    );
    expect(p.text("trial")).toMatch(/^judge=self$/m);
    expect(p.text("hostkeys")).toMatch(/^\/sysroot\/ostree\/deploy\/pine\/deploy\/[0-9a-f]{64}\.0 some keep$/m);
    expect(u.hooks()).toMatch(new RegExp(`^before ${first} ${second} \\d+\n$`));
    expect(u.turns()).toEqual([`take ${second} update`, `check ${second}`]);
  });

  test("its trial is good: confirmed, then its keys and version count, hooks run, the turn is freed (6, 47)", async () => {
    booted(p.s);
    p.answer = () => false;
    await p.run("judge", [], {
      slot: "b",
      trial: true,
      health: GREEN,
      before: `: >/run/pine.completed; ${u.writes()}`,
    });
    expect(p.s.env).toMatchObject({ slot: "b", trial: undefined });
    expect(p.text("trust/manifest")).toMatch(/^version=1\.1\.2$/m);
    expect([p.has("pull/trial"), p.has("pull/staged.commit"), p.state("result")]).toEqual([
      false,
      false,
      "version 1.1.2 runs and is confirmed",
    ]);
    expect(u.turns().at(-1)).toBe("settle");
    const ids = u
      .hooks()
      .trim()
      .split("\n")
      .map((line) => line.split(" "));
    expect(ids.map((line) => line[0])).toEqual(["before", "after"]);
    expect(ids[0]![3]).toBe(ids[1]![3]);
    expect(p.s.bootable()).toEqual({ a: "1", b: "2c" });
  });

  test("in the boot that confirmed it, too, a newer statement about what runs is kept", async () => {
    await p.publish("2c", "1.1.2", { checksum: u.commits["2"]! });
    const number = () => Number(/^number=(.*)$/m.exec(p.text("trust/manifest"))![1]);
    const before = number();
    await p.run("pull", ["check"], { slot: "b", trial: true });
    expect(number()).toBe(before + 1);
  });

  test("a bad one goes back, is not tried again, and the group hears of it (1, 42, 43, 44)", async () => {
    p.settings({ reboot: "now" });
    const third = await u.stage("3", "1.2.0");
    u.turn("");
    expect(await u.reboot({ slot: "b" })).toBe("done");
    booted(p.s);
    await u.judge("a", RED, { trial: true });
    expect(p.s.env).toMatchObject({ slot: "b", trial: "a" });
    await p.run("agent", ["ok"], { slot: "b" });
    await p.run("judge", [], { slot: "b", health: GREEN, before: `: >/run/pine.completed; ${u.writes()}` });
    expect(p.text("refused")).toMatch(new RegExp(`^${third} bad \\S+ web: status 500\n$`));
    expect(u.turns().at(-1)).toBe("settle");
    expect(u.hooks()).toMatch(/^returned /m);
    expect(p.state("result")).toBe("version 1.2.0 did not stay: web: status 500");
    expect(await u.reboot({ slot: "b" })).toMatch(/not offered any more|is not booted again/);
    expect(await p.run("upgrade", ["check"], { slot: "b" })).toMatchObject({
      stdout: expect.stringMatching(/^decision=refused$/m),
    });
    expect(p.s.env.tries ?? 0).toBe(0);
  });

  test("what is red without it, too, was not its fault, and it comes again later (50: greenboot#68)", async () => {
    const fourth = await u.stage("4", "1.3.0", "b");
    expect(await u.reboot({ slot: "b" })).toBe("done");
    booted(p.s);
    await u.judge("a", RED, { trial: true });
    await p.run("agent", ["ok"], { slot: "b", before: "true" });
    // in one boot: the report is this boot's
    const before = `: >/run/pine.completed; rm -f /var/lib/pine/refused; ${NEWEST_REPORT}`;
    await p.run("judge", [], { slot: "b", health: RED, before });
    expect(p.text("refused")).toMatch(
      new RegExp(`^${fourth} elsewhere \\S+ web: status 500 \\(red without it, too\\)$`, "m"),
    );
  });
  test("what was red before the reboot does not decide (55: systemd#9437)", async () => {
    writeFileSync(p.memory("refused"), "");
    p.settings({ reboot: "now" });
    await u.stage("5", "1.4.0");
    expect(await u.reboot({ slot: "b", health: RED })).toBe("done");
    expect(p.text("pull/trial")).toMatch(/^red=web *$/m);
    booted(p.s);
    await u.judge("a", RED, { trial: true });
    expect(p.s.env).toMatchObject({ slot: "a", trial: undefined });
  });

  test("a trial that cannot have the next manifest goes back, and may come again (53: FCOS#1477)", async () => {
    const sixth = await u.stage("6", "1.5.0");
    await p.run("upgrade", ["stage"]);
    expect(await u.reboot()).toBe("done");
    booted(p.s);
    p.answer = (_, response) => Boolean(response.writeHead(500).end());
    // the service, too, may come before the judge: it does not look, and so says nothing of what was reached before
    const asked = p.asked.length;
    await p.run("upgrade", ["tick"], { slot: "b", trial: true });
    expect([p.asked.length, p.state("problem")]).toEqual([asked, undefined]);
    // a person who looks changes nothing of that
    await p.refused("upgrade", ["stage"], { slot: "b", trial: true });
    expect(p.state("problem")).toMatch(/cannot be asked/);
    await u.judge("b", GREEN, { trial: true });
    p.answer = () => false;
    expect([p.s.env.slot, p.text("trial.reason")]).toEqual([
      "a",
      expect.stringMatching(/^updates: the next manifest cannot be had/),
    ]);
    await p.run("agent", ["ok"]);
    expect(p.text("refused")).toMatch(new RegExp(`^${sixth} elsewhere `, "m"));
  });

  test("a system in which nobody would look for the next update goes back (74: FCOS#1608)", async () => {
    await p.run("upgrade", ["after"]);
    writeFileSync(p.memory("refused"), "");
    const commit = await u.stage("6b", "1.5.1");
    const trial = async (before: string) => {
      expect(await u.reboot({}, "now")).toBe("done");
      booted(p.s);
      await u.judge("b", GREEN, { trial: true, before: `mkdir /run/openrc; ${before}` });
    };
    await trial("echo 99999999 >/run/pine.updates.pid");
    expect([p.s.env.slot, p.text("trial.reason")]).toEqual([
      "a",
      "the service pine-updates does not run, so nobody would look for the next update\n",
    ]);
    await p.run("agent", ["ok"]);
    expect(p.text("refused")).toMatch(new RegExp(`^${commit} bad `, "m"));
    await p.run("upgrade", ["after"]);
    writeFileSync(p.memory("refused"), "");
    await u.stage("6c", "1.5.2");
    await trial("echo $$ >/run/pine.updates.pid");
    expect(p.s.env).toMatchObject({ slot: "b", trial: undefined });
    // the tests after it begin in slot a
    writeFileSync(join(p.s.slots, "env"), envBlock({ slot: "a" }));
  });

  test("what could not be had before the reboot does not decide, either (50: greenboot#68)", async () => {
    await p.run("upgrade", ["after"]);
    p.settings({ reboot: "now" });
    await u.stage("7", "1.6.0");
    p.answer = (_, response) => Boolean(response.writeHead(500).end());
    expect(await u.reboot()).toBe("done");
    expect(p.text("pull/trial")).toMatch(/^unreached=.*cannot be asked/m);
    booted(p.s);
    await u.judge("b", GREEN, { trial: true });
    p.answer = () => false;
    expect([p.s.env.slot, p.text("pull/state")]).toEqual(["b", expect.stringContaining("1.6.0 runs and is confirmed")]);
  });

  test("a network that swallows everything is given up before the dead-man comes (31, 57)", async () => {
    writeFileSync(p.memory("pull/trial"), `to=${u.commits["5"]}\nfrom=x\n`);
    const swallows =
      '#!/bin/sh\n[ $1 = wget ] || exec /usr/bin/busybox "$@"\necho 1 >>/var/lib/pine/tries; sleep 2; exit 1\n';
    const before = `mkdir /run/bin; printf '${swallows.replaceAll("\n", "\\n")}' >/run/bin/busybox; chmod 755 /run/bin/busybox
PATH=/run/bin:$PATH; export PINE_WORLD_SECONDS=3`;
    const { stdout } = await p.run("upgrade", ["world"], { ok: [1], before });
    expect(stdout).toMatch(/^updates: the next manifest cannot be had/);
    expect(p.text("tries").trim().split("\n").length).toBeLessThan(4);
  });

  test("a witness that was given must be reached; of several, one may do (57)", async () => {
    const url = `http ${p.url}/config`;
    const world = async (lines: Record<string, string>) => {
      p.settings(lines);
      writeFileSync(p.memory("pull/trial"), `to=${u.commits["5"]}\nfrom=x\n`);
      return (await p.run("upgrade", ["world"], { ok: [0, 1] })).stdout.trim();
    };
    expect(await world({ witness: url })).toBe("");
    expect(await world({ witness: `${url}\ntcp 127.0.0.1 1` })).toMatch(/^witness: tcp 127\.0\.0\.1: no connection$/);
    expect(await world({ witness: `${url}\ntcp 127.0.0.1 1`, witnesses: "any" })).toBe("");
  });
});
