/** What goes into and comes out of a session. */
import { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { RunError, type RunResult } from "../run.ts";

/**
 * The connection's process holds a session's output open until the remote script lets go of it, so a killed client is not waited
 * for: 500 ms after the time is up it counts as ended.
 */
export async function impatient(running: Promise<RunResult>, timeout: number | undefined): Promise<RunResult> {
  if (!timeout) return running;
  const late = new RunError("timed out", { stdout: "", stderr: "", timedOut: true });
  const clock = new AbortController();
  const alarm = sleep(timeout + 500, undefined, { signal: clock.signal }).then(() => Promise.reject(late));
  try {
    return await Promise.race([running, alarm]);
  } finally {
    clock.abort();
    running.catch(() => {});
    alarm.catch(() => {});
  }
}

/** Bytes or a stream as a sequence of chunks. */
export async function* chunksOf(sent: Uint8Array | Readable) {
  if (sent instanceof Readable) yield* sent as AsyncIterable<Uint8Array>;
  else yield sent;
}

/** A head, and what follows. */
export function joined(head: Buffer, input: string | Uint8Array | Readable): Uint8Array | Readable {
  if (!(input instanceof Readable))
    return Buffer.concat([head, typeof input === "string" ? Buffer.from(input) : input]);
  async function* parts() {
    yield head;
    yield* input as Readable;
  }
  return Readable.from(parts());
}
