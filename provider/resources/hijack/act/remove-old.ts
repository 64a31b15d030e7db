/** HostHijack's finalize: removes the old system once the new one is confirmed. */
import { readFacts } from "../../../host/facts/facts.ts";
import { finalizeHost } from "../../../host/leave/finalize.ts";
import { humanBytes } from "../../../words.ts";
import { refuseAnother } from "../look/look.ts";
import { finalizeDue } from "../plan/finalize-due.ts";
import type { Job } from "./job.ts";
import { onConfirmed, type Visit } from "./visit.ts";

/** Removes the old system; looks again before. */
export async function removeOld(visit: Visit, _: unknown, { call, wish, outcome }: Job): Promise<void> {
  await onConfirmed(visit, call, async (ssh) => {
    const facts = await readFacts(ssh);
    refuseAnother(facts, wish.state, call);
    if (!finalizeDue(wish.inputs, facts)) return;
    const freed = await finalizeHost(ssh, facts, call);
    const { old = "the old system" } = facts.pine.install ?? {};
    call.info(`${old} is gone, ${humanBytes(Math.max(0, freed))} are free again; destroy cannot restore it any more`);
  });
  outcome.finalized = true;
}
