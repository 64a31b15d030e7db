/** Destroy: restores the old system where it was kept. */
import { isAbort, messageOf, PineError } from "../../../errors.ts";
import { restoreOld } from "../../../host/leave/restore.ts";
import { finalizedOf } from "../../../host/server/record.ts";
import { isUnreachable } from "../../../host/ssh/errors.ts";
import { takeLastTurn } from "../../../host/turn/turn.ts";
import type { Call } from "../../../resource.ts";
import { type Look, lockOwner, look } from "../look/look.ts";
import type { HijackInputs } from "../model/inputs.ts";
import { lockOf } from "../model/lock.ts";
import { connectionsOf, keeping } from "../model/logins.ts";
import type { HijackState } from "../model/state.ts";
import { giveUpTurn } from "./reboot-lock.ts";

/** Restores the old system where that is possible; else warns and leaves the server alone. */
export async function giveBack(call: Call, known: HijackState, wanted: HijackInputs): Promise<void> {
  if (wanted.onDestroy === "retain") return call.warn("the server stays as it is (onDestroy: retain)");
  const lock = lockOf(wanted, call);
  let seen: Look;
  try {
    seen = await look(wanted.connection, known, call);
  } catch (error) {
    if (isAbort(error, call.signal)) throw error;
    if (wanted.whenUnreachable !== "forget") throw goneForGood(error);
    call.warn(`the resource is removed from the state, and the server was not changed: ${messageOf(error)}`);
    return giveUpTurn(undefined, lock, call);
  }
  try {
    const stays = whyItStays(seen, known);
    const there = seen.status?.running ? seen.ssh : undefined;
    if (lock && there && !stays) await takeLastTurn(there, seen.status!.checksum, call);
    // before it goes down: it is one of the group no more, whatever becomes of it
    await giveUpTurn(there, lock, call);
    if (stays) return call.warn(stays);
    const o = {
      id: known.installationId,
      connections: connectionsOf(keeping(wanted.connection, seen.ssh)),
      deleteData: wanted.deleteData,
      owner: lockOwner(call),
    };
    const kept = await restoreOld(seen.ssh, o, call);
    if (kept) call.info(`the old system runs again; what Pine kept in /var is in ${kept}`);
  } finally {
    await seen.ssh.close();
  }
}

/** What to do where the server does not answer, and never will. Any other error is its own. */
function goneForGood(error: unknown): unknown {
  if (!isUnreachable(error)) return error;
  const hint = "if it is gone for good: `whenUnreachable: forget`, `pulumi up`, and then this again";
  return new PineError(messageOf(error), { hint, cause: error });
}

/** Why nothing is restored on a server that answers; undefined: its old system is. Pure. */
function whyItStays({ facts }: Look, known: HijackState): string | undefined {
  const { install } = facts.pine;
  if (install?.id !== known.installationId)
    return install?.id
      ? "another installation is on this server: nothing is changed on it"
      : "Pine is not on this server any more";
  if (install?.method === "overwrite")
    return "the server stays as it is: it was overwritten, so there is no old system to restore";
  if (install?.old === undefined)
    return "the server stays as it is: it was started from a template, so there is no old system to restore";
  if (finalizedOf(install) !== "no")
    return "the server stays as it is: removeOldSystem removed its old system, so there is none to restore";
}
