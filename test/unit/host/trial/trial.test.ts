/**
 * What is sent to a system on trial: one that is not healthy is never confirmed. What is sent is recorded, nothing is
 * run.
 */
import { beforeEach, expect, it, vi } from "vitest";
import { agentScript } from "../../../../provider/host/scripts.ts";
import type { Ssh } from "../../../../provider/host/ssh/types.ts";
import { waitForSsh } from "../../../../provider/host/ssh/wait.ts";
import { checkHealth } from "../../../../provider/host/trial/health.ts";
import { runTrial } from "../../../../provider/host/trial/trial.ts";
import { quietTask } from "../../../../provider/task.ts";

vi.mock("../../../../provider/host/ssh/wait.ts", async (original) => ({
  ...(await original<object>()),
  waitForSsh: vi.fn(),
}));

const checksum = "c".repeat(64);
const secret = "Bearer canary-of-a-token";
let sent: string[];
/** A server that runs `slot`, whose health checks answer with `said`. */
function server(slot: "a" | "b", confirmed: "a" | "b", said: string): Ssh {
  const status = `running=${slot}\nrunning_trial=${slot === confirmed ? "" : 1}\nchecksum=${slot === "b" ? checksum : "d".repeat(64)}\nboot_id=x\nslot=`;
  let is = confirmed;
  const exec = async (script: string, args: string[] = [], o: { onLine?: (l: string, from: string) => void } = {}) => {
    o.onLine?.("locked", "stdout");
    const ours = script.endsWith(agentScript());
    if (ours && args[0] !== "status") sent.push(args.join(" "));
    if (ours && args[0] === "confirm") is = slot;
    if (ours) return { exitCode: 0, stdout: args[0] === "status" ? `${status}${is}\ncompleted=1\n` : "", stderr: "" };
    return { exitCode: args[0] === "command" && said ? 1 : 0, stdout: said, stderr: "" };
  };
  return { exec, close: async () => {}, bootId: "x" } as unknown as Ssh;
}
const health = [
  { http: "http://u:canary-of-a-token@127.0.0.1/?key=canary-of-a-token" },
  { command: `curl -H '${secret}' x`, timeout: 1 },
];
const options = { connections: [], bootId: "w", slot: "b" as const, checksum, health, deadman: 60, owner: "test" };
beforeEach(() => {
  sent = [];
});

it("healthy: confirmed", async () => {
  vi.mocked(waitForSsh).mockResolvedValueOnce(server("b", "a", ""));
  expect((await runTrial(server("a", "a", ""), options, quietTask())).outcome).toBe("confirmed");
  expect(sent).toEqual(["reboot", `confirm ${checksum}`, "tidy"]);
});

it("not healthy: sent back, never confirmed", async () => {
  vi.mocked(waitForSsh)
    .mockResolvedValueOnce(server("b", "a", "exit code 1"))
    .mockResolvedValueOnce(server("a", "a", ""));
  const result = await runTrial(server("a", "a", ""), options, quietTask());
  expect(result).toMatchObject({
    outcome: "returned",
    reasons: ["health check 2 of 2 (command) failed for 1 s: exit code 1"],
  });
  expect(sent.filter((s) => s.startsWith("confirm"))).toEqual([]);
  expect(sent.filter((s) => s === "reboot")).toHaveLength(2);
});

it("neither steps nor reasons tell what a check asks with", async () => {
  const steps: string[] = [];
  const task = { ...quietTask(), step: (text: string) => steps.push(text) };
  const failed = await checkHealth(server("b", "a", "exit code 22"), health, task);
  expect(failed).toHaveLength(1);
  expect([...steps, ...failed].join("\n")).not.toMatch(/canary|127\.0\.0\.1|curl/);
  expect(steps[0]).toBe("health check 1 of 2 (http)");
});
