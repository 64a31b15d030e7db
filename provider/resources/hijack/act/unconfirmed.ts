/** What a run that was cut off in a trial left: the server first goes back to what is confirmed. */
import { setTimeout as sleep } from "node:timers/promises";
import { die } from "../../../errors.ts";
import { withHostLock } from "../../../host/locks/server.ts";
import { agentStatus } from "../../../host/server/agent.ts";
import type { Ssh } from "../../../host/ssh/types.ts";
import { waitForSsh } from "../../../host/ssh/wait.ts";
import { reboot } from "../../../host/trial/reboot.ts";
import type { Call } from "../../../resource.ts";
import { type Look, lockOwner } from "../look/look.ts";
import type { HijackInputs } from "../model/inputs.ts";
import { connectionsOf, keeping } from "../model/logins.ts";

/**
 * Milliseconds that whoever armed a trial has to come back to it and to take the lock: they look every 2 s, each time
 * for 15 s at most.
 */
const GRACE_MS = 30_000;

/**
 * A trial that nobody confirmed is of a run that was cut off: the server goes back to what is confirmed, the old system
 * or the other slot. Answers the connection to what runs then, which is the caller's to close.
 */
export async function endUnconfirmedTrial({ ssh, status }: Look, inputs: HijackInputs, call: Call): Promise<Ssh> {
  if (!status?.running || status.running === status.slot) return ssh;
  const connections = connectionsOf(keeping(inputs.connection, ssh));
  const owner = lockOwner(call);
  call.step("an unconfirmed trial runs: waiting for whoever may be at it");
  await sleep(GRACE_MS, undefined, { signal: call.signal });
  const rebooted = await withHostLock(ssh, owner, async () => {
    const now = await agentStatus(ssh);
    if (now.running === now.slot) {
      // the slot that GRUB's count led to says so itself once it is up
      if (!status.trialRuns) return false;
      die("another run has just confirmed what was on trial here", "run `pulumi up` again: it sees what is there now");
    }
    call.step("an unconfirmed trial runs: back to the confirmed system");
    await reboot(ssh, owner);
    return true;
  });
  if (!rebooted) return ssh;
  return waitForSsh(connections, call, {
    refusals: Number.POSITIVE_INFINITY,
    timeoutMs: 900_000,
    notBootId: status.bootId,
  });
}
