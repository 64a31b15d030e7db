/** Gives the old system back: it boots, then everything of ours is removed from beside it. */
import { die } from "../../errors.ts";
import type { Task } from "../../task.ts";
import { lockHost } from "../locks/server.ts";
import { removeScript } from "../scripts.ts";
import { agent, agentStatus } from "../server/agent.ts";
import type { Connection } from "../ssh/connection.ts";
import type { Ssh } from "../ssh/types.ts";
import { waitForSsh } from "../ssh/wait.ts";
import { reboot } from "../trial/reboot.ts";

/** Answers where Pine's /var was left on the old system, if anywhere. `ssh` is used up when a reboot was needed. */
export async function restoreOld(
  ssh: Ssh,
  o: { id: string; connections: Connection[]; deleteData: boolean; owner: string },
  task: Task,
): Promise<string | undefined> {
  let old = ssh;
  let unlock = await lockHost(ssh, o.owner);
  const status = await agentStatus(ssh);
  if (status.running || status.slot || status.trial) {
    task.step("the old system is the default again");
    await agent(ssh, ["old"]);
  }
  if (status.running) {
    task.step("rebooting into the old system");
    await reboot(ssh, o.owner);
    old = await waitForSsh(o.connections, task, {
      refusals: Number.POSITIVE_INFINITY,
      timeoutMs: 900_000,
      notBootId: status.bootId,
    });
    unlock = await lockHost(old, o.owner); // the one from before ended with the reboot
    const now = await agentStatus(old).catch(() => undefined);
    if (now?.running)
      die(
        "the server still runs Pine after the reboot into the old system",
        "look at its console; nothing was removed",
      );
  }
  try {
    task.step("removing Pine");
    const args = [o.id, ...(o.deleteData ? ["deleteData"] : [])];
    const result = await old.exec(removeScript(), args, { root: true, timeout: 600_000, what: "removing Pine" });
    return result.stdout.trim().replaceAll("\n", ", ") || undefined;
  } finally {
    await unlock();
    if (old !== ssh) await old.close();
  }
}
