/** Brings a server to what is wanted, whatever it runs. */
import { isAbort, messageOf, PineError } from "../../../errors.ts";
import { finalizedOf } from "../../../host/server/record.ts";
import { connectionLost } from "../../../host/ssh/errors.ts";
import type { Props } from "../../../properties/values.ts";
import { type Call, InitError } from "../../../resource.ts";
import { storeIfThere } from "../../store.ts";
import { lookAgain } from "../look/look.ts";
import { following } from "../model/followed.ts";
import type { Outcome } from "../model/outcome.ts";
import { afterTrial, outputs } from "../model/outputs.ts";
import type { HijackState } from "../model/state.ts";
import type { Wish } from "../model/wish.ts";
import { keepForHost } from "../plan/kept.ts";
import { warnOfWindow } from "../plan/updates.ts";
import { carryOut } from "./carry-out.ts";
import { type Job, newJob } from "./job.ts";

/** `props`: the inputs as the engine has them; `oldProps`: the inputs before. */
export interface Given {
  props: Props;
  oldProps?: Props;
}

/** Returns the outputs. Once the server was written to, a failure is an InitError with the state that holds. */
export async function converge(given: Wish, { props, oldProps }: Given, call: Call): Promise<Props> {
  const { state } = given;
  warnOfWindow(given.inputs, call);
  let job = await newJob(given, call);
  const seen = await lookAgain(given.inputs, state, call);
  const wish = following(given, seen.facts, call);
  if (wish !== given) job = await newJob(wish, call);
  const { inputs } = wish;
  const { hostKeySeen: hostKey, proxyKeySeen: proxyHostKey } = seen.ssh;
  const seenNow = { hostKey, proxyHostKey, unreachable: undefined };
  const before: HijackState = { ...state, installationId: wish.id, ...seenNow, followed: wish.followed };
  const unfinished = (now: HijackState, reasons: string[]) =>
    new InitError(wish.id, outputs(props, { ...now, unfinished: true }), reasons, oldProps ?? props);
  try {
    const outcome = await carryOut(seen, job);
    const now = stateAfter(before, job);
    await keepForHost(await storeIfThere(call), now, inputs.commit);
    if (outcome.result.outcome === "returned") throw unfinished(now, whyReturned(outcome, now, job));
    return outputs(props, { ...now, unfinished: undefined, leftFrom: undefined });
  } catch (error) {
    if (error instanceof InitError || !job.touched) throw error;
    throw unfinished(stateAfter(before, job), reasonsOf(error, call));
  }
}

/** The state after the steps that have a result. A confirmed system counts even if a later step failed. Pure. */
function stateAfter(before: HijackState, { outcome, wish, known }: Job): HijackState {
  if (!outcome.result) return before;
  const { inputs } = wish;
  const now = afterTrial(before, inputs, outcome as Outcome, known?.version);
  if (!inputs.finalize || outcome.result.outcome === "returned") return now;
  const removed = outcome.finalized || finalizedOf(outcome.facts?.pine.install) === "done";
  return removed ? { ...now, oldSystemRemoved: true, plan: now.plan && { ...now.plan, restore: undefined } } : now;
}

/** Why the server does not run what was wanted. */
function whyReturned(outcome: Outcome, now: HijackState, { wish, known }: Job): string[] {
  const { commit } = wish.inputs;
  const which = `commit ${commit.slice(0, 12)}`;
  const runs = now.booted ? `commit ${now.booted.checksum.slice(0, 12)}` : (outcome.previous ?? "the old system");
  const version = known?.version ? ` (version ${known.version})` : "";
  // one commit may have two deployments: only an overwrite leaves nothing to go back to
  const failed =
    outcome.plan?.method === "overwrite"
      ? `${which} runs and is not healthy, and there is no earlier system to roll back to`
      : `${which}${version} was booted and failed; ${runs} runs again`;
  return [failed, ...(outcome.result.outcome === "returned" ? outcome.result.reasons : [])];
}

function reasonsOf(error: unknown, call: Call): string[] {
  const { reason } = call.signal;
  if (isAbort(error, call.signal))
    return [
      `${reason instanceof PineError ? `${reason.message} (raise it)` : "cancelled"}; what is on trial rolls back by itself; run \`pulumi up\` again to go on`,
    ];
  const said = messageOf(error);
  const next = connectionLost(error) && !said.includes("`pulumi up`");
  return [said, ...(next ? ["the connection was lost; run `pulumi up` again"] : [])];
}
