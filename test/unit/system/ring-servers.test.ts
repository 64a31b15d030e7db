/**
 * Three servers that pull from one published place, in two rings: made-up servers with a real OSTree, that really fetch
 * and arm; what is signed goes by what they say. test/e2e/fleet-rings.test.ts has a program and containers.
 */
import { existsSync, readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parsePine } from "../../../provider/host/facts/pine.ts";
import { parseStatus } from "../../../provider/host/server/agent.ts";
import type { Made } from "../../../provider/resources/commit/history.ts";
import { gateOf, type Verdict, verdictOf } from "../../../provider/resources/ring/gate.ts";
import { type Next, nextOf, ringStatement } from "../../../provider/resources/ring/sign.ts";
import { manifestFile } from "../../../provider/trust/manifest.ts";
import { nextPublication, parseManifestFile } from "../../../provider/trust/publication.ts";
import { GREEN, RED, Updater } from "./an-updater.ts";
import { booted } from "./booted.ts";

const RINGS = { canary: ["a"], rest: ["b", "c"] };
type Ring = keyof typeof RINGS;
type Name = "a" | "b" | "c";

class Lab {
  readonly servers = {} as Record<Name, Updater>;
  readonly slots: Record<Name, "a" | "b"> = { a: "a", b: "a", c: "a" };
  private readonly signed: Record<Ring, Made[]> = { canary: [], rest: [] };

  static async make(shell: string[]): Promise<Lab> {
    const lab = new Lab();
    for (const name of ["a", "b", "c"] as const) {
      lab.servers[name] = await Updater.make(shell);
      const ref = `pine/web/${RINGS.canary.includes(name) ? "canary" : "rest"}`;
      lab.servers[name].p.settings({ url: lab.place.url, ref, id: name, reboot: "now" });
    }
    return lab;
  }
  /** The first one's web server is the published place of all. */
  get place() {
    return this.servers.a.p;
  }
  async commit(content: string, version: string): Promise<Made> {
    return { checksum: await this.place.s.commit(content, { repo: this.place.repo }), version, made: "t" };
  }

  /** What a server says of a commit, as Ring asks it. */
  async verdict(name: Name, commit: string): Promise<Verdict> {
    const { p } = this.servers[name];
    const { stdout } = await p.run("agent", ["status"], { slot: this.slots[name] });
    const lines = (path: string) => (p.has(path) ? p.text(path).split("\n").filter(Boolean) : []);
    const told = { "pine.updates": ["x"], "pine.pull": lines("pull/state"), "pine.refused": lines("refused") };
    return verdictOf(commit, { pine: parsePine(new Map(Object.entries(told)), []), status: parseStatus(stdout) });
  }

  /** Signs for a ring what it may have. */
  async sign(ring: Ring, wanted: Made): Promise<Next> {
    const before = ring === "canary" ? [] : (["a"] as const);
    const asked = before.map(async (name) => [name, await this.verdict(name, wanted.checksum)] as const);
    const next = nextOf(wanted, gateOf(new Map(await Promise.all(asked))), [], this.signed[ring]);
    const [now] = next.history;
    if (!now || now === this.signed[ring][0]) return next;
    this.signed[ring] = next.history;
    const [p, ref] = [this.place, `pine/web/${ring}`];
    const path = `pine/${ref}.manifest`;
    const had = existsSync(p.published(path)) ? readFileSync(p.published(path), "utf8") : "";
    const statement = ringStatement({}, next.history);
    const m = p.manifest(now.checksum, now.version, { ref });
    const last = { manifest: parseManifestFile(had), keys: "" };
    p.put(path, manifestFile(nextPublication(m, p.signers, statement, last, 1_700_000_000).manifest));
    return next;
  }

  /** Every server looks, and does what is due. */
  async allLook(): Promise<void> {
    const before = "sed -i '/^next=/d' /var/lib/pine/pull/state 2>/dev/null || true";
    for (const [name, { p }] of Object.entries(this.servers))
      await p.run("upgrade", ["tick"], { slot: this.slots[name as Name], health: GREEN, before });
  }
  /** Who has a trial armed. */
  armed = () => (["a", "b", "c"] as const).filter((name) => this.servers[name].p.s.env.trial !== undefined);

  /** The boot of a trial, and its end. */
  async boots(name: Name, health: string): Promise<void> {
    const { [name]: u } = this.servers;
    const [old, trial] = this.slots[name] === "a" ? (["a", "b"] as const) : (["b", "a"] as const);
    booted(u.p.s);
    await u.judge(trial, health, { trial: true });
    if (health === GREEN) {
      this.slots[name] = trial;
      return;
    }
    await u.p.run("agent", ["ok"], { slot: old });
    await u.judge(old, GREEN);
  }
}

// one shell: pull.test.ts and upgrade.test.ts have both
describe("three servers in two rings", { timeout: 180_000 }, () => {
  let lab: Lab;
  let bad: Made;
  let fix: Made;
  beforeAll(async () => {
    lab = await Lab.make(["busybox", "sh"]);
  }, 180_000);
  afterAll(async () => {
    for (const { p } of Object.values(lab?.servers ?? {})) await p.end();
  });

  // Datadog's account of March 2023
  test("a bad commit is armed by the canary alone, though all look, and goes no further", async () => {
    bad = await lab.commit("bad", "1.1.0");
    await lab.sign("canary", bad);
    expect((await lab.sign("rest", bad)).waits).toMatch(/^version 1\.1\.0 waits for a \(commit [0-9a-f]{12} runs/);
    await lab.allLook();
    await lab.allLook();
    expect(lab.armed()).toEqual(["a"]);
    await lab.boots("a", RED);
    expect((await lab.sign("rest", bad)).failed).toMatch(/^version 1\.1\.0 failed on a \(it came back at .*status 500/);
    await lab.allLook();
    expect(lab.armed()).toEqual([]);
    for (const name of ["b", "c"] as const) {
      expect(lab.servers[name].p.has("pull/staged.commit")).toBe(false);
      // they did look, and nothing was ever signed for their ring
      expect(lab.servers[name].p.state("problem")).toMatch(/cannot be asked/);
    }
  });

  test("the fix goes ring by ring: armed is not confirmed", async () => {
    fix = await lab.commit("fix", "1.2.0");
    await lab.sign("canary", fix);
    await lab.allLook();
    expect(lab.armed()).toEqual(["a"]);
    expect((await lab.sign("rest", fix)).waits).toMatch(/waits for a/);
    await lab.boots("a", GREEN);
    await lab.allLook();
    expect(lab.armed()).toEqual([]);
    expect((await lab.sign("rest", fix)).history[0]).toEqual(fix);
    await lab.allLook();
    expect(lab.armed()).toEqual(["b", "c"]);
    await lab.boots("b", GREEN);
    expect(await lab.verdict("b", fix.checksum)).toEqual({ is: "confirmed" });
    expect((await lab.verdict("c", fix.checksum)).is).toBe("waits");
  });
});
