/** HostHijack's finalize: once the new system is confirmed and asked to be the only one. */
import { readFacts } from "../../../host/facts/facts.ts";
import { finalizeHost } from "../../../host/leave/finalize.ts";
import { withHostLock } from "../../../host/locks/server.ts";
import { humanBytes } from "../../../words.ts";
import { openAny, refuseAnother } from "../look/look.ts";
import { finalizeDue } from "../plan/finalize-due.ts";
import type { Job } from "./job.ts";
import type { Visit } from "./visit.ts";

/** The system that was confirmed just now is another boot than the visit's: it is looked at anew. */
export async function removeOld(visit: Visit, _: unknown, { call, wish, outcome }: Job): Promise<void> {
  await visit.leave();
  const { connections, owner } = visit;
  const ssh = await openAny(connections, call);
  try {
    await withHostLock(ssh, owner, async () => {
      const facts = await readFacts(ssh);
      refuseAnother(facts, wish.state, call);
      if (!finalizeDue(wish.inputs, facts)) return;
      const freed = await finalizeHost(ssh, facts, call);
      const { old = "the old system" } = facts.pine.install ?? {};
      call.info(`${old} is gone, ${humanBytes(Math.max(0, freed))} are free again; it cannot be restored any more`);
    });
    outcome.finalized = true;
  } finally {
    await ssh.close();
  }
}
