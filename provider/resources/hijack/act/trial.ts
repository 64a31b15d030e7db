/** The one boot of an armed slot, and what holds after it. */
import { messageOf } from "../../../errors.ts";
import type { StepOf } from "../../../host/plan/steps.ts";
import { type AgentStatus, agent, agentStatus } from "../../../host/server/agent.ts";
import type { Connection } from "../../../host/ssh/connection.ts";
import type { Ssh } from "../../../host/ssh/types.ts";
import { runTrial, type TrialResult } from "../../../host/trial/trial.ts";
import type { Call } from "../../../resource.ts";
import { openAny } from "../look/look.ts";
import type { Job } from "./job.ts";
import { endTurn } from "./reboot-lock.ts";
import type { Visit } from "./visit.ts";

/** Boots the armed slot. Ends with that system confirmed, or with the system before it running again. */
export async function boot(visit: Visit, { slot }: StepOf<"trial">, job: Job): Promise<void> {
  const { ssh, connections, facts, artifacts, owner } = visit;
  const { commit: checksum, health, deadman } = job.wish.inputs;
  const { bootId } = facts;
  const o = { connections, bootId, slot, checksum, signed: artifacts.signed, health, deadman, owner };
  const ended = (to: Ssh, end: TrialResult) => endTurn(to, end, job);
  const result = await runTrial(ssh, { ...o, ended }, job.call);
  job.outcome.result = result;
  if (result.outcome !== "returned" || !result.status.running || !job.deployment) return;
  const status = await restoreSlot(connections, job.deployment, job.call);
  if (status) job.outcome.result = { ...result, status };
}

/**
 * Removes the bad deployment after a rollback, and makes its slot name again what it named before. A deployment that
 * cannot be removed is a warning only. Returns the status afterwards.
 */
async function restoreSlot(
  connections: Connection[],
  deployment: string,
  call: Call,
): Promise<AgentStatus | undefined> {
  try {
    const ssh = await openAny(connections, call);
    try {
      call.step("removing the deployment that failed");
      await agent(ssh, ["restore", deployment], 600_000);
      return await agentStatus(ssh);
    } finally {
      await ssh.close();
    }
  } catch (error) {
    call.warn(`the deployment that failed is still on the server: ${messageOf(error)}`);
    return undefined;
  }
}
