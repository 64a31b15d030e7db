/** Destroy: restores the old system where it was kept. */
import { isAbort, messageOf } from "../../../errors.ts";
import { restoreOld } from "../../../host/leave/restore.ts";
import { finalizedOf } from "../../../host/server/record.ts";
import type { Call } from "../../../resource.ts";
import { lockOwner, look } from "../look/look.ts";
import type { HijackInputs } from "../model/inputs.ts";
import { connectionsOf, keeping } from "../model/logins.ts";
import type { HijackState } from "../model/state.ts";

/** Restores the old system where that is possible; else warns and leaves the server alone. */
export async function giveBack(call: Call, known: HijackState, wanted: HijackInputs): Promise<void> {
  if (wanted.onDestroy === "retain") return call.warn("the server stays as it is (onDestroy: retain)");
  let seen: Awaited<ReturnType<typeof look>>;
  try {
    seen = await look(wanted.connection, known, call);
  } catch (error) {
    if (wanted.whenUnreachable !== "forget" || isAbort(error, call.signal)) throw error;
    return call.warn(`the resource is removed from the state, and the server was not changed: ${messageOf(error)}`);
  }
  try {
    const found = seen.facts.pine.install?.id;
    if (found !== known.installationId)
      return call.warn(
        found
          ? "another installation is on this server: nothing is changed on it"
          : "Pine is not on this server any more",
      );
    if (seen.facts.pine.install?.method === "overwrite")
      return call.warn("the server stays as it is: it was overwritten, so there is no old system to restore");
    if (seen.facts.pine.install?.old === undefined)
      return call.warn(
        "the server stays as it is: it was started from a template, so there is no old system to restore",
      );
    if (finalizedOf(seen.facts.pine.install) !== "no")
      return call.warn("the server stays as it is: finalize removed its old system, so there is none to restore");
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
