/** HostHijack's finalize: removes the old system once the new one is confirmed. */
import { readFacts } from "../../../host/facts/facts.ts";
import { finalizeHost } from "../../../host/leave/finalize.ts";
import { withHostLock } from "../../../host/locks/server.ts";
import { humanBytes } from "../../../words.ts";
import { openAny, refuseAnother } from "../look/look.ts";
import { finalizeDue } from "../plan/finalize-due.ts";
import type { Job } from "./job.ts";
import type { Visit } from "./visit.ts";

/** Removes the old system. Connects and looks again: the confirmed system is a later boot than the visit's. */
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
      call.info(`${old} is gone, ${humanBytes(Math.max(0, freed))} are free again; destroy cannot restore it any more`);
    });
    outcome.finalized = true;
  } finally {
    await ssh.close();
  }
}
