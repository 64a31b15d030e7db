/** Brings a server to what is wanted, whatever it runs. */
import { isAbort, messageOf, PineError } from "../../../errors.ts";
import { isReinstall } from "../../../host/server/record.ts";
import { connectionLost } from "../../../host/ssh/errors.ts";
import type { Props } from "../../../properties/values.ts";
import { type Call, InitError } from "../../../resource.ts";
import { storeIfThere } from "../../store.ts";
import { lookAgain, refuseAnother } from "../look/look.ts";
import { hijackInputs } from "../model/inputs.ts";
import type { Outcome } from "../model/outcome.ts";
import { afterTrial, outputs } from "../model/outputs.ts";
import type { HijackState } from "../model/state.ts";
import { findArtifacts, missingCommit, runningCommit } from "../plan/artifacts.ts";
import { keepForHost } from "../plan/kept.ts";
import { finalize } from "./finalize.ts";
import { install } from "./install.ts";
import { settle } from "./settle.ts";
import { update } from "./update.ts";

/** Brings the server to what is wanted, whatever it runs; throws InitError with what holds once the server was written to. */
export async function bring(
  call: Call,
  id: string,
  props: Props,
  state: HijackState | undefined,
  oldInputs?: Props,
): Promise<Props> {
  const inputs = hijackInputs(props);
  const known = await findArtifacts(inputs.commit, call, inputs.image);
  let seen = await lookAgain(inputs, state, call);
  const { hostKeySeen: hostKey, proxyKeySeen: proxyHostKey } = seen.ssh;
  let now: HijackState = { ...state, installationId: state?.installationId ?? id, hostKey, proxyHostKey };
  let touched = false;
  const touch = () => {
    touched = true;
  };
  try {
    refuseAnother(seen.facts, state, call);
    if (!known && seen.status?.checksum !== inputs.commit) missingCommit(inputs.commit, call);
    let outcome: Outcome;
    seen = await settle(seen, inputs, call);
    const runs = seen.status?.running ? seen.status.checksum : undefined;
    // what runs there already needs no store
    const artifacts =
      known ?? (runs === inputs.commit ? runningCommit(seen.facts) : missingCommit(inputs.commit, call));
    const fresh = isReinstall(seen.facts.pine.install, !state);
    if (runs && !(fresh && !state && inputs.method === "overwrite" && inputs.erase)) {
      // A create that finds its own stack's system takes it over under a new id, and the old resource's delete then finds nothing of
      // its own (rule 7). Of a run that was cut off it is taken as it is; else a reinstall was asked for.
      const adoptAs = state ? undefined : now.installationId;
      const before = oldInputs && hijackInputs(oldInputs);
      outcome = await update(seen, { inputs, artifacts, state, adoptAs, fresh, before, touched: touch }, call);
    } else {
      const o = { inputs, id: now.installationId, artifacts, created: new Date().toISOString(), touched: touch };
      outcome = await install(seen, o, call);
    }
    now = afterTrial(now, inputs, outcome, artifacts.version);
    await keepForHost(await storeIfThere(call), now, inputs.commit);
    if (outcome.result.outcome !== "returned") {
      if (inputs.finalize && !now.finalized && (await finalize(inputs, now, call)))
        now = { ...now, finalized: true, plan: now.plan && { ...now.plan, restore: undefined } };
      return outputs(props, { ...now, unfinished: undefined });
    }
    const commit = `commit ${inputs.commit.slice(0, 12)}`;
    const booted = now.booted ? `commit ${now.booted.checksum.slice(0, 12)}` : (outcome.previous ?? "the old system");
    const version = artifacts.version ? ` (version ${artifacts.version})` : "";
    // of one commit there may be two deployments: only after an overwrite there is nothing else
    const failed =
      outcome.plan?.method === "overwrite"
        ? `${commit} runs and is not healthy, and there is no system before it to go back to`
        : `${commit}${version} was booted and failed; ${booted} runs again`;
    const reasons = [failed, ...outcome.result.reasons];
    throw new InitError(id, outputs(props, { ...now, unfinished: true }), reasons, oldInputs ?? props);
  } catch (error) {
    if (error instanceof InitError || !touched) throw error;
    const said = messageOf(error);
    const next = connectionLost(error) && !said.includes("`pulumi up`");
    const reasons = isAbort(error, call.signal)
      ? [abortReason(call)]
      : [said, ...(next ? ["the connection was lost; run `pulumi up` again"] : [])];
    throw new InitError(id, outputs(props, { ...now, unfinished: true }), reasons, oldInputs ?? props);
  } finally {
    await seen.ssh.close();
  }
}

/** What ended a call from outside, and what to do. */
function abortReason(call: Call): string {
  const { reason } = call.signal;
  return `${reason instanceof PineError ? `${reason.message} (raise it)` : "cancelled"}; what is on trial goes back by itself; run \`pulumi up\` again to go on`;
}
