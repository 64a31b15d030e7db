/** Whether a server answers at all, without a login. */
import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { isAbort } from "../../errors.ts";
import { quietTask, type Task } from "../../task.ts";
import type { Connection } from "./connection.ts";
import { isUnreachable } from "./errors.ts";
import { withSsh } from "./open.ts";

/** Seconds for one attempt, and between two. */
const ATTEMPT = 5;
const PAUSE = 2;

/**
 * Whether SSH answers within `seconds` (at least one attempt). Sends no password and no key of the program to the
 * server. Throws only when `task.signal` is aborted.
 */
export async function answers(connection: Connection, { signal }: Task, seconds: number): Promise<boolean> {
  const end = performance.now() + seconds * 1000;
  for (;;) {
    if (await (connection.proxy ? beyond(connection, signal) : greets(connection, signal))) return true;
    signal.throwIfAborted();
    if (performance.now() + PAUSE * 1000 >= end) return false;
    await sleep(PAUSE * 1000, undefined, { signal });
  }
}

/** Behind a jump host only ssh itself gets through. Whatever it says but "unreachable" comes from the server. */
async function beyond(connection: Connection, signal: AbortSignal): Promise<boolean> {
  const { password: _, privateKey: __, privateKeyPassword: ___, ...bare } = connection;
  try {
    await withSsh(bare, quietTask(signal), async () => {}, { connectTimeout: ATTEMPT });
    return true;
  } catch (error) {
    if (isAbort(error, signal)) throw error;
    return !isUnreachable(error);
  }
}

/** An SSH server speaks first: "SSH-2.0-…" (RFC 4253, 4.2); other lines may come before. */
function greets({ host, port = 22 }: Connection, signal: AbortSignal): Promise<boolean> {
  return new Promise((done) => {
    const socket = connect({ host, port, signal });
    const end = (answer: boolean) => {
      socket.destroy();
      done(answer);
    };
    let said = "";
    socket.setTimeout(ATTEMPT * 1000, () => end(false));
    socket.on("data", (piece) => {
      said += piece.toString("latin1");
      if (/^SSH-/m.test(said)) end(true);
      else if (said.length > 4096) end(false);
    });
    socket.on("error", () => end(false));
    socket.on("close", () => end(false));
  });
}
