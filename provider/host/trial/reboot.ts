/** A reboot that is asked for over SSH, and seen to begin. */
import { setTimeout as sleep } from "node:timers/promises";
import { agent } from "../server/agent.ts";
import { connectionLost } from "../ssh/errors.ts";
import type { Ssh } from "../ssh/types.ts";

/** The agent waits a second before it reboots. */
const GOING_DOWN_MS = 4000;

/** Tells others of the reboot until the server is down: our lock ends with our connection. In /run, so gone at boot. */
const REBOOTING = "/run/pine.rebooting";

/** Asks for a reboot, which may end the connection at once. `owner`: as for the lock. */
export async function reboot(ssh: Ssh, owner: string): Promise<void> {
  const away = (error: unknown) => {
    if (!connectionLost(error)) throw error;
  };
  await ssh.exec(`printf '%s\\n' "$1" >${REBOOTING}`, [owner.replace(/\s+/g, " ")], { root: true }).catch(away);
  try {
    await agent(ssh, ["reboot"], 30_000).catch(away);
  } catch (error) {
    await ssh.exec(`rm -f ${REBOOTING}`, [], { root: true }).catch(() => {});
    throw error;
  }
  await ssh.close();
  // what still answers now is on its way down
  await sleep(GOING_DOWN_MS);
}
