/**
 * A Fleet of three containers that pull, a ring each: what is published bad is booted by the canary alone, though all
 * look for updates again and again (Datadog's account of March 2023); the fix goes on ring by ring.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { asRootBySudo, isRoot } from "./as-root.ts";
import { on, steps, until } from "./hijack-lab.ts";
import { type RingsLab, startRingsLab, URL } from "./rings-lab.ts";

const NAMES = ["a", "b", "c"];
/** When the first process of a container started: another time after each start. */
const STARTED = "sed 's/.*) //' /proc/1/stat | cut -d' ' -f20";

if (!isRoot) asRootBySudo("fleet", import.meta.filename);

if (isRoot)
  describe("a fleet of three containers that pull", () => {
    const step = steps(test);
    let lab: RingsLab;
    const started = async (name: string) => on(lab.servers[name]!, STARTED);
    beforeAll(async () => {
      lab = await startRingsLab("rings", NAMES, [
        { name: "canary", servers: ["a"] },
        { name: "early", servers: ["b"] },
      ]);
    });
    afterAll(() => lab?.end());

    step("all are installed, and each ring is signed for what the one before runs", async () => {
      const preview = await lab.project.ok(["preview"]);
      expect(preview.output).toMatch(/the new commit is signed for this ring at once/);
      const up = await lab.project.ok(["up", "--skip-preview"]);
      expect(up.output).toContain("3 servers: 3 installed");
      expect(up.output).not.toContain("waits for");
      expect(lab.signed("early")).toBe(lab.signed("canary"));
      expect(lab.signed("rest")).toBe(lab.signed("canary"));
      expect((await lab.status("c")).updates).toBe(URL);
      await lab.project.ok(["up", "--expect-no-changes"]);
      lab.tell("installed");
    });

    let first: string | undefined;
    let before: string[];
    step("a bad commit is booted by the canary alone, though all look for it", async () => {
      first = lab.signed("rest");
      before = await Promise.all(NAMES.map(started));
      await lab.project.set({ webPort: "81" });
      const preview = await lab.project.ok(["preview"]);
      expect(preview.output).toContain("3 servers: 3 unchanged");
      const up = await lab.project.ok(["up", "--skip-preview"]);
      expect(up.output).toMatch(/pine\/web\/early: version \S+ waits for a \(commit [0-9a-f]{12} runs; it looked/);
      expect(up.output).toMatch(/3 servers: 3 unchanged; ring early: version/);
      expect([lab.signed("early"), lab.signed("rest")]).toEqual([first, first]);
      expect(lab.signed("canary")).not.toBe(first);
      await until("the canary came back", async () => {
        await lab.allLook();
        return (await lab.status("a")).updatesResult?.includes("did not stay") === true;
      });
      for (let n = 0; n < 3; n++) await lab.allLook();
      const [a, ...others] = await Promise.all(NAMES.map(started));
      expect(a).not.toBe(before[0]);
      expect(others).toEqual(before.slice(1));
      for (const name of ["b", "c"]) expect((await lab.status(name)).stagedCommit).toBeUndefined();
      lab.tell("a bad commit");
    });

    step("up fails with the canary's reason, as often as it runs, and signs nothing", async () => {
      for (let n = 0; n < 2; n++) {
        const failed = await lab.project.run(["up", "--skip-preview"]);
        expect(failed.exitCode).not.toBe(0);
        expect(failed.output).toMatch(/version \S+ failed on a \(it came back at .*: web: status none/);
        expect([lab.signed("early"), lab.signed("rest")]).toEqual([first, first]);
      }
      lab.tell("told");
    });

    step("the fix goes ring by ring, each with an `up` once the one before has confirmed it", async () => {
      await lab.project.set({ webPort: "80", page: "The fix" });
      const up = await lab.project.ok(["up", "--skip-preview"]);
      expect(up.output).toMatch(/early: version \S+ waits for a/);
      const fix = lab.signed("canary");
      await lab.runs("a", "The fix");
      expect([lab.signed("early"), await lab.page("b"), await lab.page("c")]).toEqual([
        first,
        "The first page",
        "The first page",
      ]);
      expect((await lab.project.ok(["up", "--skip-preview"])).output).toMatch(/rest: version \S+ waits for b/);
      expect([lab.signed("early"), lab.signed("rest")]).toEqual([fix, first]);
      await lab.runs("b", "The fix");
      expect(await lab.page("c")).toBe("The first page");
      await lab.project.ok(["up", "--skip-preview"]);
      await lab.runs("c", "The fix");
      expect(JSON.parse(await lab.project.simple(["stack", "output", "--json"])).waiting).toEqual({});
      await lab.project.ok(["up", "--expect-no-changes"]);
      lab.tell("the fix");
    });

    step("destroy gives them back, and what is published stays", async () => {
      await lab.project.ok(["destroy"]);
      for (const name of NAMES) expect(await on(lab.servers[name]!, ". /etc/os-release; echo $ID")).toBe("debian");
      expect(lab.signed("rest")).toBe(lab.signed("canary"));
    });
  });
