/**
 * Two deployments that boot, at each step of install, update, failed update, reinstall: the agent with a real OSTree,
 * in both shells.
 */
import { existsSync, readdirSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { SlotName } from "../../../provider/boot/slot.ts";
import { envBlock } from "../../../provider/boot/state.ts";
import { parseStatus } from "../../../provider/host/server/agent.ts";
import { fallbackOf } from "../../../provider/resources/hijack/model/outputs.ts";
import { Sysroot } from "./sysroot-tools.ts";

describe.each([["dash"], ["busybox", "sh"]])("the deployments of a server, by %s", (...shell) => {
  let s: Sysroot;
  const commits: Record<string, string> = {};
  const deploy = async (slot: SlotName, name: string) => {
    commits[name] ??= await s.commit(name);
    const { stdout } = await s.pine(slot, ["deploy", commits[name], `Pine ${name}`]);
    return /deployment=(.*)/.exec(stdout)![1]!;
  };
  const status = async (slot: SlotName) => parseStatus((await s.pine(slot, ["status"])).stdout);
  const holds = (a: string | undefined, b: string | undefined, deployments: string) => {
    expect(s.bootable()).toEqual({ ...(a ? { a } : {}), ...(b ? { b } : {}) });
    expect(s.deployments().join(" ")).toBe(deployments);
  };
  beforeAll(async () => {
    s = await Sysroot.make();
    s.shell = shell;
  });
  afterAll(() => s?.end());

  test("after an install: one, and the old system", () => holds("1", undefined, "1"));

  test("a first update: the new one gets the empty slot, and is confirmed", async () => {
    await deploy("a", "2");
    holds("1", "2", "1 2");
    await s.pine("a", ["arm", "b", "1"]);
    holds("1", "2", "1 2");
    await s.pine("b", ["confirm", commits["2"]!], { trial: true });
    await s.pine("b", ["tidy"]);
    holds("1", "2", "1 2");
    expect(s.env).toMatchObject({ slot: "b", trial: undefined });
  });

  test("an update that fails: the one before it is there at every step, and afterwards", async () => {
    const failed = await deploy("b", "3");
    // not armed: what the slot named boots
    holds("1", "2", "1 2 3");
    await s.pine("b", ["arm", "a", "1"]);
    holds("3", "2", "1 2 3");
    // gone back
    await s.pine("b", ["disarm"]);
    holds("1", "2", "1 2 3");
    await s.pine("b", ["restore", failed]);
    holds("1", "2", "1 2");
    expect(await s.has(commits["3"]!)).toBe(false);
    const now = await status("b");
    expect(now.other).toBe(s.first);
    expect(fallbackOf(now, "a".repeat(64))).toBe(now.other);
    delete commits["3"];
  });

  test("that nobody comes back to: the boot after it takes the slot back, the next update what is left", async () => {
    await deploy("b", "4");
    await s.pine("b", ["arm", "a", "1"]);
    // armed, and not booted yet
    await s.pine("b", ["ok"]);
    holds("4", "2", "1 2 4");
    expect(s.env).toMatchObject({ slot: "b", trial: "a", tries: 1 });
    // as the boot loader writes when it boots the trial
    writeFileSync(join(s.slots, "env"), envBlock({ ...s.env, tries: 0 }));
    await s.pine("b", ["ok"]);
    holds("1", "2", "1 2 4");
    expect(await status("b")).toMatchObject({ trial: "a", tries: 0 });
    await s.pine("b", ["disarm"]);
    await deploy("b", "5");
    holds("1", "2", "1 2 5");
    // cut off before it was armed, and once more
    await deploy("b", "6");
    holds("1", "2", "1 2 6");
  });

  test("is confirmed: two stay, and a power cut just before that is cleaned up by the next", async () => {
    await s.pine("b", ["arm", "a", "1"]);
    await s.pine("a", ["confirm", commits["6"]!], { trial: true });
    holds("6", "2", "1 2 6");
    await s.pine("a", ["tidy"]);
    holds("6", "2", "2 6");
    expect(readdirSync(s.slots).sort()).toEqual(["a.cfg", "b.cfg", "confirmed.cfg", "env", "install"]);
  });

  test("a reinstall of the commit that runs: another deployment of it, beside what was there", async () => {
    const again = await deploy("a", "6");
    expect(again).toBe(`${commits["6"]}.1`);
    holds("6", "2", "2 6 6");
    await s.pine("a", ["arm", "b", "1"]);
    holds("6", "6", "2 6 6");
    await s.pine("a", ["restore", again]);
    holds("6", "2", "2 6");
  });

  test("one that cannot be deployed changes nothing, and leaves nothing", async () => {
    const bad = await s.commit("bad", { kernel: false });
    const { exitCode } = await s.pine("a", ["deploy", bad, "Pine bad"], { ok: [0, 1] });
    expect(exitCode).toBe(1);
    holds("6", "2", "2 6");
    expect(await s.has(bad)).toBe(false);
    expect(readdirSync(s.slots).sort()).toEqual(["a.cfg", "b.cfg", "confirmed.cfg", "env", "install"]);
  });

  test("a confirmed slot that was a trial once is never taken back", async () => {
    await deploy("a", "7");
    await s.pine("a", ["arm", "b", "1"]);
    await s.pine("b", ["confirm"], { trial: true });
    expect(existsSync(join(s.slots, "b.kept"))).toBe(false);
    // as if the power had gone before that
    renameSync(join(s.slots, "a.cfg"), join(s.slots, "b.kept"));
    await s.pine("b", ["ok"]);
    expect(s.bootable()).toEqual({ b: "7" });
    renameSync(join(s.slots, "b.kept"), join(s.slots, "a.cfg"));
    await s.pine("b", ["tidy"]);
    holds("6", "7", "6 7");
  });

  test("undeploy removes the other one, when a person says so", async () => {
    await s.pine("b", ["undeploy"]);
    holds(undefined, "7", "7");
    const now = await status("b");
    expect(now.other).toBeUndefined();
    expect(fallbackOf(now, commits["6"])).toBeUndefined();
    expect(fallbackOf(now, "Debian GNU/Linux 12")).toBe("Debian GNU/Linux 12");
  });
});
