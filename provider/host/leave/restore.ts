/** Gives the old system back: it boots, then everything of ours is removed from beside it. */
import { die } from "../../errors.ts";
import type { Task } from "../../task.ts";
import { withHostLock } from "../locks/server.ts";
import { removeScript } from "../scripts.ts";
import { agent, agentStatus } from "../server/agent.ts";
import type { Connection } from "../ssh/connection.ts";
import type { Ssh } from "../ssh/types.ts";
import { waitForSsh } from "../ssh/wait.ts";
import { reboot } from "../trial/reboot.ts";

interface Restore {
  /** The installation's id. */
  id: string;
  /** To the old system after the reboot. */
  connections: Connection[];
  deleteData: boolean;
  owner: string;
}

/** Answers where Pine's /var was left on the old system, if anywhere. `ssh` is used up when a reboot was needed. */
export async function restoreOld(ssh: Ssh, o: Restore, task: Task): Promise<string | undefined> {
  const { bootId, kept } = await withHostLock(ssh, o.owner, async () => {
    const status = await agentStatus(ssh);
    if (status.running || status.slot || status.trial) {
      task.step("the old system is the default again");
      await agent(ssh, ["old"]);
    }
    if (!status.running) return { kept: await removePine(ssh, o, task) };
    task.step("rebooting into the old system");
    await reboot(ssh, o.owner);
    return { bootId: status.bootId };
  });
  if (bootId === undefined) return kept;
  const old = await waitForSsh(o.connections, task, { timeoutMs: 900_000, notBootId: bootId });
  try {
    // the lock from before ended with the reboot
    return await withHostLock(old, o.owner, async () => {
      const now = await agentStatus(old).catch(() => undefined);
      if (now?.running)
        die(
          "the server still runs Pine after the reboot into the old system",
          "look at its console; nothing was removed",
        );
      return removePine(old, o, task);
    });
  } finally {
    await old.close();
  }
}

async function removePine(ssh: Ssh, o: Restore, task: Task): Promise<string | undefined> {
  task.step("removing Pine");
  const args = [o.id, ...(o.deleteData ? ["deleteData"] : [])];
  const { stdout } = await ssh.exec(removeScript(), args, { root: true, timeout: 600_000, what: "removing Pine" });
  return stdout.trim().replaceAll("\n", ", ") || undefined;
}
