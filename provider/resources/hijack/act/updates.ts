/** Writes a server's settings for updates, once what runs is confirmed. */
import { writeUpdates } from "../../../host/updates/write.ts";
import { updatesText } from "../plan/updates.ts";
import type { Job } from "./job.ts";
import { onConfirmed, type Visit } from "./visit.ts";

export async function setUpdates(visit: Visit, _: unknown, { wish, call }: Job): Promise<void> {
  const { facts, artifacts } = visit;
  call.step("the settings of updates");
  await onConfirmed(visit, call, (ssh) => writeUpdates(ssh, updatesText(wish, facts, artifacts)));
}
