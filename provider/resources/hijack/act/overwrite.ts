/** HostHijack's overwrite: into the RAM system, the image to the disk, the first boot from it - each goes on where a run was cut off. */
import { die, messageOf } from "../../../errors.ts";
import { readFacts } from "../../../host/facts/facts.ts";
import { identityFiles } from "../../../host/files/identity.ts";
import { lockHost } from "../../../host/locks/server.ts";
import type { Plan } from "../../../host/plan/types.ts";
import { agentStatus } from "../../../host/server/agent.ts";
import { markDone } from "../../../host/server/record.ts";
import { checkTrust, keepTrust } from "../../../host/server/trust.ts";
import { connectionLost, SshError } from "../../../host/ssh/errors.ts";
import type { Ssh } from "../../../host/ssh/types.ts";
import { waitForSsh } from "../../../host/ssh/wait.ts";
import { judge } from "../../../host/trial/trial.ts";
import { enterRam, forgetRam } from "../../../host/ways/overwrite/enter.ts";
import { finishDisk, identityOf, leaveRam, settleImage, writeImage } from "../../../host/ways/overwrite/write.ts";
import type { Call } from "../../../resource.ts";
import { humanBytes } from "../../../words.ts";
import { type Look, lockOwner, lookAt } from "../look/look.ts";
import type { HijackInputs } from "../model/inputs.ts";
import { connectionsOf, keeping } from "../model/logins.ts";
import type { Outcome } from "../model/outcome.ts";
import type { CommitArtifacts } from "../plan/artifacts.ts";
import { planFor } from "../plan/plan-for.ts";
import { asShown } from "../plan/shown.ts";
import { hostFiles } from "./files.ts";

/** Two boots of a slow machine, each under 5 min even without KVM. */
const BOOTS_MS = 600_000;

interface Work {
  inputs: HijackInputs;
  id: string;
  artifacts: CommitArtifacts;
  created: string;
  touched: () => void;
}

/** Writes the image over the server's disk and ends with the new system confirmed, or told why it is not healthy. */
export async function overwrite(seen: Look, o: Work, call: Call): Promise<Outcome> {
  const { inputs, artifacts } = o;
  const image = await artifacts.diskImage(call);
  const files = await hostFiles(inputs.files);
  const resumes = seen.facts.pine.ram !== undefined;
  const entered = resumes ? undefined : await enter(seen, o, call);
  const ram = entered?.look ?? seen;
  const { plan, sent } = await write(ram, { ...o, image, files, resumes }, call);
  const { ssh } = ram;
  const connections = connectionsOf(keeping(inputs.connection, ssh));
  call.step("booting from the written disk");
  await leaveRam(ssh);
  const next = await waitForSsh(connections, call, {
    refusals: Number.POSITIVE_INFINITY,
    timeoutMs: BOOTS_MS,
    notBootId: ssh.bootId,
  });
  let unlock = async () => {};
  try {
    unlock = await lockHost(next, lockOwner(call));
    const status = await agentStatus(next);
    if (status.checksum !== inputs.commit)
      die(
        "the server does not run what was written to its disk",
        "look at its console: another disk may come first in the firmware's order",
      );
    const reasons = await judge(next, inputs, call);
    const known = {
      sent: sent + (entered?.sent ?? 0),
      plan: entered?.plan ?? plan,
      facts: entered && seen.facts,
      hostKey: next.hostKeySeen,
      previous: undefined,
      rootKeys: plan.authorizedKeys,
    };
    if (reasons.length > 0) return { ...known, result: { outcome: "returned", reasons, answered: true, status } };
    // without this line the next create takes the server over as it is: no reason to fail now
    await markDone(next).catch(() => {});
    await keepTrust(next, artifacts.signed, call);
    return { ...known, result: { outcome: "confirmed", status } };
  } finally {
    await unlock();
    await next.close();
  }
}

/** From the old system into the RAM system. Nothing on the disk is changed; what comes up is looked at. */
async function enter(seen: Look, o: Work, call: Call): Promise<{ look: Look; plan: Plan; sent: number }> {
  const { inputs, artifacts } = o;
  const ram = await artifacts.ram(call);
  const { ssh } = seen;
  const unlock = await lockHost(ssh, lockOwner(call));
  let plan: Plan;
  try {
    // facts are acted on only under the lock
    const facts = await readFacts(ssh);
    const image = await artifacts.imageFacts("zstd", facts);
    plan = await planFor({ ...seen, facts }, inputs, image, call);
    await asShown(call, plan);
    await checkTrust(ssh, inputs.commit, artifacts.signed);
    const record = { id: o.id, stack: call.stack, urn: call.urn, created: o.created, old: facts.os.name };
    o.touched();
    const ports = [...new Set([22, inputs.connection.port ?? 22, ...plan.sshPorts])];
    const pine = facts.pine.deployment !== undefined;
    await enterRam(ssh, { plan, ram, record, ports, pine, owner: lockOwner(call) }, call);
  } finally {
    await unlock();
    await ssh.close();
  }
  const connections = connectionsOf(keeping(inputs.connection, ssh));
  const next = await waitForSsh(connections, call, {
    refusals: Number.POSITIVE_INFINITY,
    timeoutMs: BOOTS_MS,
    notBootId: ssh.bootId,
  });
  const there = await lookAt(next, call);
  if (there.facts.pine.ram) return { look: there, plan, sent: ram.size };
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
  grub: "see its console while it boots; use method: alongside",
  shutdown: "see its console while it shuts down, for what it cannot unmount; use method: alongside",
};

/** In the RAM system: the disk, whole. */
async function write(
  ram: Look,
  o: Work & {
    image: Awaited<ReturnType<CommitArtifacts["diskImage"]>>;
    files: Awaited<ReturnType<typeof hostFiles>>;
    resumes: boolean;
  },
  call: Call,
): Promise<{ plan: Plan; sent: number }> {
  const { inputs } = o;
  const ssh: Ssh = ram.ssh;
  const unlock = await lockHost(ssh, lockOwner(call));
  try {
    const facts = await readFacts(ssh);
    const plan = await planFor({ ...ram, facts }, inputs, await o.artifacts.imageFacts("zstd"), call);
    // what came up just now was shown and compared before
    if (o.resumes) await asShown(call, plan);
    o.touched();
    const identity = identityFiles({
      hostname: plan.hostname,
      network: plan.network,
      authorizedKeys: plan.authorizedKeys,
    });
    const own = { plan, files: [...identity, ...o.files], kernelArguments: inputs.kernelArguments };
    const image = { ...o.image, identity: identityOf(own) };
    const { sent, finished, device } = await writeImage(ssh, plan, image, call);
    call.info(
      `verified: ${humanBytes(image.diskSize)} on ${device} are the image's, every block read back and compared`,
    );
    await settleImage(ssh, image, call);
    if (!finished) await finishDisk(ssh, { ...own, image, id: o.id }, call);
    return { plan, sent };
  } catch (error) {
    if (!connectionLost(error)) throw error;
    const said =
      "the disk was being written: its old system is gone, and the RAM system waits for the next `pulumi up`";
    throw new SshError("lost", `${messageOf(error)}; ${said}`, {
      hint: "if the server does not answer then (it lost its power), let its provider install any Debian on it and run `pulumi up`",
      cause: error,
    });
  } finally {
    await unlock();
  }
}
