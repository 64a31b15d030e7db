/** Writes a server's settings for updates, once what runs is confirmed. */
import { writeUpdates } from "../../../host/updates/write.ts";
import { updatesText } from "../plan/updates.ts";
import type { Job } from "./job.ts";
import type { Visit } from "./visit.ts";

export async function setUpdates({ ssh, facts, artifacts }: Visit, _: unknown, { wish, call }: Job): Promise<void> {
  call.step("the settings of updates");
  await writeUpdates(ssh, updatesText(wish, facts, artifacts));
}
