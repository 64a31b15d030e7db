/** What HostHijack does to a server: install or update, and say what holds afterwards. */
import { nextOptions } from "../../../boot/arguments.ts";
import { die, messageOf } from "../../../errors.ts";
import { readFacts } from "../../../host/facts/facts.ts";
import { authorizedKeysFile, isNetworkFile, systemIdentity } from "../../../host/files/identity.ts";
import { lockHost } from "../../../host/locks/server.ts";
import { type AgentStatus, agent, agentStatus } from "../../../host/server/agent.ts";
import { adopt, markDone } from "../../../host/server/record.ts";
import { checkTrust, keepTrust } from "../../../host/server/trust.ts";
import type { Connection } from "../../../host/ssh/connection.ts";
import { loginPublicKeys } from "../../../host/ssh/keys.ts";
import { bareKey } from "../../../host/ssh/public-key.ts";
import { runTrial } from "../../../host/trial/trial.ts";
import { prepareUpdate, writeFiles } from "../../../host/ways/update/update.ts";
import type { Call } from "../../../resource.ts";
import { redeploys } from "../look/drift.ts";
import { type Look, lockOwner, openAny, refuseAnother } from "../look/look.ts";
import { type HijackInputs, networkInput } from "../model/inputs.ts";
import { connectionsOf, keeping } from "../model/logins.ts";
import type { Outcome } from "../model/outcome.ts";
import type { HijackState } from "../model/state.ts";
import type { CommitArtifacts } from "../plan/artifacts.ts";
import { planFor } from "../plan/plan-for.ts";
import { hostFiles } from "./files.ts";

/** Brings a server that runs Pine to the wanted commit and identity. */
export async function update(
  seen: Look,
  o: {
    inputs: HijackInputs;
    artifacts: CommitArtifacts;
    state?: HijackState;
    /** The id that a create gives to what it finds. */
    adoptAs?: string;
    /** A reinstall: a new deployment in any case, with an /etc of its own. */
    fresh: boolean;
    /** Of the inputs before. */
    before?: HijackInputs;
    touched: () => void;
  },
  call: Call,
): Promise<Outcome> {
  const { inputs, artifacts, fresh } = o;
  const { ssh } = seen;
  const files = await hostFiles(inputs.files);
  const status = seen.status!;
  const connections = connectionsOf(keeping(inputs.connection, ssh));
  const owner = lockOwner(call);
  const { commit: checksum, health, deadman } = inputs;
  const trial = { connections, checksum, signed: artifacts.signed, health, deadman, owner };
  const unlock = await lockHost(ssh, owner);
  try {
    const facts = await readFacts(ssh);
    refuseAnother(facts, o.state, call);
    if (status.trial) await agent(ssh, ["disarm"]);
    const network = networkInput(inputs.network);
    const plan = await planFor(
      { ssh, facts, status },
      inputs,
      await artifacts.imageFacts("zstd", facts),
      call,
      o.state?.installationId,
    );
    const login = await loginPublicKeys(inputs.connection, call);
    const keys = rootKeys(plan.authorizedKeys, inputs.authorizedKeys, o.before?.authorizedKeys ?? [], login);
    if (status.checksum !== checksum) await checkTrust(ssh, checksum, artifacts.signed);
    o.touched();
    const { install } = facts.pine;
    const mine = { id: o.adoptAs ?? o.state?.installationId ?? "", stack: call.stack, urn: call.urn };
    if (install?.id !== mine.id || install.stack !== mine.stack || install.urn !== mine.urn)
      await adopt(ssh, mine, fresh);
    const removed = (o.state?.files ?? []).filter((path) => !(path in inputs.files));
    await writeFiles(ssh, [...(keys ? [authorizedKeysFile(keys)] : []), ...files], removed, call);
    const taken = fresh ? "reinstalled on the Pine that ran" : "taken over as it ran";
    const known = {
      facts,
      hostKey: ssh.hostKeySeen,
      previous: status.checksum,
      rootKeys: keys ?? facts.authorizedKeys.root,
      // the state of an update keeps the plan of the install
      ...(o.state?.plan ? {} : { plan: { ...plan, summary: taken, lines: [taken] } }),
    };
    const reboots = fresh || (await redeploys({ ssh, facts }, plan, inputs, o.before)) !== undefined;
    if (status.checksum === inputs.commit && !reboots) {
      await markDone(ssh);
      await keepTrust(ssh, artifacts.signed, call);
      const result = { outcome: "unchanged" as const, status: await agentStatus(ssh) };
      return { ...known, previous: o.state?.previous, result, sent: 0 };
    }
    const delta = status.checksum === inputs.commit ? undefined : await artifacts.delta(status.checksum, call);
    const identity = reboots
      ? systemIdentity({ hostname: plan.hostname, network: plan.network }).filter(
          (f) => network !== "keep" || !isNetworkFile(f),
        )
      : [];
    // a merged /etc has the server's own files already
    const etc = [...identity, ...(fresh ? files.filter((f) => f.path.startsWith("/etc/")) : [])];
    const options = nextOptions(
      { options: facts.pine.options, cmdline: facts.cmdline },
      {
        remove: o.before?.kernelArguments ?? [],
        add: inputs.kernelArguments,
        deadman: inputs.deadman,
      },
    );
    const next = { checksum: inputs.commit, version: artifacts.version, delta, options, etc, fresh, login: plan };
    const ready = await prepareUpdate(ssh, next, call);
    const result = await runTrial(ssh, { ...trial, bootId: status.bootId, slot: ready.slot }, call);
    if (result.outcome === "returned" && result.status.running) {
      const now = await restoreSlot(connections, ready.deployment, call);
      if (now) return { ...known, result: { ...result, status: now }, sent: ready.sent };
    }
    return { ...known, result, sent: ready.sent };
  } finally {
    await unlock();
    await ssh.close();
  }
}

/**
 * Root's keys when the given ones changed: those that were given before and are not any more go, the login's own stays. Undefined:
 * they stay as they are.
 */
function rootKeys(planned: string[], given: string[], before: string[], login: string[]): string[] | undefined {
  const now = new Set(given.map(bareKey));
  const gone = new Set(before.map(bareKey).filter((key) => !now.has(key)));
  if (given.length === 0 && gone.size === 0) return undefined;
  const kept = planned.filter((line) => !gone.has(bareKey(line)));
  if (login.length > 0 && !kept.some((line) => login.map(bareKey).includes(bareKey(line))))
    die(
      "authorizedKeys would lock this connection out",
      "keep the key of `connection` in it, or connect with another key first",
    );
  return kept;
}

/**
 * After a return the bad deployment goes, and its slot names again what it named before; that it stays is no failure of its own.
 * Answers what holds then.
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
