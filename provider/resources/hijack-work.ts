/** What HostHijack does to a server: install or update, and say what holds afterwards. */
import { hostname as machineName, userInfo } from "node:os";
import { assetText } from "../assets.ts";
import { die, messageOf } from "../errors.ts";
import type { AgentStatus } from "../host/agent.ts";
import { agent, agentStatus } from "../host/agent.ts";
import { installAlongside } from "../host/alongside.ts";
import type { Connection } from "../host/connection-type.ts";
import { readFacts } from "../host/facts.ts";
import { authorizedKeysFile, type HostFile, identityFiles, systemIdentity } from "../host/hostfiles.ts";
import { loginPublicKeys, publicKeyOf } from "../host/keys.ts";
import { lockHost } from "../host/lock.ts";
import { waitForSsh } from "../host/ssh.ts";
import { reboot, runTrial, type TrialResult } from "../host/trial.ts";
import type { Facts, Plan } from "../host/types.ts";
import { prepareUpdate, writeFiles } from "../host/update.ts";
import type { Call } from "../resource.ts";
import type { CommitArtifacts } from "./hijack-artifacts.ts";
import { type HijackInputs, type HijackState, hostFiles, networkInput } from "./hijack-inputs.ts";
import { connectionsOf, type Look, lookAt, openAny, planFor } from "./hijack-look.ts";
import { overwrite } from "./hijack-overwrite.ts";
import { asShown } from "./hijack-shown.ts";

/** The owner that another holder of the lock is told. */
export const owner = (call: Call) => `${call.stack} by ${userInfo().username}@${machineName()}`;

/** What one operation changes; the caller turns it into state. */
export interface Outcome {
  result: TrialResult | { outcome: "unchanged"; status: AgentStatus };
  sent: number;
  plan?: Plan;
  /** Of the old system; unknown to a run that goes on in the RAM system. */
  facts?: Facts;
  hostKey: string;
  previous?: string;
}

/** Installs beside the old system and ends confirmed or back. Writes nothing before the plan stands. */
export async function install(
  seen: Look,
  o: { inputs: HijackInputs; id: string; artifacts: CommitArtifacts; created: string; touched: () => void },
  call: Call,
): Promise<Outcome> {
  const { inputs, artifacts } = o;
  const compression = seen.facts.tools.zstd ? "zstd" : "gzip";
  const first = await planFor(seen, inputs, await artifacts.imageFacts(compression), call);
  if (first.method === "overwrite") return overwrite(seen, o, call);
  const files = await hostFiles(inputs.files);
  const sysroot = await artifacts.sysroot(compression, call);
  const unlock = await lockHost(seen.ssh, owner(call));
  try {
    // facts are acted on only under the lock
    const facts = await readFacts(seen.ssh);
    const plan = await planFor({ ...seen, facts }, inputs, await artifacts.imageFacts(compression), call);
    await asShown(call, plan);
    const identity = identityFiles({
      hostname: plan.hostname,
      network: plan.network,
      authorizedKeys: plan.authorizedKeys,
    });
    const record = {
      id: o.id,
      stack: call.stack,
      urn: call.urn,
      created: o.created,
      old: plan.restore ?? facts.os.name,
    };
    o.touched();
    const { sent } = await installAlongside(
      seen.ssh,
      {
        plan,
        sysroot,
        record,
        version: artifacts.version,
        files: [...identity, ...files],
        kernelArguments: inputs.kernelArguments,
      },
      call,
    );
    const connections = connectionsOf({ ...inputs.connection, hostKey: seen.ssh.hostKeySeen });
    const result = await runTrial(
      seen.ssh,
      {
        connections,
        bootId: facts.bootId,
        slot: "a",
        checksum: inputs.commit,
        health: inputs.health,
        deadman: inputs.deadman,
      },
      call,
    );
    return { result, sent, plan, facts, hostKey: seen.ssh.hostKeySeen, previous: record.old };
  } finally {
    await unlock();
  }
}

/**
 * A trial that nobody confirmed is of a run that was cut off: the server goes back to what is confirmed, the old system or the other
 * slot. Answers what runs then; its `ssh` is the caller's to close.
 */
export async function settle(seen: Look, inputs: HijackInputs, call: Call): Promise<Look> {
  const { ssh, status } = seen;
  if (!status?.running || status.running === status.slot) return seen;
  const connections = connectionsOf({ ...inputs.connection, hostKey: ssh.hostKeySeen });
  await (await lockHost(ssh, owner(call)))(); // nobody else is at it
  call.step("an unconfirmed trial runs: back to the confirmed system");
  await reboot(ssh);
  const next = await waitForSsh(connections, call, {
    refusals: Number.POSITIVE_INFINITY,
    timeoutMs: 900_000,
    notBootId: status.bootId,
  });
  return lookAt(next, call);
}

/** Brings a server that runs Pine to the wanted commit and identity. */
export async function update(
  seen: Look,
  o: {
    inputs: HijackInputs;
    artifacts: CommitArtifacts;
    state?: HijackState;
    adoptAs?: string;
    oldKeys: string[];
    reboot: boolean;
    touched: () => void;
  },
  call: Call,
): Promise<Outcome> {
  const { inputs, artifacts } = o;
  const { ssh } = seen;
  const files = await hostFiles(inputs.files);
  const status = seen.status!;
  const connections = connectionsOf({ ...inputs.connection, hostKey: ssh.hostKeySeen });
  const trial = { connections, checksum: inputs.commit, health: inputs.health, deadman: inputs.deadman };
  const unlock = await lockHost(ssh, owner(call));
  try {
    const facts = await readFacts(ssh);
    if (status.trial) await agent(ssh, ["disarm"]);
    const network = networkInput(inputs.network);
    const plan = await planFor(
      { ssh, facts, status },
      inputs,
      await artifacts.imageFacts("zstd"),
      call,
      o.state?.installationId,
    );
    o.touched();
    if (o.adoptAs)
      await ssh.exec(assetText("system/host/update.sh"), ["adopt", o.adoptAs], { what: "adopting the installation" });
    const removed = (o.state?.files ?? []).filter((path) => !(path in inputs.files));
    const keys = rootKeys(
      plan.authorizedKeys,
      inputs.authorizedKeys,
      o.oldKeys,
      await loginPublicKeys(inputs.connection, call),
    );
    await writeFiles(ssh, [...keys, ...files], removed, call);
    // no plan among it: the state keeps that of the install
    const known = { facts, hostKey: ssh.hostKeySeen, previous: status.checksum };
    // what a run that was cut off installed may have had another name
    const renamed = o.adoptAs !== undefined && inputs.hostname !== undefined && facts.hostname !== inputs.hostname;
    const reboots = o.reboot || renamed;
    if (status.checksum === inputs.commit && !reboots)
      return {
        ...known,
        previous: o.state?.previous,
        result: { outcome: "unchanged", status: await agentStatus(ssh) },
        sent: 0,
      };

    const delta = status.checksum === inputs.commit ? undefined : await artifacts.delta(status.checksum, call);
    const etc = reboots
      ? systemIdentity({ hostname: plan.hostname, network: plan.network }).filter(
          (f) => network !== "keep" || !/network|mactab|resolv/.test(f.path),
        )
      : [];
    const ready = await prepareUpdate(ssh, { checksum: inputs.commit, version: artifacts.version, delta, etc }, call);
    const result = await runTrial(ssh, { ...trial, bootId: status.bootId, slot: ready.slot }, call);
    if (result.outcome === "returned" && result.status.running) await forgetSlot(connections, call);
    return { ...known, result, sent: ready.sent };
  } finally {
    await unlock();
    await ssh.close();
  }
}

/** Root's keys when the given ones changed: those that were given before and are not any more go, the login's own stays. */
function rootKeys(planned: string[], given: string[], before: string[], login: string[]): HostFile[] {
  const bare = (line: string) => publicKeyOf(line) ?? line;
  const now = new Set(given.map(bare));
  const gone = new Set(before.map(bare).filter((key) => !now.has(key)));
  if (given.length === 0 && gone.size === 0) return [];
  const kept = planned.filter((line) => !gone.has(bare(line)));
  if (login.length > 0 && !kept.some((line) => login.map(bare).includes(bare(line))))
    die(
      "authorizedKeys would lock this connection out",
      "keep the key of `connection` in it, or connect with another key first",
    );
  return [authorizedKeysFile(kept)];
}

/** After a return the bad deployment goes; that it stays is no failure of its own. */
async function forgetSlot(connections: Connection[], call: Call): Promise<void> {
  try {
    const ssh = await openAny(connections, call);
    try {
      call.step("removing the deployment that failed");
      await agent(ssh, ["undeploy"], 600_000);
    } finally {
      await ssh.close();
    }
  } catch (error) {
    call.warn(`the deployment that failed is still on the server: ${messageOf(error)}`);
  }
}
