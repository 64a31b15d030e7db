/**
 * A day in minutes: published, fetched, waiting for its window, rebooted into, sent back by its health, mended, rolled
 * back by hand, taken again. At each step the server, `pulumi refresh` and the fleet's line tell the same.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { asRootBySudo, isRoot } from "./as-root.ts";
import { on, steps, until } from "./hijack-lab.ts";
import { type RingsLab, startRingsLab } from "./rings-lab.ts";

if (!isRoot) asRootBySudo("fleet", import.meta.filename);

/** A window that begins so many hours from now, by UTC. */
function windowIn(hours: number, minutes: number): object {
  const start = new Date(Date.now() + hours * 3_600_000).toISOString().slice(11, 16);
  return { reboot: "window", windows: [{ start, minutes }], timeZone: "UTC" };
}

if (isRoot)
  describe("a day of a fleet of two", () => {
    const step = steps(test);
    let lab: RingsLab;
    /** The version that is fetched on the canary. */
    const staged = async () => (await lab.status("a")).stagedVersion;
    const told = (command: string) => on(lab.servers.a!, command);
    /** What each of the three says. */
    async function say(server: RegExp, refresh: RegExp, line: RegExp, fails = false): Promise<void> {
      expect(await told("pine status")).toMatch(server);
      expect((await lab.project.ok(["refresh"])).output).toMatch(refresh);
      const up = await lab.project.run(["up", "--skip-preview"]);
      expect(up.output).toMatch(line);
      expect(up.exitCode !== 0).toBe(fails);
    }

    beforeAll(async () => {
      lab = await startRingsLab("day", ["a", "b"], [{ name: "canary", servers: ["a"] }]);
      lab.program(windowIn(6, 60));
      expect((await lab.project.ok(["up", "--skip-preview"])).output).toContain("2 servers: 2 installed");
      lab.tell("installed");
    });
    afterAll(() => lab?.end());

    let bad = "";
    step("published and fetched: it waits for its window, and nobody boots it", async () => {
      await lab.project.set({ webPort: "81", page: "The second page" });
      expect((await lab.project.ok(["up", "--skip-preview"])).output).toMatch(/ring rest: version \S+ waits for a/);
      await until("the canary has fetched it", async () => {
        await lab.allLook();
        return (await staged()) !== undefined;
      });
      bad = (await staged())!;
      const waits = `version ${bad} waits for its window: `;
      await say(
        new RegExp(`^staged +version ${bad}, commit [0-9a-f]{12}: ${waits}`, "m"),
        new RegExp(`version ${bad} is fetched: ${waits}`),
        new RegExp(`2 servers: 2 unchanged; ring rest: version ${bad} waits for a \\(${waits}`),
      );
      expect([await lab.page("a"), await lab.page("b")]).toEqual(["The first page", "The first page"]);
      expect((await lab.status("b")).stagedVersion).toBeUndefined();
      lab.tell("waits for its window");
    });

    step("the window opens: it reboots, its health fails, it comes back; the other never boots it", async () => {
      lab.program(windowIn(-4, 480));
      await lab.project.ok(["up", "--skip-preview"]);
      const result = `version ${bad} did not stay`;
      await until("the canary came back", async () => {
        await lab.allLook();
        return (await lab.status("a")).updatesResult?.startsWith(result) === true;
      });
      await say(
        new RegExp(`^last update +${result}: web: status none`, "m"),
        new RegExp(`${result}: web: status none`),
        new RegExp(`version ${bad} failed on a \\(it came back at .*: web: status none`),
        true,
      );
      expect([await lab.page("a"), await lab.page("b")]).toEqual(["The first page", "The first page"]);
      lab.tell("came back");
    });

    let good = "";
    step("the fix is pulled in the window, and stays", async () => {
      await lab.project.set({ webPort: "80", page: "The fix" });
      await lab.project.ok(["up", "--skip-preview"]);
      await lab.runs("a", "The fix");
      good = lab.signed("canary");
      // confirmed first, and written down then
      await until("it says so", async () =>
        /^last update +version \S+ runs and is confirmed/m.test(await told("pine status")),
      );
      expect((await lab.project.ok(["refresh"])).output).not.toMatch(/did not stay/);
      expect(lab.signed("rest")).not.toBe(good);
      lab.tell("mended");
    });

    step("a person rolls it back: it is not taken again, and goes to nobody else", async () => {
      await told("pine rollback the fix is ugly");
      await lab.runs("a", "The first page");
      await lab.allLook();
      const refused = await lab.servers.a!.ssh("pine upgrade --reboot");
      expect([refused.exitCode, refused.stdout]).toEqual([
        1,
        expect.stringMatching(/not taken: not booted again, person since \S+ the fix is ugly/),
      ]);
      await say(
        /^updates +what is offered is not taken/m,
        new RegExp(`commit ${good.slice(0, 12)} was rolled back by hand at \\S+: the fix is ugly`),
        /failed on a \(it was rolled back by hand at \S+: the fix is ugly/,
        true,
      );
      expect(await lab.page("a")).toBe("The first page");
      expect(lab.signed("rest")).not.toBe(good);
      lab.tell("rolled back by hand");
    });

    step("allowed again and taken at once: then it is the others' turn", async () => {
      await told(`pine unhold ${good}`);
      await told("pine upgrade --reboot");
      await lab.runs("a", "The fix");
      expect((await lab.project.ok(["up", "--skip-preview"])).output).toMatch(/2 servers: 2 unchanged\s/);
      expect(lab.signed("rest")).toBe(good);
      await lab.runs("b", "The fix");
      const refreshed = await lab.project.ok(["refresh"]);
      expect(refreshed.output).not.toMatch(/did not stay|rolled back|is fetched/);
      await lab.project.ok(["up", "--expect-no-changes"]);
      lab.tell("everywhere");
    });
  });
