/**
 * Three containers that pull, with one reboot lock on a real Consul: a commit that is published rolls over them, a bad
 * one stops at the first, and one that dies with its turn keeps the others until the program gives it up. Looked at
 * once a second from outside.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { asRootBySudo, isRoot } from "./as-root.ts";
import { steps, until } from "./hijack-lab.ts";
import { type PullingLab, startPullingLab } from "./pulling-lab.ts";
import { most, settled, watched } from "./pulling-watch.ts";

const NAMES = ["web-1", "web-2", "web-3"];
const short = (commit: string) => commit.slice(0, 12);

if (!isRoot) asRootBySudo("fleet", import.meta.filename);

if (isRoot)
  describe("three containers that pull, and one turn", () => {
    const step = steps(test);
    let lab: PullingLab;
    const group = () => lab.store!.text();
    const waits = async (name: string) => (await lab.status(name)).updatesWaiting ?? "";
    const all = (commit: string, names = NAMES) => settled(lab, commit, names);
    const urn = async (name: string) =>
      (await lab.project.state()).find((r) => r.urn.endsWith(`HostHijack::${name}`))!.urn;

    beforeAll(async () => {
      lab = await startPullingLab("rolling", NAMES, { store: "consul", packages: ["lighttpd", "curl"] });
    });
    afterAll(() => lab?.end());

    step("they are taken, and are one group", async () => {
      await lab.project.ok(["up", "--skip-preview"]);
      const text = await group();
      for (const name of NAMES) expect(text).toMatch(new RegExp(`^member ${name} \\d+ 1 0$`, "m"));
      expect(text).not.toMatch(/^(holder|bad)/m);
      lab.tell("installed");
    });

    step("a commit that is published rolls over them, and never two are down", async () => {
      const { checksum } = await lab.publish({ page: "The second page" });
      const { seen } = await watched(lab, all(checksum));
      lab.tell(`rolled; ${seen.samples} looks; down: ${seen.down.join(" ")}`);
      expect(most(seen)).toBe(1);
      expect(seen.unknown).toEqual([]);
      // each had its own time
      expect(seen.down.flat().sort()).toEqual(NAMES);
      expect(seen.samples).toBeGreaterThan(20);
      expect(await group()).toMatch(new RegExp(`^good ${checksum} 3 `, "m"));
      for (const name of NAMES) expect(await lab.within(name, "wget -qO- http://127.0.0.1/")).toBe("The second page");
    });

    let bad = "";
    step(
      "a bad one is booted by one of them and by no other, and the others say whose failure stopped them",
      async () => {
        const { checksum } = await lab.publish({ webPort: "81", page: "A bad page" });
        bad = checksum;
        const told = async () => {
          const seen = await Promise.all(NAMES.map(waits));
          return seen.filter((text) => text.startsWith(`commit ${short(checksum)} failed on web-`)).length === 2;
        };
        const { seen } = await watched(lab, until("two are stopped", told));
        expect(seen.ran[checksum]).toHaveLength(1);
        expect([most(seen), seen.unknown]).toEqual([1, []]);
        const [failed] = seen.ran[checksum]!;
        for (const name of NAMES.filter((one) => one !== failed)) {
          expect(await waits(name)).toMatch(
            new RegExp(`failed on ${failed} at \\S+: web: .*; failures: 1, allowed: 0`),
          );
          expect(await lab.within(name, "pine queue")).toMatch(
            new RegExp(`^stopped +commit ${short(checksum)} failed on ${failed} at \\S+: web: `, "m"),
          );
        }
        expect((await lab.status(failed!)).updatesResult).toMatch(/did not stay: web: /);
        lab.tell(`${failed} alone booted the bad one`);
      },
    );

    step("nor later; the fix is published, and all three move", async () => {
      const { checksum } = await lab.publish({ webPort: "80", page: "The third page" });
      const { seen } = await watched(lab, all(checksum));
      expect([most(seen), seen.unknown]).toEqual([1, []]);
      expect(seen.ran[bad]).toBeUndefined();
      expect(seen.ran[checksum]).toEqual(NAMES);
      lab.tell(`mended; ${seen.samples} looks; down: ${seen.down.join(" ")}`);
    });

    step("one is killed in its trial, and left off: it counts as down, the others say whose turn it is, and stay", () =>
      killed(),
    );

    let dead = "";
    let next = "";
    async function killed(): Promise<void> {
      const { checksum } = await lab.publish({ page: "The fourth page" });
      next = checksum;
      const trial = () => NAMES.find((name) => lab.running(name).trial && !lab.running(name).confirmed);
      const kill = async () => {
        await until("one is on trial", () => trial() !== undefined);
        dead = trial()!;
        await lab.servers[dead]!.kill();
      };
      await watched(lab, kill());
      const alive = NAMES.filter((name) => name !== dead);
      const says = new RegExp(
        `^${dead} has its turn since \\S+ for commit ${short(checksum)}.*pine queue forget ${dead}`,
      );
      const told = async () => (await Promise.all(alive.map(waits))).every((text) => says.test(text));
      await watched(lab, until("both are told whom for", told));
      // some more of their looks change nothing
      const { seen } = await watched(lab, new Promise((done) => setTimeout(done, 20_000)));
      expect(seen.down).toEqual([[dead]]);
      expect(seen.ran[checksum]).toBeUndefined();
      for (const name of alive) {
        expect(await lab.within(name, "pine queue")).toMatch(
          new RegExp(`^state +(taken|waits)[^]*^holders +${dead} has`, "m"),
        );
        expect(await lab.within(name, "pine status")).toMatch(new RegExp(`^holders +${dead} has its turn since`, "m"));
      }
      lab.tell(`${dead} is dead`);
    }

    step(
      "it is deleted behind Pulumi's back: destroy frees its place, and the next gets it at its next look",
      async () => {
        await lab.servers[dead]!.stop();
        const target = ["--target", await urn(dead)];
        const refused = await lab.project.run(["destroy", ...target]);
        expect(refused.exitCode).not.toBe(0);
        expect(refused.output).toMatch(/cannot be reached.*if it is gone for good: `whenUnreachable: forget`/);
        // its commit has changed since it was there, too
        lab.project.edit((text) =>
          text.replace(`"hostname":"${dead}"`, (name) => `${name},"whenUnreachable":"forget"`),
        );
        await lab.project.ok(["up", "--skip-preview", ...target]);
        expect(await group()).toMatch(new RegExp(`^holder ${dead} `, "m"));
        const { output } = await lab.project.ok(["destroy", ...target]);
        expect(output).toMatch(/the resource is removed from the state, and the server was not changed/);
        expect(output).not.toMatch(/may still count/);
        delete lab.servers[dead];
        // verdicts stay
        expect(await group()).not.toMatch(new RegExp(`^(holder|member|wait) ${dead} `, "m"));
        const alive = Object.keys(lab.servers);
        // one look of each: the first has its turn now
        lab.hurry();
        await until("one has its turn", async () => /^holder web-/m.test(await group()), 30_000);
        lab.tell("its place was free at the next look");
        const { seen } = await watched(lab, all(next, alive));
        expect([most(seen), seen.unknown]).toEqual([1, []]);
        expect(await group()).toMatch(new RegExp(`^good ${next} 2 `, "m"));
        lab.tell(`the others went; down: ${seen.down.join(" ")}`);
      },
    );
  });
