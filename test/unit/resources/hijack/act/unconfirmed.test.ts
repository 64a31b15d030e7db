/** A trial that the server judges itself: it is left alone, and told in preview and in `up`. */
import { expect, it } from "vitest";
import type { Plan } from "../../../../../provider/host/plan/types.ts";
import type { AgentStatus } from "../../../../../provider/host/server/agent.ts";
import type { Ssh } from "../../../../../provider/host/ssh/types.ts";
import type { Call } from "../../../../../provider/resource.ts";
import { endUnconfirmedTrial } from "../../../../../provider/resources/hijack/act/unconfirmed.ts";
import { hijackInputs } from "../../../../../provider/resources/hijack/model/inputs.ts";
import { planUpdate } from "../../../../../provider/resources/hijack/plan/update.ts";
import { quietTask } from "../../../../../provider/task.ts";
import { facts } from "../../../host/ways/overwrite/tools.ts";

const commit = "d".repeat(64);
const inputs = hijackInputs({ connection: { host: "192.0.2.7" }, commit: "c".repeat(64) });
const call = { ...quietTask(), stack: "demo/dev" } as unknown as Call;
const trial = { running: "b", slot: "a", trialRuns: true, judge: "self", checksum: commit } as AgentStatus;

/** A connection over which nothing may be done. */
function closedOnly() {
  const done: string[] = [];
  const ssh = {
    close: async () => void done.push("close"),
    exec: async () => void done.push("exec"),
  } as unknown as Ssh;
  return { ssh, done };
}

it("`up` does nothing to it, and says when to come again", async () => {
  const { ssh, done } = closedOnly();
  await expect(endUnconfirmedTrial({ ssh, facts: facts(), status: trial }, inputs, call)).rejects.toThrow(
    /tries commit d{12} by itself, and its own health checks judge it; run `pulumi up` again in a few minutes/,
  );
  // what waits for another run would ask for the lock then
  expect(done).toEqual(["close"]);
});

it("a preview says so, and plans nothing", async () => {
  const { ssh, done } = closedOnly();
  const wish = { inputs, id: "i1", state: { installationId: "i1" } };
  const plan = await planUpdate(
    { ssh, facts: facts(), status: trial },
    { steps: [] } as unknown as Plan,
    wish,
    undefined,
    call,
  );
  expect(plan.lines).toEqual([
    `the server tries commit ${"d".repeat(12)} by itself and judges it by its own health checks: run it again when it has`,
  ]);
  expect([plan.summary, plan.steps, done]).toEqual([plan.lines[0], [], []]);
});

it("what runs confirmed is left to be updated", async () => {
  const { ssh, done } = closedOnly();
  const confirmed = { ...trial, slot: "b" } as AgentStatus;
  expect(await endUnconfirmedTrial({ ssh, facts: facts(), status: confirmed }, inputs, call)).toBe(ssh);
  expect(done).toEqual([]);
});
