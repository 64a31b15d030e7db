/** Writes a server's settings for updates, once what runs is confirmed. */
import { withHostLock } from "../../../host/locks/server.ts";
import { writeUpdates } from "../../../host/updates/write.ts";
import { openAny } from "../look/look.ts";
import { updatesText } from "../plan/updates.ts";
import type { Job } from "./job.ts";
import type { Visit } from "./visit.ts";

/** Connects again: the confirmed system may be a later boot than the visit's. */
export async function setUpdates(visit: Visit, _: unknown, { wish, call }: Job): Promise<void> {
  await visit.leave();
  const { facts, artifacts, connections, owner } = visit;
  call.step("the settings of updates");
  const ssh = await openAny(connections, call);
  try {
    await withHostLock(ssh, owner, () => writeUpdates(ssh, updatesText(wish, facts, artifacts)));
  } finally {
    await ssh.close();
  }
}
