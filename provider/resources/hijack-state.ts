/** HostHijack's outputs: what is known before (preview) and what holds afterwards. */
import { isAbort, messageOf, PineError } from "../errors.ts";
import type { AgentStatus } from "../host/agent.ts";
import { isReinstall } from "../host/record.ts";
import type { Facts, Plan } from "../host/types.ts";
import { CHECKSUM } from "../image/ostree.ts";
import { redactText } from "../redact.ts";
import type { Call } from "../resource.ts";
import { humanBytes } from "../task.ts";
import { hasUnknown, type Props, plain, Secret, secretStrings, Unknown } from "../values.ts";
import { noDiskFits, smallestDisk } from "./estimates.ts";
import { type CommitArtifacts, estimatedImage, findArtifacts } from "./hijack-artifacts.ts";
import { bareKey, redeploys } from "./hijack-drift.ts";
import { finalizeDue } from "./hijack-finalize.ts";
import { type Booted, type Failed, type HijackInputs, type HijackState, hijackInputs } from "./hijack-inputs.ts";
import { knownInputs, listed } from "./hijack-known.ts";
import { outputConnection } from "./hijack-logins.ts";
import { type Look, lookAgain, planFor, refuseAnother } from "./hijack-look.ts";
import { noteShown } from "./hijack-shown.ts";
import type { Outcome } from "./hijack-work.ts";

/** Seconds that preview waits for a server. */
const PREVIEW_SECONDS = 10;

/** The outputs: the state plus the connection of the new system, which `@pulumi/command` takes as it is. */
export function outputs(inputs: Props, state: HijackState): Props {
  const connection: Props = outputConnection(plain(inputs.connection), state);
  const { proxyHostKey: _, ...kept } = state;
  // Secret as a whole: a program in YAML loses a secret that lies within an object, and in other languages it makes the whole one anyway.
  const secret = [connection, connection.proxy ?? {}].some((c) => CREDENTIALS.some((key) => c[key] !== undefined));
  return { ...cleaned(inputs, kept), connection: secret ? new Secret(connection) : connection };
}

/** What was said of the server, without the secrets among the inputs: a state is no log, which is cleaned by who writes it. */
function cleaned(inputs: Props, state: Omit<HijackState, "proxyHostKey">): Props {
  const secrets = secretStrings(inputs).sort((a, b) => b.length - a.length);
  const clean = (v: unknown): unknown => {
    if (typeof v === "string") return redactText(v, secrets);
    if (Array.isArray(v)) return v.map(clean);
    return v !== null && typeof v === "object" && Object.getPrototypeOf(v) === Object.prototype
      ? Object.fromEntries(Object.entries(v).map(([key, x]) => [key, clean(x)]))
      : v;
  };
  const { failed, plan } = state;
  return {
    ...state,
    ...(failed ? { failed: { ...failed, reason: clean(failed.reason) } } : {}),
    ...(plan ? { plan: clean(plan) } : {}),
  };
}

const CREDENTIALS = ["password", "privateKey", "privateKeyPassword"];

/** What stays the same of the facts, for the state. */
export function factsOutput(facts: Facts): Props {
  return {
    os: facts.os.name,
    kernel: facts.kernelRelease,
    arch: facts.arch,
    firmware: facts.firmware,
    machine: facts.machine,
    memoryMiB: Math.round(facts.ramKiB / 1024),
    rootDevice: facts.root.device,
    rootFilesystem: facts.root.type,
    hostname: facts.hostname,
  };
}

export function planOutput(plan: Plan): Props {
  const { method, keeps, erases, boots, restore, deadman, watchdog, sendBytes, about, summary, lines } = plan;
  const target = plan.overwrite?.disk.device;
  const disk =
    target ??
    `${plan.disk.rootDevice} on ${plan.disk.device}${plan.disk.ptuuid ? ` (partition table ${plan.disk.ptuuid})` : ""}`;
  return { method, disk, keeps, erases, boots, restore, deadman, watchdog, sendBytes, about, summary, lines };
}

/** What runs, for the state; `status` is of a server that runs Pine. */
export function bootedOf(status: AgentStatus, version?: string): Booted {
  const { checksum, deployment, bootId, running } = status;
  return { checksum, version, deployment, slot: running!, bootId };
}

/** What the server would go back to: the commit that its other slot truly has, else what is no commit, the old system's name. */
export function previousOf(status: AgentStatus, known: string | undefined): string | undefined {
  return status.other ?? (CHECKSUM.test(known ?? "") ? undefined : known);
}

/** The state after a trial, or after nothing had to boot. */
export function afterTrial(
  state: HijackState,
  inputs: HijackInputs,
  o: Outcome,
  version: string | undefined,
): HijackState {
  const { status } = o.result;
  const failed = o.result.outcome === "returned" ? failure(state, inputs, o.result) : undefined;
  const sameAsBefore = status.checksum === state.booted?.checksum ? state.booted.version : undefined;
  return {
    ...state,
    hostKey: o.hostKey,
    sent: o.sent > 0 || !state.sent ? o.sent : state.sent,
    // files are written before the trial: they are there, whatever came of it
    files: Object.keys(inputs.files),
    ...(state.facts || !o.facts ? {} : { facts: factsOutput(o.facts) }),
    ...(o.plan ? { plan: planOutput(o.plan) } : {}),
    previous: previousOf(status, failed ? state.previous : o.previous),
    failed,
    ...(o.rootKeys ? { rootKeys: o.rootKeys.map(bareKey) } : {}),
    booted: status.running ? bootedOf(status, failed ? sameAsBefore : (version ?? sameAsBefore)) : undefined,
  };
}

function failure(
  state: HijackState,
  inputs: HijackInputs,
  { reasons, answered }: Extract<Outcome["result"], { outcome: "returned" }>,
): Failed {
  const triggers = inputs.attempt;
  const again = state.failed?.checksum === inputs.commit && state.failed.triggers === triggers;
  const attempts = (again ? state.failed!.attempts : 0) + 1;
  // the console's lines are told once, and not kept
  const reason = reasons.filter((r) => !r.includes("\n")).join("; ");
  // a trial that never answered may have been a power cut: it gets a second try; one that was seen unhealthy does not
  return { checksum: inputs.commit, reason, attempts, final: answered || attempts > 1, triggers };
}

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
  const commitKnown = !hasUnknown(props.commit);
  const inputs = hijackInputs({ ...known.props, files: {}, commit: commitKnown ? props.commit : "" });
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
      await noteShown(call, plan, known.open);
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
