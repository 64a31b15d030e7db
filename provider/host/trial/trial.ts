/**
 * The one way to run something new on a server: an armed slot is booted once, checked from outside, and confirmed - or
 * rolled back, by us (health), by GRUB's count or by the dead-man.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { SlotName } from "../../boot/slot.ts";
import { messageOf } from "../../errors.ts";
import type { Task } from "../../task.ts";
import type { SignedManifest } from "../../trust/manifest.ts";
import { lockHost } from "../locks/server.ts";
import { type AgentStatus, agent, agentStatus } from "../server/agent.ts";
import { markDone } from "../server/record.ts";
import { keepTrust } from "../server/trust.ts";
import type { Connection } from "../ssh/connection.ts";
import { connectionLost } from "../ssh/errors.ts";
import type { Ssh } from "../ssh/types.ts";
import { waitForSsh } from "../ssh/wait.ts";
import { checkHealth, type HealthCheck } from "./health.ts";
import { reboot } from "./reboot.ts";
import { logReason, silentReason, trialLog } from "./returned.ts";

export interface TrialOptions {
  /** How to reach whichever system comes up: the new one's root first, then the old one's login. */
  connections: Connection[];
  /** Boot id before the reboot. */
  bootId: string;
  /** What must run: the armed slot and its commit. */
  slot: SlotName;
  checksum: string;
  /** The commit's manifest, where it is signed: kept with the confirmation. */
  signed?: SignedManifest;
  health: HealthCheck[];
  /** Seconds after which an unconfirmed trial reboots by itself. */
  deadman: number;
  /** Who takes the server's lock again after each boot: the one from before ended with the reboot. */
  owner: string;
  /** Gets the connection to what runs at the end. Does not fail. */
  ended?(ssh: Ssh, result: TrialResult): Promise<void>;
}

export type TrialResult =
  | { outcome: "confirmed"; status: AgentStatus }
  /**
   * `status` is what runs now. `answered`: the new system was seen and found wanting; else it may have been a power
   * cut.
   */
  | { outcome: "returned"; reasons: string[]; answered: boolean; status: AgentStatus };

/** Two boots of a slow machine (each under 5 min even without KVM) beside the dead-man's time. */
export const BOOTS_MS = 600_000;
/** From the first answer of sshd to the end of the default runlevel. */
export const COMPLETE_MS = 180_000;

/** Reboots an armed server into its trial and answers the outcome: confirmed, or rolled back. `ssh` is used up. */
export async function runTrial(ssh: Ssh, o: TrialOptions, task: Task): Promise<TrialResult> {
  const { owner } = o;
  task.step("rebooting into the trial");
  await reboot(ssh, owner);
  const timeoutMs = o.deadman * 1000 + BOOTS_MS;
  let bootId = o.bootId;
  let reasons: string[] = [];
  let answered = false;
  for (;;) {
    task.step("waiting for the server to answer");
    const next = await waitForSsh(o.connections, task, { timeoutMs, notBootId: bootId });
    let unlock = async () => {};
    try {
      unlock = await lockHost(next, owner);
      const status = await agentStatus(next);
      if (status.running !== o.slot || status.checksum !== o.checksum) {
        const log = await trialLog(next);
        if (reasons.length === 0) reasons = [silentReason(status, o.slot, log)];
        if (status.trial) await agent(next, ["disarm"]);
        const result = { outcome: "returned" as const, reasons: [...reasons, ...logReason(log)], answered, status };
        await o.ended?.(next, result);
        return result;
      }
      // the connection was lost while it was confirmed: it had been judged, and no reboot rolls it back any more
      const confirmedBefore = status.slot === o.slot && !status.trialRuns;
      if (confirmedBefore) reasons = [];
      else if (reasons.length === 0) reasons = await judge(next, o, task);
      answered = true;
      if (reasons.length === 0) {
        const confirmed = await confirm(next, o, confirmedBefore, task);
        if (confirmed.slot === o.slot) return await confirmedResult(next, o, confirmed);
        reasons = [`the slot could not be confirmed: the state reads slot=${confirmed.slot ?? ""}`];
      }
      task.step("not healthy: rebooting into the previous system");
      // for who asks the server why
      await agent(next, ["reason", reasons.join("; ")]).catch(() => {});
      bootId = status.bootId;
      await reboot(next, owner);
    } catch (error) {
      // the trial died under our hands: see what comes up, by itself or by the dead-man
      if (!connectionLost(error) || task.signal.aborted) throw error;
      bootId = "";
      answered = false;
      reasons = [`the connection to the new system was lost: ${messageOf(error)}`];
      await sleep(5000, undefined, { signal: task.signal });
    } finally {
      await unlock();
      await next.close();
    }
  }
}

/** Confirms what runs, unless it was before, and removes what is not needed any more. Answers the status after it. */
async function confirm(ssh: Ssh, o: TrialOptions, before: boolean, task: Task): Promise<AgentStatus> {
  task.step("confirming");
  if (!before) await agent(ssh, ["confirm", o.checksum]);
  const confirmed = await agentStatus(ssh);
  if (confirmed.slot !== o.slot) return confirmed;
  // without this line the next create takes the server over as it is: no reason to fail now
  await markDone(ssh).catch(() => {});
  await keepTrust(ssh, o.signed, task);
  // removes what the slot named before, so that two stay; if this fails, the next update does it
  await agent(ssh, ["tidy"], 600_000).catch(() => {});
  return confirmed;
}

async function confirmedResult(ssh: Ssh, o: TrialOptions, status: AgentStatus): Promise<TrialResult> {
  const result = { outcome: "confirmed" as const, status };
  await o.ended?.(ssh, result);
  return result;
}

/** Judges whether what runs is complete and healthy. Answers the reasons against it. */
export async function judge(ssh: Ssh, o: Pick<TrialOptions, "health">, task: Task): Promise<string[]> {
  const end = Date.now() + COMPLETE_MS;
  for (;;) {
    const status = await agentStatus(ssh);
    if (status.completed) break;
    if (Date.now() > end) return [`the default runlevel was not reached within ${COMPLETE_MS / 1000} s`];
    task.step("waiting for the default runlevel");
    await sleep(1000, undefined, { signal: task.signal });
  }
  return checkHealth(ssh, o.health, task);
}
