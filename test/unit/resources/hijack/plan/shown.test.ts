/** What preview showed against what is there now. */
import { mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import type { Facts } from "../../../../../provider/host/facts/types/facts.ts";
import { planInstall } from "../../../../../provider/host/ways/plan.ts";
import { FORGOTTEN_MS } from "../../../../../provider/local/holder.ts";
import type { Call } from "../../../../../provider/resource.ts";
import {
  assertPlanUnchanged,
  changedSince,
  comparablePlan,
  recordShownPlan,
} from "../../../../../provider/resources/hijack/plan/shown.ts";
import { facts, image, inputs } from "../../../host/plan/tools.ts";

const cache = mkdtempSync(join(tmpdir(), "pine-shown-"));
afterAll(() => rmSync(cache, { recursive: true }));
const call = (name: string) => ({ config: { cache }, urn: `urn:pulumi:a::b::pine:index:HostHijack::${name}` }) as Call;
const plan = (change?: (f: Facts) => void) => planInstall(facts(change), inputs, image).plan!;
const moved = plan((f) => {
  f.network.interfaces.find((i) => i.name === "eth0")!.addresses[0]!.address = "10.0.2.16";
});

describe("what was shown", () => {
  it("is the same for the same server", () =>
    expect(changedSince(comparablePlan(plan()), comparablePlan(plan()))).toEqual([]));
  it("names what changed, both ways", () => {
    expect(changedSince(comparablePlan(plan()), comparablePlan(moved))).toEqual([
      expect.stringMatching(/^network: the preview showed 10\.0\.2\.15\/24 .*; now it is 10\.0\.2\.16\/24 /),
    ]);
  });
  it("does not count sizes, which are estimates in preview", () => {
    expect(changedSince(comparablePlan(plan()), comparablePlan({ ...plan(), sendBytes: 1, about: true }))).toEqual([]);
  });
  it("stops the same engine's up, and nobody who was shown nothing", async () => {
    await recordShownPlan(call("web"), plan());
    await expect(assertPlanUnchanged(call("web"), plan())).resolves.toBeUndefined();
    await expect(assertPlanUnchanged(call("other"), moved)).resolves.toBeUndefined();
    await expect(assertPlanUnchanged(call("web"), moved)).rejects.toThrow(
      /the server has changed since the preview:\n- network:/,
    );
    await recordShownPlan(call("web"), plan(), ["network"]); // hung on what was not known
    await expect(assertPlanUnchanged(call("web"), moved)).resolves.toBeUndefined();
  });
  it("is forgotten once its engine has ended, and another engine's stays, in whatever PID namespace", async () => {
    await recordShownPlan(call("web"), plan());
    const mine = readdirSync(join(cache, "shown"))[0]!;
    const [where, pid] = mine.split("-") as [string, string];
    const [ended, other] = [`${where}-${pid}-1-x.json`, mine.replace(/[^-]*$/, "x.json")];
    const [elsewhere, old] = ["0123456789ab-1-1-x.json", "0123456789ab-2-1-x.json"];
    for (const name of [ended, other, elsewhere, old]) writeFileSync(join(cache, "shown", name), "{}");
    const then = new Date(Date.now() - FORGOTTEN_MS - 60_000);
    utimesSync(join(cache, "shown", old), then, then);
    await recordShownPlan(call("web"), plan());
    const left = readdirSync(join(cache, "shown")).filter((name) => name.endsWith("x.json"));
    expect(left.sort()).toEqual([elsewhere, other].sort());
  });
});
