/**
 * A plan is carried out with a rehearsal in it: nothing is sent to the server before it has passed. (That the server's
 * files stay as they were: test/e2e/rehearsal-stops.test.ts.)
 */
import { expect, it, vi } from "vitest";
import { planInstall } from "../../../../../provider/host/ways/plan.ts";
import { cannotTell, type Rehearsal } from "../../../../../provider/rehearsal/rehearse.ts";
import type { Config } from "../../../../../provider/resource.ts";
import { carryOut } from "../../../../../provider/resources/hijack/act/carry-out.ts";
import type { Job } from "../../../../../provider/resources/hijack/act/job.ts";
import type { Look } from "../../../../../provider/resources/hijack/look/look.ts";
import { hijackInputs } from "../../../../../provider/resources/hijack/model/inputs.ts";
import { testCall } from "../../../../e2e/life.ts";
import { facts, image, inputs } from "../../../host/plan/tools.ts";

const asked = vi.hoisted(() => ({ visit: {} as object }));
vi.mock("../../../../../provider/resources/hijack/act/visit.ts", () => ({ enterVisit: async () => asked.visit }));

/** What the server and the store were asked for, in this order. */
async function carried(result: Rehearsal, required: boolean) {
  const done: string[] = [];
  const ssh = { exec: async () => done.push("server"), close: async () => {} };
  const plan = planInstall(facts(), { ...inputs, rehearse: { required } }, image).plan!;
  asked.visit = {
    plan,
    facts: facts(),
    ssh,
    artifacts: {
      rehearse: async () => {
        done.push("rehearsal");
        return result;
      },
      sysroot: async () => {
        done.push("sysroot");
        throw new Error("far enough");
      },
    },
    leave: async () => void done.push("left"),
  };
  const job = {
    call: testCall({} as Config),
    wish: { inputs: hijackInputs({ commit: "c".repeat(64), files: {} }), id: "i" },
    known: {},
    files: [],
    made: {},
    touched: false,
    outcome: { sent: 0 },
  };
  const error = await carryOut({ ssh, facts: facts() } as unknown as Look, job as unknown as Job).catch((e) => e);
  return { error: error.message as string, done, touched: job.touched };
}

const fail: Rehearsal = { answer: "fail", reasons: ["it restarted"], notes: [], console: [], how: "in 9 s" };

it("a failure ends the run before the sysroot is made, and the server is left alone", async () => {
  const { error, done, touched } = await carried(fail, false);
  expect([done, touched]).toEqual([["rehearsal", "left"], false]);
  expect(error).toMatch(/^the rehearsal of commit c{12} failed .*- it restarted/s);
});

it("no answer ends it where that is required, and only there", async () => {
  expect((await carried(cannotTell("busy"), true)).done).toEqual(["rehearsal", "left"]);
  const on = await carried(cannotTell("busy"), false);
  expect([on.done, on.error]).toEqual([["rehearsal", "sysroot", "left"], "far enough"]);
});

it("a pass goes on", async () =>
  expect((await carried({ ...fail, answer: "pass", reasons: [] }, true)).done).toEqual([
    "rehearsal",
    "sysroot",
    "left",
  ]));
