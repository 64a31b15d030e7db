/** A server that does not run Pine gets it. */
import { readFacts } from "../../../host/facts/facts.ts";
import { identityFiles } from "../../../host/files/identity.ts";
import { lockHost } from "../../../host/locks/server.ts";
import { checkTrust } from "../../../host/server/trust.ts";
import { runTrial } from "../../../host/trial/trial.ts";
import { installAlongside } from "../../../host/ways/alongside/install.ts";
import type { Call } from "../../../resource.ts";
import { type Look, lockOwner } from "../look/look.ts";
import type { HijackInputs } from "../model/inputs.ts";
import { connectionsOf, keeping } from "../model/logins.ts";
import type { Outcome } from "../model/outcome.ts";
import type { CommitArtifacts } from "../plan/artifacts.ts";
import { planFor } from "../plan/plan-for.ts";
import { asShown } from "../plan/shown.ts";
import { hostFiles } from "./files.ts";
import { overwrite } from "./overwrite.ts";

/** Installs beside the old system and ends confirmed or back. Writes nothing before the plan stands. */
export async function install(
  seen: Look,
  o: { inputs: HijackInputs; id: string; artifacts: CommitArtifacts; created: string; touched: () => void },
  call: Call,
): Promise<Outcome> {
  const { inputs, artifacts } = o;
  const compression = seen.facts.tools.zstd ? "zstd" : "gzip";
  const first = await planFor(seen, inputs, await artifacts.imageFacts(compression, seen.facts), call);
  if (first.method === "overwrite") return overwrite(seen, o, call);
  const files = await hostFiles(inputs.files);
  const sysroot = await artifacts.sysroot(compression, call);
  const unlock = await lockHost(seen.ssh, lockOwner(call));
  try {
    // facts are acted on only under the lock
    const facts = await readFacts(seen.ssh);
    const plan = await planFor({ ...seen, facts }, inputs, await artifacts.imageFacts(compression, facts), call);
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
    await checkTrust(seen.ssh, inputs.commit, artifacts.signed);
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
    const connections = connectionsOf(keeping(inputs.connection, seen.ssh));
    const result = await runTrial(
      seen.ssh,
      {
        connections,
        bootId: facts.bootId,
        slot: "a",
        checksum: inputs.commit,
        signed: artifacts.signed,
        health: inputs.health,
        deadman: inputs.deadman,
        owner: lockOwner(call),
      },
      call,
    );
    const { authorizedKeys: rootKeys } = plan;
    return { result, sent, plan, facts, hostKey: seen.ssh.hostKeySeen, previous: record.old, rootKeys };
  } finally {
    await unlock();
  }
}
