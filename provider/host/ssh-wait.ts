/** Waiting for a server that reboots. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Task } from "../task.ts";
import type { Connection } from "./connection-type.ts";
import { openSsh } from "./ssh.ts";
import { SshError, targetOf } from "./ssh-errors.ts";
import type { Ssh } from "./types.ts";

export interface WaitOptions {
  timeoutMs: number;
  /** Only another boot than this one will do. */
  notBootId?: string;
  /** Milliseconds between attempts; default 2000. */
  everyMs?: number;
}

/** Logins refused in a row after which it is no longer a system that is still starting. */
const REFUSALS = 5;

/**
 * Connects again and again until the server answers, with another boot id when asked. The host key should be pinned
 * (`connection.hostKey`): another one ends the waiting at once. The caller closes what is answered.
 */
export async function waitForSsh(connection: Connection, task: Task, o: WaitOptions): Promise<Ssh> {
  const end = Date.now() + o.timeoutMs;
  let refused = 0;
  let last: SshError | undefined;
  let old = false;
  for (;;) {
    try {
      const ssh = await openSsh(connection, task, { connectTimeout: 10 });
      if (!o.notBootId || ssh.bootId !== o.notBootId) return ssh;
      await ssh.close();
      old = true;
      last = undefined;
      refused = 0;
    } catch (error) {
      if (!(error instanceof SshError)) throw error;
      refused = error.code === "login" || error.code === "shell" ? refused + 1 : 0;
      const passing = ["unreachable", "lost"].includes(error.code) || (refused > 0 && refused < REFUSALS);
      if (!passing) throw error;
      last = error;
    }
    const seconds = Math.round((end - Date.now()) / 1000);
    if (seconds <= 0) break;
    task.step(`waiting for ${targetOf(connection)} to come back (${seconds} s left)`);
    await sleep(Math.min(o.everyMs ?? 2000, seconds * 1000), undefined, { signal: task.signal });
  }
  const what = last ? last.message : old ? "it still runs the system from before" : "no answer";
  throw new SshError(
    "unreachable",
    `${targetOf(connection)} did not come back within ${o.timeoutMs / 1000} s: ${what}`,
    {
      hint: "look at its console",
      cause: last,
    },
  );
}
