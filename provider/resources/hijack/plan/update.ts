/** The plan of an update: reads the server, and derives the steps from what it finds. Writes nothing. */
import { die } from "../../../errors.ts";
import type { Facts } from "../../../host/facts/types/facts.ts";
import { planRehearsal } from "../../../host/plan/rehearsal.ts";
import { erasedBy, restartsOf, sendingOf } from "../../../host/plan/steps.ts";
import type { ImageFacts, Plan } from "../../../host/plan/types.ts";
import type { AgentStatus } from "../../../host/server/agent.ts";
import { isReinstall } from "../../../host/server/record.ts";
import { loginPublicKeys } from "../../../host/ssh/keys.ts";
import { bareKey } from "../../../host/ssh/public-key.ts";
import type { Ssh } from "../../../host/ssh/types.ts";
import { redNotes } from "../../../host/updates/notes.ts";
import { byHandRefusal } from "../../../host/ways/update/by-hand.ts";
import { ownTrialLine, unconfirmedLine, updateLine, updateSteps } from "../../../host/ways/update/steps.ts";
import type { Call } from "../../../resource.ts";
import { redeploys } from "../look/drift.ts";
import type { Wish } from "../model/wish.ts";
import type { CommitArtifacts } from "./artifacts.ts";
import { etcNotesOf } from "./etc.ts";
import { finalizeDue } from "./finalize-due.ts";

/** A server that runs Pine, its status, and what is known of the wanted commit. */
interface Running {
  ssh: Ssh;
  facts: Facts;
  status: AgentStatus;
  image: ImageFacts;
}

/** The plan of an update. `artifacts`: those of the wanted commit; absent while it is not known. */
export async function planUpdate(
  seen: Running,
  plan: Plan,
  wish: Wish,
  artifacts: CommitArtifacts | undefined,
  call: Call,
): Promise<Plan> {
  const { facts, status, image } = seen;
  const { inputs, before, state } = wish;
  const { install } = facts.pine;
  if (status.trialRuns && status.judge === "self") return inALine(plan, ownTrialLine(status.checksum));
  if (status.running !== status.slot) return inALine(plan, unconfirmedLine(status.slot, install?.old));
  const mine = install?.id === wish.id && install.stack === call.stack && install.urn === call.urn;
  const login = await loginPublicKeys(inputs.connection, call);
  const rehearsal = planRehearsal(facts, inputs, image);
  const steps = updateSteps({
    rehearse: rehearsal.step,
    runs: status.checksum,
    slot: status.running!,
    armed: status.trial !== undefined,
    place: status.container ? "container" : "machine",
    watchdog: facts.watchdog,
    commit: inputs.commit,
    changed: await redeploys(seen, plan, inputs, before),
    // a create that finds its own stack's system takes it over under a new id (rule 7): as it is after a run that was
    // cut off, else reinstalled
    fresh: isReinstall(install, !state),
    found: state ? undefined : install ? "cut-off" : "running",
    foreign: !mine,
    lock: lockChange(wish),
    keys: rootKeys(plan.authorizedKeys, inputs.authorizedKeys, before?.authorizedKeys ?? [], login),
    bytes: artifacts?.knownDelta(status.checksum),
    deadman: inputs.deadman,
    removes: finalizeDue(inputs, facts) ? (install?.old ?? "the old system") : undefined,
  });
  const against = restartsOf(steps) > 0 && byHandRefusal(facts.pine, inputs.commit, before?.attempt !== inputs.attempt);
  if (against) die(against.message, against.hint);
  const sending = sendingOf(steps) ?? { sendBytes: 0, about: false };
  const known = { steps, ...sending, boots: restartsOf(steps), erases: erasedBy(steps) };
  const update = steps.find((step) => step.do === "update");
  const given = Object.keys(inputs.files);
  const notes = update
    ? [...redNotes(facts.pine), ...(await etcNotesOf(seen.ssh, { ...update, given }, artifacts, call))]
    : [];
  const restarts = restartsOf(steps) > 0;
  const line = [updateLine(steps), ...(restarts && rehearsal.note ? [rehearsal.note] : [])].join("; ");
  const told = inALine({ ...plan, ...known }, line);
  return { ...told, lines: [...told.lines, ...notes], notes };
}

/** Whether the group of the reboot lock is joined, or left; undefined: there was none, and is none. Pure. */
export function lockChange({ inputs, before }: Wish): { group: string; leaves: boolean } | undefined {
  const group = inputs.rebootLock?.group;
  if (group !== undefined) return { group, leaves: false };
  return before?.rebootLock && { group: before.rebootLock.group, leaves: true };
}

const inALine = (plan: Plan, line: string): Plan => ({ ...plan, summary: line, lines: [line] });

/**
 * Root's keys after a change of the given ones: removes those that are no longer given. Dies when none of the login's
 * own would stay. Undefined: the keys stay as they are. Pure.
 */
export function rootKeys(planned: string[], given: string[], before: string[], login: string[]): string[] | undefined {
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
