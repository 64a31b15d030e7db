/**
 * The boot part that each commit brings, on a made-up machine with a real OSTree: it comes with its deployment, is on
 * trial with it, and goes back with it (bootupd#1019, meta-balena#3908, fedora-silverblue/issue-tracker#434, #595).
 */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { envBlock } from "../../../provider/boot/state.ts";
import { agentScript } from "../../../provider/host/scripts.ts";
import { parseStatus } from "../../../provider/host/server/agent.ts";
import { bootPart, Sysroot } from "./sysroot-tools.ts";

const CUTS = Number(process.env.PINE_CUTS ?? 4);

describe.each([["dash"], ["busybox", "sh"]])("the boot part, by %s", (...shell) => {
  let s: Sysroot;
  const commits: Record<string, string> = {};
  const partOf = (name: string) => `part-${commits[name]!.slice(0, 16)}`;
  const parts = () => readdirSync(s.slots).filter((f) => f.startsWith("part-"));
  const deploy = async (slot: "a" | "b", name: string) => {
    commits[name] ??= await s.commit(name);
    const { stdout } = await s.pine(slot, ["deploy", commits[name], `Pine ${name}`]);
    return /deployment=(.*)/.exec(stdout)![1]!;
  };
  /** Booted by its part. */
  const ok = () => s.on("b", agentScript(), ["ok"], { more: `pine.part=${partOf("2")}` });
  beforeAll(async () => {
    s = await Sysroot.make({}, true);
    s.shell = shell;
    commits["1"] = s.first;
  });
  afterAll(() => s?.end());

  test("comes with an update, whole, beside the one that is confirmed", async () => {
    await deploy("a", "2");
    await s.pine("a", ["arm", "b", "1"]);
    expect(s.bootable()).toEqual({ a: "1", b: "2" });
    expect(parts()).toEqual([partOf("1"), partOf("2")].sort());
    await s.pine("b", ["confirm", commits["2"]!], { trial: true });
    await s.pine("b", ["tidy"]);
    expect(s.bootable()).toEqual({ a: "1", b: "2" });
    expect(readFileSync(join(s.slots, "confirmed.cfg"), "utf8")).toBe("set pine_slot=b\n");
  });

  test("goes with a trial that failed; the slot has its own again", async () => {
    const failed = await deploy("b", "3");
    await s.pine("b", ["arm", "a", "1"]);
    expect(s.bootable()).toEqual({ a: "3", b: "2" });
    await s.pine("b", ["disarm"]);
    await s.pine("b", ["restore", failed]);
    expect(s.bootable()).toEqual({ a: "1", b: "2" });
    expect(parts()).toEqual([partOf("1"), partOf("2")].sort());
    delete commits["3"];
  });

  test("that is damaged or gone is told, and brought again by the next boot", async () => {
    for (const damage of ["gone", "torn", "foreign"]) {
      const at = join(s.slots, partOf("2"));
      if (damage === "gone") rmSync(at, { recursive: true });
      else writeFileSync(join(at, damage === "torn" ? "grub.cfg" : "core"), damage === "torn" ? "" : "another build's");
      // GRUB's stub says no pine.part= of a slot that it had to start itself
      const { stdout } = await s.pine("b", ["status"]);
      expect(parseStatus(stdout)).toMatchObject({ part: undefined, partNamed: partOf("2") });
      expect((await s.pine("b", ["ok"])).stderr).toContain(`without its boot part ${partOf("2")}`);
      expect(s.bootable()).toEqual({ a: "1", b: "2" });
    }
    expect((await ok()).stderr).toBe("");
  });

  test.each<[string, (env: string) => void]>([
    ["zeroed", (env) => writeFileSync(env, Buffer.alloc(1024))],
    ["cut to 512 bytes", (env) => writeFileSync(env, envBlock({ slot: "b" }).subarray(0, 512))],
    ["empty", (env) => writeFileSync(env, "")],
    ["garbage", (env) => writeFileSync(env, Buffer.alloc(1024, "x"))],
    ["gone", (env) => rmSync(env)],
    [
      "a folder",
      (env) => {
        rmSync(env);
        mkdirSync(env);
      },
    ],
  ])("an environment block that is %s is made anew by the next boot", async (_, damage) => {
    damage(join(s.slots, "env"));
    expect((await ok()).stderr).toContain("was damaged, and is made anew");
    expect(s.env).toMatchObject({ slot: "b", trial: undefined });
    expect((await ok()).stderr).toBe("");
  });

  test("a state of a later version is read", async () => {
    const env = join(s.slots, "env");
    const text = envBlock({ slot: "b", trial: "a", tries: 1 }).toString().replace(/#+$/, "");
    writeFileSync(
      env,
      `${text.replace("pine_trial=", "pine_later=a=b c\npine_trial=")}pine_more=1\n`.padEnd(1024, "#"),
    );
    expect(parseStatus((await s.pine("b", ["status"])).stdout)).toMatchObject({ slot: "b", trial: "a", tries: 1 });
    await s.pine("b", ["disarm"]);
    expect(s.env).toMatchObject({ slot: "b", trial: undefined });
  });

  test(`cut ${CUTS} times while it comes, and at arming: what is confirmed has its part, and the next run ends`, async () => {
    const since = Date.now();
    await deploy("b", "4");
    const took = Date.now() - since;
    for (let n = 0; n < CUTS; n++) {
      const cut = new AbortController();
      const name = `cut-${n}`;
      commits[name] = await s.commit(name);
      void sleep((took * (n + 1)) / CUTS).then(() => cut.abort());
      const both = `${agentScript().replace(/^case \$\{1:-\} in$/m, 'set -- deploy "$1" cut\n$&')}\nalone; arm a 1`;
      await s.on("b", both, [commits[name]], { signal: cut.signal }).catch(() => {});
      const there = s.bootable();
      expect(there.b).toBe("2");
      expect(["1", "4", name]).toContain(there.a);
      await s.pine("b", ["disarm"]);
      await s.pine("b", ["tidy"]);
      expect(s.bootable()).toEqual({ a: "1", b: "2" });
    }
    await deploy("b", "5");
    await s.pine("b", ["arm", "a", "1"]);
    expect(s.bootable()).toEqual({ a: "5", b: "2" });
    expect(parts().sort()).toEqual([partOf("1"), partOf("2"), partOf("5")].sort());
    expect(readFileSync(join(s.slots, partOf("5"), "grub.cfg"), "utf8")).toBe(bootPart("5"));
  }, 300_000);
});
