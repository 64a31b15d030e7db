/**
 * Sends a large file to a server in as many runs as it takes: what arrived before a connection ended is not sent again
 * (host/ssh/parts.sh).
 */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { die } from "../../errors.ts";
import type { Task } from "../../task.ts";
import { humanBytes } from "../../words.ts";
import { SshError } from "./errors.ts";
import type { Ssh } from "./types.ts";

/** Bytes that are compared at once; `block` of parts.sh. After a cut, less than this is sent twice. */
export const BLOCK = 4 * 1024 * 1024;

export interface FileToSend {
  path: string;
  /** Bytes. */
  size: number;
  /** Hex; the file's name on the server. */
  sha256: string;
}

/** What the step `part` printed. */
export interface There {
  /** Bytes; undefined: there is no room to keep them, and all is sent in one go. */
  bytes?: number;
  /** sha256 of each block of them; the last one may be shorter. */
  digests: string[];
}

/** Reads what `part` printed. Dies of anything else: then it is not known what arrived. */
export function parsePart(text: string): There {
  const [first = "", ...digests] = text.trim().split("\n");
  if (first === "straight" && digests.length === 0) return { digests };
  const bytes = Number(first);
  const whole = /^\d+$/.test(first) && digests.length === Math.ceil(bytes / BLOCK);
  if (!whole || digests.some((d) => !/^[0-9a-f]{64}$/.test(d)))
    die("Pine does not understand what the server says about earlier transfers", "run `pulumi up` again");
  return { bytes, digests };
}

/**
 * The byte to go on from: the start of the first block that differs from the file's own. `own`: the file's digests, of
 * as many bytes.
 */
export function whereToGoOn(there: There, own: string[], size: number): number {
  if (there.bytes === undefined || there.bytes > size) return 0;
  const differs = there.digests.findIndex((digest, n) => digest !== own[n]);
  return differs < 0 ? there.bytes : differs * BLOCK;
}

/** sha256 of each block of a file's first bytes. */
export async function blockDigests(path: string, bytes: number, signal?: AbortSignal): Promise<string[]> {
  const digests: string[] = [];
  for (let at = 0; at < bytes; at += BLOCK) {
    const hash = createHash("sha256");
    const end = Math.min(at + BLOCK, bytes) - 1;
    for await (const chunk of createReadStream(path, { start: at, end, highWaterMark: 1 << 18, signal }))
      hash.update(chunk);
    digests.push(hash.digest("hex"));
  }
  return digests;
}

/**
 * Sends the missing part of a file to a server, by the steps `part` and `receive` of `script`. Answers the bytes sent.
 * `kib`: the room needed for what is made of it; `more`: arguments of `receive`. The error of a lost connection says
 * where the next run goes on.
 */
export async function sendFile(
  ssh: Ssh,
  file: FileToSend,
  o: { script: string; kib?: number; more: string[]; what: string },
  task: Task,
): Promise<number> {
  const { path, size, sha256 } = file;
  const { script, what } = o;
  const kib = o.kib === undefined ? [] : [String(o.kib)];
  const asked = await ssh.exec(script, ["part", sha256, String(size), ...kib], { timeout: 600_000, what });
  const there = parsePart(asked.stdout);
  const from = whereToGoOn(there, await blockDigests(path, Math.min(there.bytes ?? 0, size), task.signal), size);
  if (there.bytes === undefined) task.step("no room to keep the transfer while it is unpacked: it is sent in one go");
  else if (from > 0) task.step(`going on at ${humanBytes(from)} of ${humanBytes(size)}`);
  const started = Date.now();
  let sent = 0;
  const source = createReadStream(path, { start: from, highWaterMark: 1 << 18 });
  // whoever reads the stream reports its errors
  source.on("error", () => {});
  try {
    const how = there.bytes === undefined ? "-" : String(from);
    await ssh.upload(source, script, ["receive", sha256, String(size), how, ...o.more], {
      what,
      size: size - from,
      onProgress: (bytes) => {
        sent = bytes;
        const rate = humanBytes(bytes / Math.max(1, (Date.now() - started) / 1000));
        if (bytes > 0) task.step(`sent ${humanBytes(from + bytes)} of ${humanBytes(size)}, ${rate}/s`);
      },
    });
    return sent;
  } catch (error) {
    if (!(error instanceof SshError && error.code === "lost") || there.bytes === undefined) throw error;
    // what was read, since progress is told only now and then; some of it may not have arrived
    const at = `${humanBytes(from + source.bytesRead)} of ${humanBytes(size)}`;
    const message = error.hint ? error.message.slice(0, -error.hint.length - 2) : error.message;
    throw new SshError("lost", message, {
      hint: `run \`pulumi up\` again: it continues from up to ${at}`,
      cause: error,
    });
  } finally {
    source.destroy();
  }
}
