/**
 * Two containers that pull, and nobody there: a commit that takes the network away, and one that hangs. Each comes back
 * by itself and says why. They differ in their dead-man: one ends a trial that hangs before the judge does.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { asRootBySudo, isRoot } from "./as-root.ts";
import { steps, until } from "./hijack-lab.ts";
import { hurried, type PullingLab, startPullingLab } from "./pulling-lab.ts";

const NAMES = ["judged", "timed"];
const GOOD = ["lighttpd"];

/** A firewall that is too good, and a service that never finishes its start. */
const SERVICES = {
  firewall:
    'depend() {\n\tneed net\n}\nstart() {\n\tebegin "Closing everything"\n\tip link set eth0 down\n\teend $?\n}\n',
  stuck: 'start() {\n\tebegin "Waiting for what never comes"\n\tsleep 100000\n}\n',
};

if (!isRoot) asRootBySudo("fleet", import.meta.filename);

if (isRoot)
  describe("containers that pull, and nobody there", () => {
    const step = steps(test);
    let lab: PullingLab;
    let good = "";
    /** They took it by themselves and keep it. */
    const all = (commit: string) =>
      hurried(
        lab,
        until("both run it, confirmed", () =>
          NAMES.every((name) => lab.running(name).commit === commit && lab.running(name).confirmed),
        ),
      );
    /** Both were seen on trial with it, and run what was good again; answers what they say of it. */
    async function cameBack(made: { checksum: string; version: string }): Promise<Record<string, string>[]> {
      const tried = new Set<string>();
      const back = until("both tried it, came back, and say so", async () => {
        for (const name of NAMES) if (lab.running(name).commit === made.checksum) tried.add(name);
        if (tried.size < NAMES.length) return false;
        const now = await Promise.all(NAMES.map((name) => lab.status(name)));
        return now.every((s) => s.updatesResult?.startsWith(`version ${made.version} did not stay`));
      });
      await hurried(lab, back);
      for (const name of NAMES) {
        expect(lab.running(name)).toEqual({ commit: good, trial: false, confirmed: true });
        expect(await lab.within(name, "wget -qO- http://127.0.0.1/")).toBe("Hello from an atomic server");
      }
      return Promise.all(NAMES.map((name) => lab.status(name)));
    }
    /** The same reason in all that a person may read later. */
    async function tells(commit: string, reasons: RegExp[]): Promise<void> {
      const { output } = await lab.project.ok(["refresh"]);
      for (const [n, name] of NAMES.entries()) {
        const reason = reasons[n]!;
        expect(await lab.within(name, "pine status")).toMatch(
          new RegExp(`^failed +commit ${commit.slice(0, 12)} at .*${reason.source}`, "m"),
        );
        expect(await lab.within(name, "pine status")).toMatch(
          new RegExp(`^last update +version .* did not stay: .*${reason.source}`, "m"),
        );
        expect(await lab.within(name, "pine logs")).toMatch(new RegExp(`^\\d+ .*${reason.source}`, "m"));
        expect(output).toMatch(reason);
      }
    }

    beforeAll(async () => {
      lab = await startPullingLab("nobody", NAMES, {
        network: "interfaces",
        memoryMiB: 64,
        services: SERVICES,
        deadman: { timed: 160 },
      });
      await lab.project.ok(["up", "--skip-preview"]);
      good = lab.running("judged").commit!;
      lab.tell("installed");
    });
    afterAll(() => lab?.end());

    step("one that takes the network away: it does not reach the next update, and comes back", async () => {
      const made = await lab.publish({ services: [...GOOD, "firewall"] });
      for (const now of await cameBack(made)) expect(now).toMatchObject({ failedPhase: "health" });
      const reason = /updates: the next manifest cannot be had/;
      await tells(made.checksum, [reason, reason]);
      // the line may have been down by chance
      expect(await lab.within("judged", "pine logs")).toMatch(
        new RegExp(`^not booted by itself: commit ${made.checksum.slice(0, 12)}, elsewhere since`, "m"),
      );
      lab.tell("came back to its network");
    });

    step("one whose start hangs: the judge ends it, or the dead-man", async () => {
      const made = await lab.publish({ services: [...GOOD, "stuck"] });
      const [judged, timed] = await cameBack(made);
      expect(judged).toMatchObject({ failedPhase: "health" });
      expect(timed).toMatchObject({ failedPhase: "silent" });
      await tells(made.checksum, [/the default runlevel was not reached/, /nobody confirmed it in time/]);
      // the console of the trial names the service
      expect(await lab.within("timed", "pine logs $(pine logs | head -n 1 | cut -d ' ' -f 1)")).toMatch(
        /Waiting for what never comes/,
      );
      lab.tell("came back from a start that hangs");
    });

    step("they are not tried again; a good one is taken by itself", async () => {
      const { checksum } = await lab.publish({ services: GOOD, page: "A mended page" });
      await all(checksum);
      for (const name of NAMES) expect(await lab.within(name, "wget -qO- http://127.0.0.1/")).toBe("A mended page");
      lab.tell("mended by itself");
    });
  });
