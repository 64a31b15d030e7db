/** HostHijack's finalize: once the new system is confirmed and asked to be the only one. */
import { readFacts } from "../../../host/facts/facts.ts";
import { finalizeHost } from "../../../host/leave/finalize.ts";
import { lockHost } from "../../../host/locks/server.ts";
import type { Call } from "../../../resource.ts";
import { humanBytes } from "../../../words.ts";
import { lockOwner, openAny, refuseAnother } from "../look/look.ts";
import type { HijackInputs } from "../model/inputs.ts";
import { loginsOf, pinned } from "../model/logins.ts";
import type { HijackState } from "../model/state.ts";
import { finalizeDue, isBeside } from "../plan/finalize-due.ts";

/** Removes the old system where that is asked for and not done; answers whether it is gone. */
export async function finalize(inputs: HijackInputs, state: HijackState, call: Call): Promise<boolean> {
  const ssh = await openAny(loginsOf(pinned(inputs.connection, state), state), call);
  let unlock = async () => {};
  try {
    unlock = await lockHost(ssh, lockOwner(call));
    const facts = await readFacts(ssh);
    refuseAnother(facts, state, call);
    if (finalizeDue(inputs, facts)) {
      const freed = await finalizeHost(ssh, facts, call);
      const { old = "the old system" } = facts.pine.install ?? {};
      call.info(`${old} is gone, ${humanBytes(Math.max(0, freed))} are free again; it cannot be restored any more`);
    }
    return isBeside(facts.pine.install);
  } finally {
    await unlock();
    await ssh.close();
  }
}
