/** The reboot lock of a server's group: joined, left, and the turns of this program's own reboots. */
import type { StepOf } from "../../../host/plan/steps.ts";
import type { Ssh } from "../../../host/ssh/types.ts";
import type { TrialResult } from "../../../host/trial/trial.ts";
import { leaveFromHere } from "../../../host/turn/from-here.ts";
import { LOCK, lockFiles, type RebootLock, TOKEN } from "../../../host/turn/lock.ts";
import { checkTurn, giveTurnBack, joinGroup, leaveGroup, takeTurn } from "../../../host/turn/turn.ts";
import { writeFiles } from "../../../host/ways/update/update.ts";
import type { Call } from "../../../resource.ts";
import { lockOf } from "../model/lock.ts";
import type { Job } from "./job.ts";
import { onConfirmed, type Visit } from "./visit.ts";

/** Joins or leaves the group. After an installation the confirmed system is a later boot than the visit's. */
export async function changeGroup(visit: Visit, { leaves }: StepOf<"reboot-lock">, job: Job): Promise<void> {
  const { call, wish } = job;
  return visit.plan.way === "update" ? change(visit.ssh) : onConfirmed(visit, call, change);

  async function change(ssh: Ssh) {
    job.touched = true;
    call.step(leaves ? "leaving the group of the reboot lock" : "joining the group of the reboot lock");
    if (leaves) {
      const problem = await leaveGroup(ssh);
      if (problem) call.warn(`the group still counts this server: ${problem}`);
      return writeFiles(ssh, [], [TOKEN, LOCK], call);
    }
    const files = lockFiles(lockOf(wish.inputs, call)!);
    const gone = files.some((file) => file.path === TOKEN) ? [] : [TOKEN];
    await writeFiles(ssh, files, gone, call);
    await joinGroup(ssh);
  }
}

/** Takes this server's turn, right before a slot is armed; nothing where the program asks for no lock. */
export async function turnFor(ssh: Ssh, job: Job): Promise<void> {
  const { call, wish } = job;
  const { rebootLock, commit } = wish.inputs;
  if (!rebootLock) return;
  call.step("taking this server's turn to reboot");
  await takeTurn(ssh, commit, call);
  job.turn = true;
  await checkTurn(ssh, commit);
}

/** The reboot does not come about: the turn is free at once. */
export async function turnUnused(ssh: Ssh, job: Job): Promise<void> {
  if (!job.turn) return;
  job.turn = false;
  await giveTurnBack(ssh, job.wish.inputs.commit, "none", "", job.call);
}

/** Tells the group how a trial ended, over the connection to what runs then. */
export async function endTurn(ssh: Ssh, result: TrialResult, { call, wish }: Job): Promise<void> {
  const { rebootLock, commit } = wish.inputs;
  if (!rebootLock) return;
  if (result.outcome === "confirmed") return giveTurnBack(ssh, commit, "good", "", call);
  // one that never answered may have been a power cut
  const verdict = result.answered ? "failed" : "unclear";
  await giveTurnBack(ssh, commit, verdict, result.reasons.join("; "), call);
}

/** A server that is given up has no turn and is waited for no more. `ssh`: absent where it cannot be reached. */
export async function giveUpTurn(ssh: Ssh | undefined, lock: RebootLock | undefined, call: Call): Promise<void> {
  if (!lock) return;
  call.step("leaving the group of the reboot lock");
  const there = ssh ? await leaveGroup(ssh) : "it cannot be reached";
  const problem = there && (await leaveFromHere(lock, call));
  if (problem)
    call.warn(
      `the group ${lock.group} may still count this server as down: ${problem}; \`pine queue forget ${lock.member}\` on one of its servers ends that`,
    );
}
