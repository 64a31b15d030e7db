/**
 * A Fleet whose servers pull, and the real engine: which ring is signed when, what a preview says of it, and that no
 * end of an `up` is one that the next cannot leave. What servers and rings do is made up; test/e2e/fleet-rings.test.ts
 * has real ones.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { keyText } from "../unit/trust/a-manifest.ts";
import { commit, type FleetLab, fleetLab } from "./fleet-lab.ts";

const NAMES = ["a", "b", "c", "d"];
let lab: FleetLab;
let says: string;
beforeAll(async () => {
  lab = await fleetLab([...NAMES, "e"]);
  says = join(lab.folder, "says");
  lab.env.PINE_TEST_SAYS = says;
}, 120_000);
afterAll(() => lab?.end());

const say = (all: Record<string, Record<string, string>>) => writeFileSync(says, JSON.stringify(all));
const confirmed = (letter: string, ...names: string[]) =>
  Object.fromEntries(names.map((name) => [name, { [letter]: "confirmed" }]));
const rings = (more: object = {}) => ({
  order: [
    { name: "canary", servers: ["a"] },
    { name: "early", servers: ["b"] },
  ],
  publish: { folder: "/nowhere", ...more },
  signingKey: keyText(1),
});
const program = (letter: string, names = NAMES, more: object = {}) =>
  lab.program(
    Object.fromEntries(names.map((name) => [name, lab.server(name)])),
    {
      commit: commit(letter),
      rings: rings(more),
      defaults: { connection: { host: "127.0.0.1" }, updates: { url: "http://127.0.0.1/" } },
    },
    // biome-ignore lint/suspicious/noTemplateCurlyInString: YAML's own
    { outputs: { waiting: "${web.waiting}" } },
  );
const up = async () => {
  const { exitCode, stdout, stderr } = await lab.project.cli(["up", "--skip-preview", "--parallel", "100"]);
  return { exitCode, said: stdout + stderr };
};
const waiting = async () =>
  JSON.parse((await lab.project.ok(["stack", "output", "--json", "--stack", "dev"])).stdout).waiting;

describe("a fleet of four that pull, in three rings", { timeout: 240_000 }, () => {
  test("new: installed ring by ring, each signed when the one before runs it", async () => {
    program("a");
    say(confirmed("a", ...NAMES));
    const preview = await lab.project.ok(["preview"]);
    expect(preview.stdout).toContain("4 servers: 4 are new");
    expect((await up()).exitCode).toBe(0);
    expect(lab.journal()).toEqual([
      "signed pine/web/canary a a",
      ...["begin web-a create", "end web-a create"],
      "signed pine/web/early a b",
      ...["begin web-b create", "end web-b create"],
      "signed pine/web/rest a c+d",
      ...["c", "d"].flatMap((name) => [`begin web-${name} create`, `end web-${name} create`]),
    ]);
    expect(await waiting()).toEqual({});
    await lab.project.ok(["preview", "--expect-no-changes"]);
  });
  test("another commit: the canary's is signed, nobody is touched, and `up` ends well", async () => {
    program("b");
    say(confirmed("a", ...NAMES));
    const preview = await lab.project.ok(["preview"]);
    expect(preview.stdout).toMatch(/4 servers: 4 unchanged; ring early: version b waits for a \(as it says\)/);
    const first = await up();
    expect([first.exitCode, lab.journal()]).toEqual([0, ["signed pine/web/canary b a"]]);
    expect(first.said).toMatch(/4 servers: 4 unchanged; ring early: .*; ring rest: version b waits for a \(.*, b \(/);
    expect(await waiting()).toMatchObject({ early: "version b waits for a (as it says)" });
    // whoever asks again changes nothing
    expect([(await up()).exitCode, lab.journal()]).toEqual([0, []]);
  });
  test("it fails on the canary: `up` fails, signs nothing, and the next commit goes on without a hand", async () => {
    say({ ...confirmed("a", "b", "c", "d"), a: { b: "failed" } });
    for (let n = 0; n < 2; n++) {
      const failed = await up();
      expect(failed.exitCode).not.toBe(0);
      expect(failed.said).toContain("version b failed on a (as it says)");
      expect(lab.journal()).toEqual([]);
    }
    program("c");
    expect([(await up()).exitCode, lab.journal()]).toEqual([0, ["signed pine/web/canary c a"]]);
    say(confirmed("c", "a"));
    expect([(await up()).exitCode, lab.journal()]).toEqual([0, ["signed pine/web/early c b"]]);
    say(confirmed("c", "a", "b"));
    expect([(await up()).exitCode, lab.journal()]).toEqual([0, ["signed pine/web/rest c c+d"]]);
    expect(await waiting()).toEqual({});
  });
  test("a server more is installed with what its ring has, while the ring waits", async () => {
    program("d", [...NAMES, "e"]);
    expect((await up()).exitCode).toBe(0);
    expect(lab.journal()).toEqual(["signed pine/web/canary d a", "begin web-e create", "end web-e create"]);
    const servers = (await lab.project.resources()).filter((r) => r.urn.endsWith("::web-e"));
    expect(servers[0]!.outputs?.booted).toMatchObject({ checksum: commit("c") });
  });
  test("what is withdrawn is signed for nobody else", async () => {
    say(confirmed("d", ...NAMES));
    program("d", [...NAMES, "e"], { withdrawn: [commit("d")] });
    const { exitCode, said } = await up();
    expect([exitCode, lab.journal()]).toEqual([0, []]);
    expect(said).toContain("ring early: version d was withdrawn");
  });
  test("--target cannot go past a ring that waits", async () => {
    program("e", [...NAMES, "e"]);
    const { urn } = (await lab.project.resources()).find((r) => r.urn.endsWith("::web-d"))!;
    const done = await lab.project.cli(["up", "--skip-preview", "--target", urn]);
    expect([done.exitCode, lab.journal()]).toEqual([0, []]);
  });
  test("destroy ends rings after their servers", async () => {
    await lab.project.ok(["destroy"]);
    const ended = lab.journal().filter((line) => line.startsWith("end"));
    expect(ended.indexOf("ended web-ring-rest")).toBeGreaterThan(ended.indexOf("end web-d delete"));
    expect(ended.at(-1)).toBe("ended web-ring-canary");
  });
});
