/** Updates a server that runs Pine: its record, its files, its next deployment. */
import { nextOptions } from "../../../boot/arguments.ts";
import { authorizedKeysFile, isNetworkFile, systemIdentity } from "../../../host/files/identity.ts";
import type { StepOf } from "../../../host/plan/steps.ts";
import { agent, agentStatus } from "../../../host/server/agent.ts";
import { adopt, markDone } from "../../../host/server/record.ts";
import { keepTrust } from "../../../host/server/trust.ts";
import { checkHold } from "../../../host/ways/update/hold.ts";
import { prepareUpdate, writeFiles } from "../../../host/ways/update/update.ts";
import { networkInput } from "../model/inputs.ts";
import type { Job } from "./job.ts";
import { turnFor, turnUnused } from "./reboot-lock.ts";
import type { Visit } from "./visit.ts";

export async function makeDelta({ artifacts }: Visit, { from, to }: StepOf<"update">, job: Job): Promise<void> {
  if (from !== to) job.made.delta = await artifacts.delta(from, job.call);
}

export async function disarm({ ssh }: Visit): Promise<void> {
  await agent(ssh, ["disarm"]);
}

export async function takeOver({ ssh }: Visit, { fresh }: StepOf<"take-over">, job: Job): Promise<void> {
  const { wish, call } = job;
  job.touched = true;
  await adopt(ssh, { id: wish.id, stack: call.stack, urn: call.urn }, fresh);
}

/** Writes the program's files and root's keys to the running system; removes files that the program dropped. */
export async function writeOwnFiles(visit: Visit, { keys }: StepOf<"write-files">, job: Job): Promise<void> {
  const { ssh, facts, plan, status } = visit;
  const { inputs, state } = job.wish;
  job.touched = true;
  const removed = (state?.files ?? []).filter((path) => !(path in inputs.files));
  await writeFiles(ssh, [...(keys ? [authorizedKeysFile(keys)] : []), ...job.files], removed, job.call);
  const fresh = plan.steps.some((step) => step.do === "update" && step.fresh);
  const taken = fresh ? "reinstalled where Pine ran" : "taken over as it ran";
  Object.assign(job.outcome, {
    facts,
    hostKey: ssh.hostKeySeen,
    previous: status!.checksum,
    rootKeys: keys ?? facts.authorizedKeys.root,
    // the state of an update keeps the plan of the installation
    ...(state?.plan ? {} : { plan: { ...plan, summary: taken, lines: [taken] } }),
  });
}

/** Writes a deployment with this server's identity into the slot that is not running, and arms it for one boot. */
export async function prepareDeployment(visit: Visit, step: StepOf<"update">, job: Job): Promise<void> {
  const { ssh, facts, plan, artifacts } = visit;
  const { inputs, before } = job.wish;
  const { fresh, to: checksum } = step;
  // a preview of an image that was not built yet could not tell them
  for (const note of plan.notes ?? []) job.call.info(note);
  const keeps = networkInput(inputs.network) === "keep";
  const identity = systemIdentity({ hostname: plan.hostname, network: plan.network });
  // a merged /etc has the server's own files already, but for one that equals the image's: it would get the next
  // image's content (openshift/machine-config-operator#6409)
  const own = job.files.filter((file) => file.path.startsWith("/etc/"));
  const named = fresh || step.changed ? identity.filter((file) => !keeps || !isNetworkFile(file)) : [];
  const etc = [...named, ...own];
  const options = nextOptions(
    { options: facts.pine.options, cmdline: facts.cmdline },
    { remove: before?.kernelArguments ?? [], add: inputs.kernelArguments, deadman: inputs.deadman },
  );
  const next = { checksum, version: artifacts.version, delta: job.made.delta, options, etc, fresh, login: plan };
  const beforeArming = async () => {
    await turnFor(ssh, job);
    await checkHold(ssh);
  };
  const { sent, deployment } = await prepareUpdate(ssh, { ...next, beforeArming }, job.call).catch(async (error) => {
    await turnUnused(ssh, job);
    throw error;
  });
  job.deployment = deployment;
  job.outcome.sent = sent;
}

/** Changes nothing that boots: the wanted commit runs already. */
export async function keepRunning({ ssh, artifacts }: Visit, _: unknown, job: Job): Promise<void> {
  await markDone(ssh);
  await keepTrust(ssh, artifacts.signed, job.call);
  const result = { outcome: "unchanged" as const, status: await agentStatus(ssh) };
  Object.assign(job.outcome, { result, previous: job.wish.state?.fallback, sent: 0 });
}
