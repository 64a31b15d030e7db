/** Whether a server's settings for updates change, as a step of its plan. Pure. */
import { die } from "../../../errors.ts";
import type { Facts } from "../../../host/facts/types/facts.ts";
import type { Plan } from "../../../host/plan/types.ts";
import { tooMany } from "../../../host/updates/fits.ts";
import { settingsDigest, settingsLine, settingsText } from "../../../host/updates/settings.ts";
import type { Call } from "../../../resource.ts";
import type { HijackInputs } from "../model/inputs.ts";
import type { Wish } from "../model/wish.ts";
import type { CommitArtifacts } from "./artifacts.ts";

const refOf = (text: string | undefined) => /^ref=(.*)$/m.exec(text ?? "")?.[1];

/**
 * The settings that the server should have; undefined: none. Dies when the commit is not signed: a server without keys
 * would believe everybody.
 */
export function updatesText(
  { inputs, id }: Pick<Wish, "inputs" | "id">,
  facts: Pick<Facts, "pine">,
  artifacts: Pick<CommitArtifacts, "signed"> | undefined,
): string | undefined {
  const { updates, deadman } = inputs;
  if (!updates) return undefined;
  const ref = updates.branch ?? refOf(artifacts?.signed?.text) ?? facts.pine.trust?.ref;
  if (artifacts && !artifacts.signed && !facts.pine.trust?.keys.length)
    die(
      "updates: the commit is not signed, and a server that trusts no key pulls nothing",
      "set signingKey of the OstreeCommit that is deployed and published",
    );
  return settingsText(updates, { id, ref: ref ?? "", deadman });
}

/** The plan with a step for the settings, where the server has other ones. */
export function withUpdates(plan: Plan, facts: Facts, wish: Wish, artifacts: CommitArtifacts | undefined): Plan {
  const text = updatesText(wish, facts, artifacts);
  const has = facts.pine.updates?.digest;
  const same = text === undefined ? has === undefined : has === settingsDigest(text);
  // a trial that runs is ended first, and then all is planned again
  if (same || plan.steps.length === 0) return plan;
  const line = wish.inputs.updates ? settingsLine(wish.inputs.updates) : "the server looks for updates no more";
  const summary = plan.way === "update" ? `${plan.summary}; ${line}` : plan.summary;
  const lines = plan.way === "update" ? [summary] : [...plan.lines, line];
  return { ...plan, steps: [...plan.steps, { do: "set-updates" }], summary, lines };
}

/** Says when a server's group is too large for its windows. A FleetLock server alone knows how many it lets go. */
export function warnOfWindow({ updates, rebootLock, deadman }: HijackInputs, call: Pick<Call, "warn">): void {
  if (!updates || !rebootLock?.members || rebootLock.fleetlock) return;
  const { group, members, slots = 1 } = rebootLock;
  const line = tooMany({ group, members, slots }, updates, deadman);
  if (line) call.warn(line);
}
