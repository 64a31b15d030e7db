/** HostHijack: one server that runs a commit. Inputs in hijack-inputs.ts, checks in hijack-check.ts, the work in hijack-work.ts. */
import { randomBytes } from "node:crypto";
import { die, isAbort, messageOf, PineError } from "../errors.ts";
import { restoreOld } from "../host/leave/restore.ts";
import { finalizedOf, isReinstall } from "../host/server/record.ts";
import { connectionLost } from "../host/ssh/errors.ts";
import { diffInputs } from "../properties/diff.ts";
import { topOf } from "../properties/path.ts";
import { equalValues, hasUnknown, type Props, plain } from "../properties/values.ts";
import { type Call, InitError, type Resource } from "../resource.ts";
import { findArtifacts, hostRoot, keepForHost, missingCommit, runningCommit } from "./hijack-artifacts.ts";
import { checkHijack, diffHijack } from "./hijack-check.ts";
import { finalize } from "./hijack-finalize.ts";
import { type HijackInputs, type HijackState, hijackInputs } from "./hijack-inputs.ts";
import { connectionsOf, keeping } from "./hijack-logins.ts";
import { lockOwner, look, lookAgain, refuseAnother } from "./hijack-look.ts";
import { readHost } from "./hijack-read.ts";
import { settle } from "./hijack-settle.ts";
import { afterTrial, outputs, previewState } from "./hijack-state.ts";
import { install, type Outcome, update } from "./hijack-work.ts";
import { storeIfThere } from "./store.ts";

export const hostHijack: Resource = {
  check: async (_call, { news }) => checkHijack(news),
  diff: (call, args) => diffHijack(call, args),

  async create(call, { inputs }) {
    if (call.preview) return { id: "", state: await previewState(call, inputs, undefined) };
    const id = randomBytes(16).toString("hex");
    return { id, state: await bring(call, id, inputs, undefined) };
  },

  async update(call, { id, olds, oldInputs, news }) {
    const state = plain(olds) as HijackState;
    if (onlyPolicy(state, oldInputs, news)) {
      call.info("nothing is done on the server: the change is about what later operations do");
      return { state: outputs(news, state) };
    }
    if (!hasUnknown(news.commit)) refuseKnownFailure(state, hijackInputs(news));
    if (call.preview) return { state: await previewState(call, news, state, oldInputs) };
    return { state: await bring(call, id, news, state, oldInputs) };
  },

  read: readHost,

  async delete(call, { state, inputs }) {
    const known = plain(state) as HijackState;
    await giveBack(call, known, hijackInputs(inputs));
    await (await storeIfThere(call))?.dropRoot(hostRoot(known.installationId));
  },
};

/** The server as it was, where that can be. */
async function giveBack(call: Call, known: HijackState, wanted: HijackInputs): Promise<void> {
  if (wanted.onDestroy === "retain") return call.warn("the server stays as it is (onDestroy: retain)");
  let seen: Awaited<ReturnType<typeof look>>;
  try {
    seen = await look(wanted.connection, known, call);
  } catch (error) {
    if (wanted.whenUnreachable !== "forget" || isAbort(error, call.signal)) throw error;
    return call.warn(`the server is forgotten without having been touched: ${messageOf(error)}`);
  }
  try {
    const found = seen.facts.pine.install?.id;
    if (found !== known.installationId)
      return call.warn(
        found ? "another installation is on this server: left alone" : "Pine is not on this server any more",
      );
    if (seen.facts.pine.install?.method === "overwrite")
      return call.warn("the server stays as it is: it was overwritten, so there is no old system to give back");
    if (seen.facts.pine.install?.old === undefined)
      return call.warn(
        "the server stays as it is: it was started from a template, so there is no old system to give back",
      );
    if (finalizedOf(seen.facts.pine.install) !== "no")
      return call.warn("the server stays as it is: finalize removed its old system, so there is none to give back");
    const o = {
      id: known.installationId,
      connections: connectionsOf(keeping(wanted.connection, seen.ssh)),
      deleteData: wanted.deleteData,
      owner: lockOwner(call),
    };
    const kept = await restoreOld(seen.ssh, o, call);
    if (kept) call.info(`the old system runs again; what Pine kept in /var lies in ${kept}`);
  } finally {
    await seen.ssh.close();
  }
}

/** Inputs that say what later operations do. */
const POLICY = new Set(["onDestroy", "deleteData", "whenUnreachable", "deadman", "health", "force", "erase", "image"]);

/** Whether the server need not be asked: so that `whenUnreachable: forget` can be set when it has vanished. */
function onlyPolicy(state: HijackState, oldInputs: Props, news: Props): boolean {
  const changed = Object.keys(diffInputs(oldInputs, news)).map(topOf);
  const settled = !state.unfinished && equalValues(news.commit, state.booted?.checksum);
  return (
    settled &&
    changed.length > 0 &&
    changed.every((key) => POLICY.has(key) || (key === "finalize" && news.finalize !== true))
  );
}

/** Rule 9: a commit that was seen to fail here is not booted again until it or the triggers change. */
export function refuseKnownFailure(
  state: Pick<HijackState, "failed">,
  inputs: Pick<HijackInputs, "commit" | "attempt">,
): void {
  const { failed } = state;
  if (!failed?.final || failed.checksum !== inputs.commit || failed.triggers !== inputs.attempt) return;
  die(
    `commit ${failed.checksum.slice(0, 12)} failed on this server before (${failed.reason}) and is not booted again`,
    "change what goes into the commit, its hostname, network, kernelArguments or health, or `triggers` to try the same once more",
  );
}

/** Brings the server to what is wanted, whatever it runs; throws InitError with what holds once the server was written to. */
async function bring(
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
