/** HostHijack's outputs: what is known before (preview) and what holds afterwards. */
import type { Plan } from "../../../host/plan/types.ts";
import type { AgentStatus } from "../../../host/server/agent.ts";
import { bareKey } from "../../../host/ssh/public-key.ts";
import { CHECKSUM } from "../../../image/ostree/check.ts";
import { type Props, plain, Secret, secretStrings } from "../../../properties/values.ts";
import { redactText } from "../../../redact.ts";
import { factsOutput } from "../../facts/output.ts";
import type { HijackInputs } from "./inputs.ts";
import { outputConnection } from "./logins.ts";
import type { Outcome } from "./outcome.ts";
import type { Booted, Failed, HijackState } from "./state.ts";

/** The outputs: the state plus the connection of the new system, which `@pulumi/command` takes as it is. */
export function outputs(inputs: Props, state: HijackState): Props {
  const connection: Props = outputConnection(plain(inputs.connection), state);
  const { proxyHostKey: _, ...kept } = state;
  // Secret as a whole: a YAML program loses a secret inside an object. In other languages such a secret makes the whole
  // object secret anyway.
  const secret = [connection, connection.proxy ?? {}].some((c) => CREDENTIALS.some((key) => c[key] !== undefined));
  return { ...cleaned(inputs, kept), connection: secret ? new Secret(connection) : connection };
}

/** The state, its messages cleaned of the inputs' secrets: only log lines are cleaned where they are written. */
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

export function planOutput(plan: Plan): Props {
  const { method, keeps, erases, boots, restore, deadman, watchdog, sendBytes, about, summary, lines } = plan;
  const target = plan.overwrite?.disk.device;
  const disk =
    target ??
    `${plan.disk.rootDevice} on ${plan.disk.device}${plan.disk.ptuuid ? ` (partition table ${plan.disk.ptuuid})` : ""}`;
  return {
    ...{ method, disk, keeps, erases, boots, restore, watchdog, sendBytes, summary, lines },
    ...{ trialTimeout: deadman, estimated: about },
  };
}

/** What runs, for the state. `status` comes from a server that runs Pine. */
export function bootedOf(status: AgentStatus, version?: string): Booted {
  const { checksum, deployment, bootId, running } = status;
  return { checksum, version, deployment, slot: running!, bootId };
}

/** What the server would roll back to: the commit in its other slot, else the old system's name. */
export function fallbackOf(status: AgentStatus, known: string | undefined): string | undefined {
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
    // by itself it went there; another one is the program's
    followed: status.checksum === state.followed ? state.followed : undefined,
    sent: o.sent > 0 || !state.sent ? o.sent : state.sent,
    // files are written before the trial: they stay, whatever its result
    files: Object.keys(inputs.files),
    ...(state.facts || !o.facts ? {} : { facts: factsOutput(o.facts) }),
    ...(o.plan ? { plan: planOutput(o.plan) } : {}),
    fallback: fallbackOf(status, failed ? state.fallback : o.previous),
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
  // the console's lines are shown once and not kept
  const reason = reasons.filter((r) => !r.includes("\n")).join("; ");
  // a trial that never answered may have been a power cut: it gets a second try. One seen unhealthy does not
  return { checksum: inputs.commit, reason, attempts, givenUp: answered || attempts > 1, triggers };
}
