/**
 * HostHijack's overwrite: enters the RAM system, writes the image to the disk and boots from it. Each part continues
 * where a run was cut off.
 */
import { die, messageOf } from "../../../errors.ts";
import { withHostLock } from "../../../host/locks/server.ts";
import { agentStatus } from "../../../host/server/agent.ts";
import { markDone } from "../../../host/server/record.ts";
import { keepTrust } from "../../../host/server/trust.ts";
import { connectionLost, SshError } from "../../../host/ssh/errors.ts";
import type { Ssh } from "../../../host/ssh/types.ts";
import { waitForSsh } from "../../../host/ssh/wait.ts";
import { judge, type TrialResult } from "../../../host/trial/trial.ts";
import { enterRam, forgetRam } from "../../../host/ways/overwrite/enter.ts";
import { finishDisk, identityOf, leaveRam, settleImage, writeImage } from "../../../host/ways/overwrite/write.ts";
import { humanBytes } from "../../../words.ts";
import { lookAt } from "../look/look.ts";
import { ownFiles, recordOf } from "./install.ts";
import type { Job } from "./job.ts";
import { enterVisit, type Visit } from "./visit.ts";

/** Two boots of a slow machine, each under 5 min even without KVM. */
const BOOTS_MS = 600_000;

export async function makeRamSystem({ artifacts }: Visit, _: unknown, job: Job): Promise<void> {
  job.made.ram = await artifacts.ram(job.call);
}

export async function makeImage({ artifacts }: Visit, _: unknown, job: Job): Promise<void> {
  job.made.image = await artifacts.diskImage(job.call);
}

/** Connects to the system that answers after the visit's server rebooted. */
const nextSystem = ({ connections, ssh }: Visit, { call }: Job): Promise<Ssh> =>
  waitForSsh(connections, call, { timeoutMs: BOOTS_MS, notBootId: ssh.bootId });

/** Leaves the old system for the RAM system, and looks at what comes up. Changes nothing on the disk. */
export async function enterRamSystem(visit: Visit, _: unknown, job: Job): Promise<Visit> {
  const { ssh, plan, facts, owner } = visit;
  const { call, wish } = job;
  const ram = job.made.ram!;
  job.touched = true;
  const ports = [...new Set([22, wish.inputs.connection.port ?? 22, ...plan.sshPorts])];
  const pine = facts.pine.deployment !== undefined;
  await enterRam(ssh, { plan, ram, record: recordOf(facts.os.name, job), ports, pine, owner }, call);
  await visit.leave();
  const there = await lookAt(await nextSystem(visit, job), call);
  if (there.facts.pine.ram) {
    job.entered = true;
    Object.assign(job.outcome, { plan, facts, sent: ram.size });
    return enterVisit(there.ssh, job);
  }
  try {
    await forgetRam(there.ssh);
  } finally {
    await there.ssh.close();
  }
  return die(
    `the server did not come up in the RAM system but in ${there.facts.os.name}: nothing on its disk was changed`,
    NOT_ENTERED[plan.overwrite!.enter],
  );
}

const NOT_ENTERED = {
  kexec: "its kernel or its hypervisor does not start another kernel (kexec); use method: alongside",
  grub: "watch its console while it boots; use method: alongside",
  shutdown: "watch its console while it shuts down: it says what it cannot unmount; use method: alongside",
};

/** Writes the whole disk, from within the RAM system. */
export async function writeDisk({ ssh, plan }: Visit, _: unknown, job: Job): Promise<void> {
  const { call, wish, outcome } = job;
  const own = { plan, files: ownFiles(plan, job), kernelArguments: wish.inputs.kernelArguments };
  const image = { ...job.made.image!, identity: identityOf(own) };
  job.touched = true;
  try {
    const { sent, finished, device } = await writeImage(ssh, plan, image, call);
    call.info(
      `verified: ${humanBytes(image.diskSize)} on ${device} match the image; every block was read back and compared`,
    );
    await settleImage(ssh, image, call);
    if (!finished) await finishDisk(ssh, { ...own, image, id: wish.id }, call);
    Object.assign(outcome, { sent: outcome.sent + sent, rootKeys: plan.authorizedKeys });
    // a run that continues does not know the plan made in the old system
    outcome.plan ??= plan;
  } catch (error) {
    if (!connectionLost(error)) throw error;
    const said =
      "the disk was being written: its old system is gone, and the RAM system waits for the next `pulumi up`";
    throw new SshError("lost", `${messageOf(error)}; ${said}`, {
      hint: "if the server does not answer then (it lost its power), have its provider install any Debian on it and run `pulumi up`",
      cause: error,
    });
  }
}

/** Ends with the new system confirmed, or with the reasons why it is unhealthy: there is nothing to roll back to. */
export async function bootDisk(visit: Visit, _: unknown, job: Job): Promise<void> {
  const { call, outcome } = job;
  call.step("booting from the written disk");
  await leaveRam(visit.ssh);
  await visit.leave();
  const next = await nextSystem(visit, job);
  try {
    outcome.result = await withHostLock(next, visit.owner, () => judgeDisk(next, visit, job));
    outcome.hostKey = next.hostKeySeen;
  } finally {
    await next.close();
  }
}

async function judgeDisk(ssh: Ssh, { artifacts }: Visit, { call, wish }: Job): Promise<TrialResult> {
  const status = await agentStatus(ssh);
  if (status.checksum !== wish.inputs.commit)
    die(
      "the server does not run what was written to its disk",
      "look at its console: another disk may come first in the firmware's order",
    );
  const reasons = await judge(ssh, wish.inputs, call);
  if (reasons.length > 0) return { outcome: "returned", reasons, answered: true, status };
  // without this mark the next create takes the server over as it is: no reason to fail now
  await markDone(ssh).catch(() => {});
  await keepTrust(ssh, artifacts.signed, call);
  return { outcome: "confirmed", status };
}
