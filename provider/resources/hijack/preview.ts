/** What a preview tells of a server. */
import { isAbort, messageOf, PineError } from "../../errors.ts";
import type { Plan } from "../../host/plan/types.ts";
import { isUnreachable } from "../../host/ssh/errors.ts";
import { hasUnknown, type Props, Unknown } from "../../properties/values.ts";
import type { Call } from "../../resource.ts";
import { listed } from "../../words.ts";
import { noDiskFits, smallestDisk } from "../estimates.ts";
import { factsOutput } from "../facts/output.ts";
import { type Look, lookAgain, refuseAnother } from "./look/look.ts";
import { following } from "./model/followed.ts";
import { hijackInputs } from "./model/inputs.ts";
import { knownInputs, pathsOnly } from "./model/known.ts";
import { inputsBefore } from "./model/left.ts";
import { outputs, planOutput } from "./model/outputs.ts";
import { spread } from "./model/overwrite.ts";
import type { HijackState } from "./model/state.ts";
import type { Wish } from "./model/wish.ts";
import { findArtifacts } from "./plan/artifacts.ts";
import { estimatedImage } from "./plan/estimate.ts";
import { planFor } from "./plan/plan-for.ts";
import { recordShownPlan } from "./plan/shown.ts";
import { warnOfWindow } from "./plan/updates.ts";

/** Seconds that preview waits for a server. */
const PREVIEW_SECONDS = 10;

/** Reads the server's facts, shows the plan, and returns the outputs as far as known. Changes nothing there. */
export async function previewState(
  call: Call,
  props: Props,
  state: HijackState | undefined,
  oldInputs?: Props,
): Promise<Props> {
  const unknown: Props = {
    ...(state ?? { installationId: Unknown.value }),
    booted: Unknown.value,
    sent: Unknown.value,
    unreachable: undefined,
  };
  const known = knownInputs(props);
  if (known.decisive.length > 0) {
    const which = known.decisive.map((name) => (name === "connection" ? "the connection" : name));
    call.info(`the plan is shown once ${listed(which)} ${which.length > 1 ? "are" : "is"} known`);
    const connection = hasUnknown(props.connection) ? Unknown.value : outputs(props, unknown as HijackState).connection;
    return { ...unknown, connection, plan: Unknown.value, facts: state?.facts ?? Unknown.value };
  }
  if (known.missing.length > 0)
    call.info(
      `${listed(known.missing)} ${known.missing.length > 1 ? "are" : "is"} not known yet: the plan is shown without what is missing of it`,
    );
  const commit = hasUnknown(props.commit) ? "" : props.commit;
  const inputs = hijackInputs({ ...known.props, files: pathsOnly(props.files), commit });
  const before = oldInputs && inputsBefore({ ...oldInputs, files: {} }, state);
  warnOfWindow(inputs, call);
  const result: Props = { ...outputs(props, unknown as HijackState) };
  try {
    const seen = await lookAgain(inputs, state, call, PREVIEW_SECONDS);
    try {
      refuseAnother(seen.facts, state, call);
      const plan = await planOf(seen, { inputs, before, state, id: state?.installationId ?? "" }, props, call);
      await recordShownPlan(call, plan, known.open);
      for (const line of [plan.summary, ...(plan.notes ?? [])]) call.info(line);
      result.plan = planOutput(plan);
      result.facts = state?.facts ?? factsOutput(seen.facts);
      result.hostKey = seen.ssh.hostKeySeen;
    } finally {
      await seen.ssh.close();
    }
  } catch (error) {
    if (isAbort(error, call.signal)) throw error;
    if (!(error instanceof PineError) || !isUnreachable(error)) throw error;
    call.warn(`the server cannot be reached now, so the plan is not known: ${messageOf(error)}`);
    Object.assign(result, { plan: Unknown.value, unreachable: true });
  }
  return result;
}

/** The plan as far as the commit is known. */
async function planOf(seen: Look, given: Wish, props: Props, call: Call): Promise<Plan> {
  const wish = following(given, seen.facts, call);
  const { commit, image: disk } = wish.inputs;
  // not in the store on another machine: this `up` first makes it again
  const artifacts = commit ? await findArtifacts(commit, call, disk) : undefined;
  const compression = seen.facts.tools.zstd ? "zstd" : "gzip";
  const image = artifacts
    ? await artifacts.imageFacts(compression, seen.facts)
    : estimatedImage(seen.facts.arch, compression);
  // this run makes it, and its DiskImage was previewed before
  if (hasUnknown(spread(props).image)) Object.assign(image, { diskAtLeast: smallestDisk(), diskUnfit: noDiskFits() });
  return planFor(seen, wish, image, artifacts, call);
}
