/**
 * Three containers that pull, with one reboot lock on a real etcd, and behind FleetLock's protocol: a commit rolls over
 * them, a bad one is booted by one of them, and one that dies with its turn keeps the others until a person forgets it.
 * On Consul: fleet-rolling. Looked at once a second from outside.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { asRootBySudo, isRoot } from "./as-root.ts";
import { steps, until } from "./hijack-lab.ts";
import { type PullingLab, startPullingLab } from "./pulling-lab.ts";
import { GROUP } from "./pulling-store.ts";
import { most, settled, watched } from "./pulling-watch.ts";

const NAMES = ["web-1", "web-2", "web-3"];
const short = (commit: string) => commit.slice(0, 12);

interface Kind {
  kind: "etcd" | "fleetlock";
  /** etcd without a secret is asked by busybox' wget; so are FleetLock's, whose reasons want curl. */
  packages: string[];
  /** What the others say after a commit failed on one of them. */
  stopped(commit: string, failed: string): RegExp;
  /** And while one that is dead has its turn. */
  taken(commit: string, dead: string): RegExp;
}

const NOT_NOW = /^no turn now in group web: all semaphore slots currently locked; slots: decided by the server, /;
const KINDS: Kind[] = [
  {
    kind: "etcd",
    packages: ["lighttpd"],
    stopped: (commit, failed) =>
      new RegExp(`^commit ${short(commit)} failed on ${failed} at \\S+: web: .*; failures: 1, allowed: 0`),
    taken: (commit, dead) =>
      new RegExp(`^${dead} has its turn since \\S+ for commit ${short(commit)}.*pine queue forget ${dead}`),
  },
  { kind: "fleetlock", packages: ["lighttpd", "curl"], stopped: () => NOT_NOW, taken: () => NOT_NOW },
];

if (!isRoot) asRootBySudo("fleet", import.meta.filename);

if (isRoot)
  describe.each(KINDS)("three containers that pull, and one turn by $kind", ({ kind, packages, ...says }) => {
    const step = steps(test);
    let lab: PullingLab;
    const waits = async (name: string) => (await lab.status(name)).updatesWaiting ?? "";
    const others = (one: string) => NAMES.filter((name) => name !== one);
    /** Waits until all of them say the same. */
    const say = (names: string[], text: RegExp) =>
      until(`${names} say ${text}`, async () => (await Promise.all(names.map(waits))).every((said) => text.test(said)));

    beforeAll(async () => {
      lab = await startPullingLab(`by-${kind}`, NAMES, { store: kind, packages });
    });
    afterAll(() => lab?.end());

    step("they are taken, and nobody has a turn", async () => {
      await lab.project.ok(["up", "--skip-preview"]);
      expect(await lab.store!.holders()).toEqual([]);
      const members = [...(await lab.store!.text()).matchAll(/^member (\S+) \d+ 1 0$/gm)].map(([, name]) => name);
      expect(members.sort()).toEqual(kind === "etcd" ? NAMES : []);
      for (const name of NAMES)
        expect(await lab.within(name, "pine status")).toMatch(new RegExp(`^group +${GROUP} at ${kind}$`, "m"));
      lab.tell("installed");
    });

    step("a commit that is published rolls over them, and never two are down", async () => {
      const { checksum } = await lab.publish({ page: "The second page" });
      const { seen } = await watched(lab, settled(lab, checksum, NAMES));
      lab.tell(`rolled; ${seen.samples} looks; down: ${seen.down.join(" ")}`);
      expect([most(seen), seen.unknown]).toEqual([1, []]);
      expect(seen.down.flat().sort()).toEqual(NAMES);
      expect(seen.samples).toBeGreaterThan(20);
      for (const name of NAMES) expect(await lab.within(name, "wget -qO- http://127.0.0.1/")).toBe("The second page");
    });

    let bad = "";
    step("a bad one is booted by one of them and by no other", async () => {
      const { checksum } = await lab.publish({ webPort: "81", page: "A bad page" });
      bad = checksum;
      let failed = "";
      const told = async () => {
        await until("one went back", async () => {
          const results = await Promise.all(NAMES.map(async (name) => (await lab.status(name)).updatesResult ?? ""));
          failed = NAMES[results.findIndex((text) => /did not stay: web: /.test(text))] ?? "";
          return failed !== "";
        });
        await say(others(failed), says.stopped(checksum, failed));
        // some more of their looks change nothing
        await sleep(20_000);
      };
      const { seen } = await watched(lab, told());
      expect(seen.ran[checksum]).toEqual([failed]);
      expect([most(seen), seen.unknown]).toEqual([1, []]);
      // without a verdict in the store, the failed one keeps its slot
      expect(await lab.store!.holders()).toEqual(kind === "fleetlock" ? [failed] : []);
      lab.tell(`${failed} alone booted the bad one`);
    });

    step("nor later; the fix is published, and all three move", async () => {
      const { checksum } = await lab.publish({ webPort: "80", page: "The third page" });
      const { seen } = await watched(lab, settled(lab, checksum, NAMES));
      expect([most(seen), seen.unknown]).toEqual([1, []]);
      expect(seen.ran[bad]).toBeUndefined();
      expect(seen.ran[checksum]).toEqual(NAMES);
      lab.tell(`mended; ${seen.samples} looks; down: ${seen.down.join(" ")}`);
    });

    let [dead, next] = ["", ""];
    step("one is killed in its trial, and left off: the others say so, and stay", async () => {
      const { checksum } = await lab.publish({ page: "The fourth page" });
      next = checksum;
      const trial = () => NAMES.find((name) => lab.running(name).trial && !lab.running(name).confirmed);
      const kill = async () => {
        await until("one is on trial", () => trial() !== undefined);
        dead = trial()!;
        await lab.servers[dead]!.kill();
        await say(others(dead), says.taken(checksum, dead));
      };
      await watched(lab, kill());
      const { seen } = await watched(lab, sleep(20_000));
      expect(seen.down).toEqual([[dead]]);
      expect(seen.ran[checksum]).toBeUndefined();
      expect(await lab.store!.holders()).toEqual([dead]);
      lab.tell(`${dead} is dead`);
    });

    step("a person forgets it on another, and the others go one by one", async () => {
      const [first, second] = others(dead);
      await lab.within(first!, `pine queue forget ${dead}`);
      delete lab.servers[dead];
      const { seen } = await watched(lab, settled(lab, next, [first!, second!]));
      expect([most(seen), seen.unknown]).toEqual([1, []]);
      expect(seen.ran[next]).toEqual([first, second]);
      lab.tell(`the others went; down: ${seen.down.join(" ")}`);
    });
  });
