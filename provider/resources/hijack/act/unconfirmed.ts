/** Cleans up after a run that was cut off in a trial: the server rolls back to the confirmed system. */
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
 * Milliseconds that another run has to return to the trial it armed and to take the lock. It looks every 2 s, each time
 * for at most 15 s.
 */
const GRACE_MS = 30_000;

/**
 * Ends a trial that nobody confirmed because its run was cut off: the server rolls back to the old system or the other
 * slot. Returns the connection to the system that runs then; the caller closes it.
 */
export async function endUnconfirmedTrial({ ssh, status }: Look, inputs: HijackInputs, call: Call): Promise<Ssh> {
  if (!status?.running || status.running === status.slot) return ssh;
  if (status.trialRuns && status.judge === "self") {
    await ssh.close();
    die(
      `the server tries commit ${status.checksum.slice(0, 12)} by itself, and its own health checks judge it`,
      "run `pulumi up` again in a few minutes: it has confirmed the commit then, or rolled back",
    );
  }
  const connections = connectionsOf(keeping(inputs.connection, ssh));
  const owner = lockOwner(call);
  call.step("an unconfirmed trial runs: waiting, since another run may be working on it");
  await sleep(GRACE_MS, undefined, { signal: call.signal });
  const rebooted = await withHostLock(ssh, owner, async () => {
    const now = await agentStatus(ssh);
    if (now.running === now.slot) {
      // a slot that GRUB's count chose confirms itself once it is up
      if (!status.trialRuns) return false;
      die(
        "another run has just confirmed what was on trial here",
        "run `pulumi up` again: it sees what is on the server now",
      );
    }
    call.step("an unconfirmed trial runs: rolling back to the confirmed system");
    await reboot(ssh, owner);
    return true;
  });
  if (!rebooted) return ssh;
  return waitForSsh(connections, call, { timeoutMs: 900_000, notBootId: status.bootId });
}
