/** What a preview tells of a server. */
import { isAbort, messageOf, PineError } from "../../errors.ts";
import type { Plan } from "../../host/plan/types.ts";
import { isReinstall } from "../../host/server/record.ts";
import { hasUnknown, type Props, Unknown } from "../../properties/values.ts";
import type { Call } from "../../resource.ts";
import { humanBytes } from "../../words.ts";
import { noDiskFits, smallestDisk } from "../estimates.ts";
import { factsOutput } from "../facts/output.ts";
import { redeploys } from "./look/drift.ts";
import { type Look, lookAgain, refuseAnother } from "./look/look.ts";
import { type HijackInputs, hijackInputs } from "./model/inputs.ts";
import { outputs, planOutput } from "./model/outputs.ts";
import type { HijackState } from "./model/state.ts";
import { type CommitArtifacts, findArtifacts } from "./plan/artifacts.ts";
import { estimatedImage } from "./plan/estimate.ts";
import { finalizeDue } from "./plan/finalize-due.ts";
import { planFor } from "./plan/plan-for.ts";
import { noteShown } from "./plan/shown.ts";

/** Seconds that preview waits for a server. */
const PREVIEW_SECONDS = 10;

/** What preview knows of the outputs; reads the server's facts and shows the plan. Writes nothing, here or there. */
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
  };
  if (hasUnknown(props.connection)) {
    call.info("the plan is shown once the connection is known");
    return { ...unknown, connection: Unknown.value, plan: Unknown.value, facts: Unknown.value };
  }
  const commitKnown = !hasUnknown(props.commit);
  const inputs = hijackInputs({ ...props, files: {}, commit: commitKnown ? props.commit : "" });
  const before = oldInputs && hijackInputs({ ...oldInputs, files: {} });
  const result: Props = { ...outputs(props, unknown as HijackState) };
  try {
    const seen = await lookAgain(inputs, state, call, PREVIEW_SECONDS);
    try {
      refuseAnother(seen.facts, state, call);
      // not in the store: another machine, where this `up` makes it again first
      const artifacts = commitKnown ? await findArtifacts(inputs.commit, call, inputs.image) : undefined;
      const compression = seen.facts.tools.zstd ? "zstd" : "gzip";
      const image = artifacts
        ? await artifacts.imageFacts(compression, seen.facts)
        : estimatedImage(seen.facts.arch, compression);
      // it is made in this run, and its DiskImage was previewed before
      if (hasUnknown(props.image)) Object.assign(image, { diskAtLeast: smallestDisk(), diskUnfit: noDiskFits() });
      const plan = await planFor(seen, inputs, image, call, state?.installationId);
      await noteShown(call, plan);
      // a disk that is written anew: what runs there does not matter
      const runs = seen.status?.running && !plan.overwrite;
      const end =
        runs && finalizeDue(inputs, seen.facts) ? `; then removes ${seen.facts.pine.install?.old} for good` : "";
      const line = runs ? (await runningLine(seen, plan, { inputs, artifacts, state, before })) + end : plan.summary;
      call.info(line);
      result.plan = { ...planOutput(plan), summary: line, ...(runs ? { lines: [line] } : {}) };
      result.facts = state?.facts ?? factsOutput(seen.facts);
      result.hostKey = seen.ssh.hostKeySeen;
    } finally {
      await seen.ssh.close();
    }
  } catch (error) {
    if (isAbort(error, call.signal)) throw error;
    const code = (error as { code?: string }).code;
    if (!(error instanceof PineError) || code !== "unreachable") throw error;
    call.warn(`the server cannot be reached now, so the plan is not known: ${messageOf(error)}`);
    result.plan = Unknown.value;
  }
  return result;
}

const SAFETY = "goes back by itself unless it comes up healthy; /var is shared and does not go back";

/** What will be done to a server that runs Pine, in a line. */
async function runningLine(
  seen: Look,
  plan: Plan,
  o: { inputs: HijackInputs; artifacts?: CommitArtifacts; state?: HijackState; before?: HijackInputs },
): Promise<string> {
  const { inputs, artifacts, state } = o;
  const status = seen.status!;
  const { install } = seen.facts.pine;
  if (status.running !== status.slot) {
    const back = status.slot ? `slot ${status.slot}` : (install?.old ?? "the old system");
    return `a trial runs that nobody confirmed: 1 reboot back to ${back}, and then ${status.slot ? "an update" : "an install"} as if it had not been`;
  }
  const from = status.checksum.slice(0, 12);
  const target = status.running === "a" ? "b" : "a";
  const bytes = artifacts?.knownDelta(status.checksum);
  const same = status.checksum === inputs.commit;
  const size =
    bytes === undefined ? "a delta (its size is known once the commit is built)" : `a delta of ${humanBytes(bytes)}`;
  const send = same ? "nothing to send" : `send ${size}`;
  if (isReinstall(install, !state))
    return `reinstall of Pine, which runs here (commit ${from}): ${send}, a new deployment in slot ${target} whose /etc is the image's, 1 reboot; keeps /var, name, network and keys; ${SAFETY}; to take it over as it is: pulumi import`;
  // an image or a template that was started by hand has no record
  const found = install ? "what a run that was cut off left is taken over" : "Pine runs here and is taken over";
  const what = state ? "" : `${found}: `;
  if (same) {
    const changed = await redeploys(seen, plan, inputs, o.before);
    return changed
      ? `${what}new ${changed} for commit ${from}: deployed into slot ${target}, 1 reboot; ${SAFETY}`
      : `${what}commit ${from} runs already: keys and files are written, no reboot`;
  }
  const to = inputs.commit ? inputs.commit.slice(0, 12) : "the new commit";
  return `${what}update ${from} => ${to}: ${send}, slot ${target}, 1 reboot; ${SAFETY}`;
}
