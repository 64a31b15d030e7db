/** Waiting for a server that reboots. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Task } from "../../task.ts";
import type { Connection } from "./connection.ts";
import { RemoteError, SshError, targetOf } from "./errors.ts";
import { openSsh } from "./open.ts";
import { sameBoot } from "./root.ts";
import type { Ssh } from "./types.ts";

export interface WaitOptions {
  timeoutMs: number;
  /** Only another boot than this one will do. */
  notBootId?: string;
  /** Milliseconds between attempts; default 2000. */
  everyMs?: number;
}

/**
 * Connects again and again until the server answers, from another boot when `notBootId` is given. Several connections:
 * it takes whichever system comes up, and a refused login ends nothing: another system may still come up. The host key
 * should be pinned (`connection.hostKey`): another one ends the waiting at once. The caller closes the connection.
 */
export async function waitForSsh(connection: Connection | Connection[], task: Task, o: WaitOptions): Promise<Ssh> {
  const connections = [connection].flat();
  const target = targetOf(connections[0]!);
  const end = Date.now() + o.timeoutMs;
  let last: SshError | RemoteError | undefined;
  let old = false;
  for (;;) {
    for (const one of connections) {
      try {
        const ssh = await openSsh(one, task, { connectTimeout: one.perDialTimeout || 15 });
        if (!o.notBootId || !sameBoot(ssh.bootId, o.notBootId)) return ssh;
        await ssh.close();
        old = true;
        last = undefined;
        break;
      } catch (error) {
        // a system that goes down may take the connection and never answer, or fail at the first script
        if (!(error instanceof SshError) && !(error instanceof RemoteError)) throw error;
        last = error;
        if (error instanceof RemoteError) break;
        if (error.code === "unreachable" || error.code === "lost") break;
        if (error.code !== "login" && error.code !== "shell") throw error;
      }
    }
    const seconds = Math.round((end - Date.now()) / 1000);
    if (seconds <= 0) break;
    task.step(`waiting for ${target} to come back (${seconds} s left)`);
    await sleep(Math.min(o.everyMs ?? 2000, seconds * 1000), undefined, { signal: task.signal });
  }
  const what = last ? last.message : old ? "it still runs the system from before" : "no answer";
  throw new SshError("unreachable", `${target} did not come back within ${o.timeoutMs / 1000} s: ${what}`, {
    hint: "look at its console, and run `pulumi up` again once it answers",
    cause: last,
  });
}
