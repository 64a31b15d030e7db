/** What a run that was cut off in a trial left: the server first goes back to what is confirmed. */
import { setTimeout as sleep } from "node:timers/promises";
import { die } from "../../../errors.ts";
import { lockHost } from "../../../host/locks/server.ts";
import { agentStatus } from "../../../host/server/agent.ts";
import { waitForSsh } from "../../../host/ssh/wait.ts";
import { reboot } from "../../../host/trial/reboot.ts";
import type { Call } from "../../../resource.ts";
import { type Look, lockOwner, lookAt } from "../look/look.ts";
import type { HijackInputs } from "../model/inputs.ts";
import { connectionsOf, keeping } from "../model/logins.ts";

/** Milliseconds that whoever armed a trial has to come back to it and to take the lock: they look every 2 s, each time for 15 s at most. */
const GRACE_MS = 30_000;

/**
 * A trial that nobody confirmed is of a run that was cut off: the server goes back to what is confirmed, the old system or the other
 * slot. Answers what runs then; its `ssh` is the caller's to close.
 */
export async function settle(seen: Look, inputs: HijackInputs, call: Call): Promise<Look> {
  const { ssh, status } = seen;
  if (!status?.running || status.running === status.slot) return seen;
  const connections = connectionsOf(keeping(inputs.connection, ssh));
  call.step("an unconfirmed trial runs: waiting for whoever may be at it");
  await sleep(GRACE_MS, undefined, { signal: call.signal });
  const unlock = await lockHost(ssh, lockOwner(call));
  try {
    const now = await agentStatus(ssh);
    if (now.running === now.slot) {
      // the slot that GRUB's count led to says so itself once it is up
      if (!status.trialRuns) return lookAt(ssh, call);
      die("another run has just confirmed what was on trial here", "run `pulumi up` again: it sees what is there now");
    }
    call.step("an unconfirmed trial runs: back to the confirmed system");
    await reboot(ssh, lockOwner(call));
  } finally {
    await unlock();
  }
  const next = await waitForSsh(connections, call, {
    refusals: Number.POSITIVE_INFINITY,
    timeoutMs: 900_000,
    notBootId: status.bootId,
  });
  return lookAt(next, call);
}
