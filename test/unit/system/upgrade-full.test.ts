/**
 * A disk that is full, of bytes or of inodes, at each step of an update that a server pulls: what boots stays, the
 * reason can be read, and the next run with room ends well (71).
 */
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Puller } from "./a-puller.ts";
import { GREEN, RED, Updater } from "./an-updater.ts";
import { booted } from "./booted.ts";

const FULL = [
  ["no byte", { freeKib: 0 }],
  ["no inode", { freeKib: 4096, freeInodes: 0 }],
] as const;

// a deployment takes more than the reserve has
describe.each(FULL)("%s is free", (_, full) => {
  let u: Updater;
  let p: Puller;
  beforeAll(async () => {
    u = await Updater.make(["busybox", "sh"], { large: "x".repeat(500_000) });
    p = u.p;
    p.settings({ reboot: "now" });
    u.turn("");
    // as in an image's repository, whose floor is higher: what is here is small
    await p.s.ostree(["config", `--repo=${join(p.s.root, "ostree/repo")}`, "set", "core.min-free-space-size", "1MB"]);
    // a boot makes the reserve
    await p.run("agent", ["ok"]);
  });
  afterAll(() => p?.end());
  /** The two that boot, and that none is armed. */
  const stays = (boots: Record<string, string>) => {
    expect([p.s.bootable(), p.s.env.trial]).toEqual([boots, undefined]);
    expect(p.s.deployments()).toEqual(Object.values(boots).sort());
  };
  /** A boot with room again makes the reserve anew. */
  const room = (slot: "a" | "b") => p.run("agent", ["ok"], { slot });

  test("a look: it is told, and goes on", async () => {
    const commit = await p.publish("2", "1.1.0");
    expect(await p.refused("upgrade", ["stage"], full)).toMatch(/pine: \S+/);
    stays({ a: "1" });
    expect(p.state("problem")).toMatch(/too full|could not be fetched/);
    await room("a");
    await p.run("upgrade", ["stage"]);
    expect(p.text("pull/staged.commit")).toMatch(`commit=${commit}`);
  });

  test("the reboot: nothing is armed, the turn is given back, and later it comes", async () => {
    expect(await u.reboot(full, "now")).toMatch(/^pine: version 1\.1\.0 /);
    stays({ a: "1" });
    expect(p.state("waiting")).toMatch(/^version 1\.1\.0 /);
    expect(u.turns().map((turn) => turn.split(" ")[0])).toContain("release");
    // by itself it comes back later, not each minute (69: zincati#1314)
    const asked = u.turns().length;
    expect(await u.reboot()).toMatch(/^pine: version 1\.1\.0 /);
    expect([u.turns().length, p.state("apply_failures")]).toEqual([asked, "1"]);
    await room("a");
    expect(await u.reboot({}, "now")).toBe("done");
    expect(p.s.env).toMatchObject({ slot: "a", trial: "b", tries: 1 });
  });

  test("a good trial: it is confirmed, and what it is counts", async () => {
    booted(p.s);
    await p.run("judge", [], { slot: "b", trial: true, health: GREEN, before: ": >/run/pine.completed", ...full });
    expect(p.s.env).toMatchObject({ slot: "b", trial: undefined });
    expect(p.text("trust/manifest")).toMatch(/^version=1\.1\.0$/m);
    expect(p.state("result")).toBe("version 1.1.0 runs and is confirmed");
    await room("b");
    stays({ a: "1", b: "2" });
  });

  test("a bad trial: it goes back, says why, and is not tried again", async () => {
    const third = await u.stage("3", "1.2.0", "b");
    expect(await u.reboot({ slot: "b" }, "now")).toBe("done");
    booted(p.s);
    await p.run("judge", [], { slot: "a", trial: true, health: RED, before: ": >/run/pine.completed", ...full });
    expect(p.s.env).toMatchObject({ slot: "b", trial: "a" });
    expect(p.text("trial.reason")).toBe("web: status 500\n");
    // the server is as full in its next boot
    await p.run("agent", ["ok"], { slot: "b", ...full });
    await p.run("judge", [], { slot: "b", health: GREEN, before: ": >/run/pine.completed", ...full });
    expect(p.text("refused")).toMatch(new RegExp(`^${third} bad \\S+ web: status 500$`, "m"));
    expect(p.s.bootable()).toEqual({ a: "1", b: "2" });
    await room("b");
    // what could not be removed goes with the next deployment
    await p.run("agent", ["tidy"], { slot: "b" });
    stays({ a: "1", b: "2" });
    expect(await p.refused("upgrade", ["stage"], { slot: "b" })).toBe("done");
    expect((await p.run("upgrade", ["check"], { slot: "b" })).stdout).toMatch(/^decision=refused$/m);
  });
});
