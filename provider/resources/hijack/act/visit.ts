/** One visit to a server, looked at and planned once under its lock: no step acts on anything older. */
import { die } from "../../../errors.ts";
import { readFacts } from "../../../host/facts/facts.ts";
import { runsPine } from "../../../host/facts/pine.ts";
import type { Facts } from "../../../host/facts/types/facts.ts";
import { lockHost, withHostLock } from "../../../host/locks/server.ts";
import type { Plan } from "../../../host/plan/types.ts";
import { type AgentStatus, agentStatus } from "../../../host/server/agent.ts";
import type { Connection } from "../../../host/ssh/connection.ts";
import type { Ssh } from "../../../host/ssh/types.ts";
import type { Call } from "../../../resource.ts";
import { lockOwner, openAny, refuseAnother } from "../look/look.ts";
import { connectionsOf, keeping } from "../model/logins.ts";
import { type CommitArtifacts, missingCommit, runningCommit } from "../plan/artifacts.ts";
import { planFor } from "../plan/plan-for.ts";
import { assertPlanUnchanged } from "../plan/shown.ts";
import type { Job } from "./job.ts";

export interface Visit {
  readonly ssh: Ssh;
  readonly facts: Facts;
  /** Present when the server runs Pine. */
  readonly status?: AgentStatus;
  readonly plan: Plan;
  readonly artifacts: CommitArtifacts;
  /** Tried after a reboot, whichever system answers: the new system's root first. */
  readonly connections: Connection[];
  /** The lock holder's name, told to others that want the lock. */
  readonly owner: string;
  /** Releases the lock and closes the connection; later calls do nothing. */
  leave(): Promise<void>;
}

/**
 * Takes the lock and looks again: the server may have changed before the lock was held. From now on the visit closes
 * `ssh`, even if this fails.
 */
export async function enterVisit(ssh: Ssh, job: Job): Promise<Visit> {
  const { call, wish } = job;
  const owner = lockOwner(call);
  let unlock = async () => {};
  let left = false;
  const leave = async () => {
    if (left) return;
    left = true;
    await unlock();
    await ssh.close();
  };
  try {
    unlock = await lockHost(ssh, owner);
    const facts = await readFacts(ssh);
    refuseAnother(facts, wish.state, call);
    const status = runsPine(facts) && !facts.pine.ram ? await agentStatus(ssh) : undefined;
    const artifacts = artifactsFor(job, facts, status);
    // the RAM system's drivers are not checked: the image was accepted before
    const image = await artifacts.imageFacts(facts.tools.zstd ? "zstd" : "gzip", facts.pine.ram ? undefined : facts);
    const plan = await planFor({ ssh, facts, status }, wish, image, artifacts, call);
    if (plan.steps.length === 0)
      die(
        "a system on trial runs that nobody has confirmed",
        "another run may be working on it: run `pulumi up` again",
      );
    // an update was shown as one line; a server that has just entered the RAM system was compared before
    if (plan.way !== "update" && !job.entered) await assertPlanUnchanged(call, plan);
    const connections = connectionsOf(keeping(wish.inputs.connection, ssh));
    return { ssh, facts, status, plan, artifacts, connections, owner, leave };
  } catch (error) {
    await leave();
    throw error;
  }
}

/**
 * Works on the confirmed system after a visit's reboots, under its lock. Connects again: it may be a later boot than
 * the visit's, which is left.
 */
export async function onConfirmed(visit: Visit, call: Call, work: (ssh: Ssh) => Promise<void>): Promise<void> {
  await visit.leave();
  const ssh = await openAny(visit.connections, call);
  try {
    await withHostLock(ssh, visit.owner, () => work(ssh));
  } finally {
    await ssh.close();
  }
}

/** The wanted commit's artifacts. A commit that runs already needs no store. */
function artifactsFor({ known, wish, call }: Job, facts: Facts, status: AgentStatus | undefined): CommitArtifacts {
  const { commit } = wish.inputs;
  if (known) return known;
  return status?.running && status.checksum === commit ? runningCommit(facts) : missingCommit(commit, call);
}
