/** What goes into and comes out of a session. */

import { Readable, Writable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { PineError } from "../../errors.ts";
import { RunError, type RunOptions, type RunResult } from "../../local/run.ts";
import { fewTimes } from "../../task.ts";

/**
 * The connection's process holds a session's output open until the remote script closes it, so nobody waits for a
 * killed client: 500 ms after the time is up it counts as ended.
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

/** The text after the line `mark`; undefined without that line: what printed the text never began. */
export function afterMark(text: string, mark: string): string | undefined {
  const line = `\n${mark}`;
  for (let at = text.indexOf(line); at >= 0; at = text.indexOf(line, at + 1)) {
    const rest = text.slice(at + line.length);
    if (rest === "" || rest.startsWith("\n")) return rest.slice(1);
  }
  return undefined;
}

/** {@link RunOptions.onLine} for the lines after the line `mark`, in either stream. */
export function linesAfter(mark: string, onLine: RunOptions["onLine"]): RunOptions["onLine"] {
  const begun = { stdout: false, stderr: false };
  return (line, from) => {
    if (begun[from]) onLine?.(line, from);
    else begun[from] = line === mark;
  };
}

/** Passes what comes after the line `mark` on to `to`, and does not end that. */
export class StreamAfter extends Writable {
  begun = false;
  private held = Buffer.alloc(0);
  private readonly line: Buffer;
  constructor(
    mark: string,
    private readonly to: Writable,
  ) {
    super();
    this.line = Buffer.from(`\n${mark}\n`);
  }
  override _write(chunk: Buffer, _: BufferEncoding, done: (error?: Error | null) => void): void {
    const rest = this.begun ? chunk : this.begin(chunk);
    if (rest.length === 0) done();
    else this.to.write(rest, () => done());
  }
  /** What comes after the mark, in this chunk and those before it. */
  private begin(chunk: Buffer): Buffer {
    this.held = Buffer.concat([this.held, chunk]);
    const at = this.held.indexOf(this.line);
    this.begun = at >= 0;
    const rest = this.begun ? this.held.subarray(at + this.line.length) : Buffer.alloc(0);
    this.held = this.held.subarray(-this.line.length);
    return rest;
  }
}

/**
 * Passes on what is sent, with its progress; more or less than `size` is an error. `failed` gets the source's failure.
 */
export async function* counted(
  source: AsyncIterable<Uint8Array>,
  o: { size?: number; onProgress?: (bytes: number) => void },
  failed: (error: unknown) => void,
) {
  const { size, onProgress } = o;
  let sent = 0;
  const tell = fewTimes((bytes: number) => onProgress?.(bytes));
  try {
    for await (const chunk of source) {
      sent += chunk.length;
      if (size !== undefined && sent > size) break;
      yield chunk;
      tell(sent);
    }
    if (size !== undefined && sent !== size)
      throw new PineError(
        `the data to send has ${sent > size ? "more than" : "only"} ${Math.min(sent, size)} of ${size} bytes`,
      );
    onProgress?.(sent);
  } catch (error) {
    failed(error);
    throw error;
  }
}
