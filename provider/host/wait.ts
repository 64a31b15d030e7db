/** Waiting for a server that reboots, whichever of two systems comes up. */
import { setTimeout as sleep } from "node:timers/promises";
import { PineError } from "../errors.ts";
import type { Task } from "../task.ts";
import type { Connection } from "./connection-type.ts";
import { openSsh } from "./ssh.ts";
import type { Ssh } from "./types.ts";

/**
 * Polls until one of the connections opens to a system with another boot id. A wrong host key ends it at once; a refused login
 * does not (the other system may still be going down), but is what the error says in the end.
 */
export async function waitForAny(
  connections: Connection[],
  task: Task,
  o: { timeoutMs: number; notBootId: string; everyMs?: number },
): Promise<Ssh> {
  const end = Date.now() + o.timeoutMs;
  let last: unknown;
  for (;;) {
    for (const connection of connections) {
      try {
        const ssh = await openSsh(connection, task, { connectTimeout: 10 });
        if (ssh.bootId !== o.notBootId) return ssh;
        await ssh.close();
        break;
      } catch (error) {
        const code = (error as { code?: string }).code;
        if (task.signal.aborted || code === "host-key") throw error;
        last = error;
        if (code === "unreachable" || code === "lost") break;
      }
    }
    if (Date.now() > end)
      throw new PineError(`the server has not come back within ${Math.round(o.timeoutMs / 60000)} min`, {
        hint: "look at its console; run `pulumi up` again once it answers",
        cause: last,
      });
    await sleep(o.everyMs ?? 2000, undefined, { signal: task.signal });
  }
}
