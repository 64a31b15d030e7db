/** When a plan holds a rehearsal, and what it says of it or against it. */
import { describe, expect, it } from "vitest";
import type { Facts } from "../../../../provider/host/facts/types/facts.ts";
import { planRehearsal } from "../../../../provider/host/plan/rehearsal.ts";
import { planInstall } from "../../../../provider/host/ways/plan.ts";
import { updateLine, updateSteps } from "../../../../provider/host/ways/update/steps.ts";
import { facts, image, inputs } from "./tools.ts";

const rehearse = { required: false };
const planned = (change: object = {}, on: Facts = facts()) => planInstall(on, { ...inputs, ...change }, image).plan!;

describe("an installation", () => {
  it("is rehearsed before anything else, and says so in the line and in the plan", () => {
    const plan = planned({ rehearse });
    expect(plan.steps.map((step) => step.do)).toEqual(["rehearse", "check-signature", "install", "trial"]);
    expect(plan.summary).toMatch(/: send 83 MB, 1 reboot; rehearsed first in QEMU on this machine; keeps /);
    expect(plan.lines.join("\n")).toMatch(
      /^rehearsal: before the server is touched, .* a failure ends this run there$/m,
    );
    expect(planned({ rehearse: { required: true } }).lines.join("\n")).toMatch(/a failure, or no clear result, ends/);
  });
  it("is not rehearsed unasked", () => {
    const plan = planned();
    expect(plan.steps.map((step) => step.do)).not.toContain("rehearse");
    expect(`${plan.summary}\n${plan.lines.join("\n")}`).not.toMatch(/rehears/);
  });
});

describe("what cannot boot here", () => {
  const container = facts((f) => {
    f.container = "lxc";
  });
  it.each<[string, Facts, string, RegExp]>([
    ["a container", container, "x86_64", /no kernel that could boot on this machine; its trial stands in/],
    ["a commit for another processor", facts(), "aarch64", /for x86_64, and this one is for aarch64; its trial/],
  ])("%s: is told, and refused where it is required", (_, on, arch, why) => {
    const found = planRehearsal(on, { rehearse }, { ...image, arch });
    expect(found).toEqual({ note: expect.stringMatching(why) });
    const { refusal, ...rest } = planRehearsal(on, { rehearse: { required: true } }, { ...image, arch });
    expect([refusal?.code, refusal?.message, rest]).toEqual(["rehearse", expect.stringMatching(why), {}]);
    expect(planRehearsal(on, {}, { ...image, arch })).toEqual({});
  });
});

describe("an update", () => {
  const [runs, next] = ["a".repeat(64), "b".repeat(64)];
  const wanted = {
    runs,
    slot: "a",
    armed: false,
    place: "machine",
    watchdog: true,
    commit: next,
    fresh: false,
    foreign: false,
    deadman: 300,
    rehearse: { do: "rehearse", required: false },
  } as const;
  it("is rehearsed where it deploys something", () => {
    const steps = updateSteps(wanted);
    expect(steps[0]).toEqual(wanted.rehearse);
    expect(updateLine(steps)).toMatch(
      /^rehearsed first in QEMU on this machine; update aaaaaaaaaaaa => bbbbbbbbbbbb: /,
    );
  });
  it("is not where what runs stays", () =>
    expect(updateSteps({ ...wanted, commit: runs }).map((s) => s.do)).toEqual(["write-files", "keep-running"]));
});
