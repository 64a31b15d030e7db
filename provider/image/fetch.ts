/** Fetching over http(s): retries, a limit on silence, cancellation, errors that name the address. */
import { setTimeout as sleep } from "node:timers/promises";
import { isAbort, PineError } from "../errors.ts";
import { humanBytes, type Task } from "../task.ts";

/** A server that gives no file. `status` is undefined when it could not be reached. */
export class FetchError extends PineError {
  override name = "FetchError";
  constructor(
    readonly url: string,
    readonly status: number | undefined,
    message: string,
    cause?: unknown,
  ) {
    super(`${url}: ${message}`, {
      hint:
        status === 404
          ? "see whether release, repository and architecture are right, or use another mirror (pine:mirror)"
          : "see whether this machine reaches it, or use another mirror (pine:mirror)",
      cause,
    });
  }
}

export interface Fetched {
  /** 200, or 304 when the conditional headers fitted. */
  status: number;
  body: Buffer;
  headers: Headers;
}

/** Milliseconds without a byte after which a connection counts as dead. */
const silence = 30_000;
/** Milliseconds before the second, third and fourth attempt. */
const pauses = [300, 1000, 3000];

export interface FetchOptions {
  headers?: Record<string, string>;
  onBytes?: (count: number) => void;
  /** Bytes that the file may have: what its index says, or what none of its kind has. A longer one ends the fetching. */
  limit: number;
}

/** Gets a file. `onBytes` is told of each piece that arrives; a piece may be told of again after a retry. */
export async function fetchFile(url: string, task: Task, o: FetchOptions): Promise<Fetched> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await once(url, task.signal, o);
    } catch (e) {
      if (isAbort(e, task.signal)) throw task.signal.reason ?? e;
      const again =
        e instanceof FetchError && (e.status === undefined || e.status >= 500 || [408, 429].includes(e.status));
      const pause = pauses[attempt];
      if (!again || pause === undefined) throw e;
      task.step(`${(e as Error).message.split("; ")[0]}: trying again`);
      await sleep(pause, undefined, { signal: task.signal });
    }
  }
}

async function once(url: string, signal: AbortSignal, o: FetchOptions): Promise<Fetched> {
  const quiet = new AbortController();
  let timer = setTimeout(() => quiet.abort(), silence);
  try {
    const response = await fetch(url, { signal: AbortSignal.any([signal, quiet.signal]), headers: o.headers });
    if (!response.ok && response.status !== 304) {
      await response.body?.cancel();
      throw new FetchError(url, response.status, `the server answers ${response.status} ${response.statusText}`.trim());
    }
    const tooLong = (bytes: number) =>
      new FetchError(url, 413, `has ${humanBytes(bytes)} or more, expected at most ${humanBytes(o.limit)}`);
    const said = Number(response.headers.get("content-length") ?? 0);
    if (said > o.limit && response.status !== 304) {
      await response.body?.cancel();
      throw tooLong(said);
    }
    const pieces: Uint8Array[] = [];
    let sum = 0;
    for await (const piece of response.body ?? []) {
      sum += (piece as Uint8Array).length;
      if (sum > o.limit) throw tooLong(sum);
      pieces.push(piece as Uint8Array);
      o.onBytes?.((piece as Uint8Array).length);
      clearTimeout(timer);
      timer = setTimeout(() => quiet.abort(), silence);
    }
    return { status: response.status, body: Buffer.concat(pieces), headers: response.headers };
  } catch (e) {
    if (signal.aborted || e instanceof FetchError) throw e;
    const cause = (e as Error).cause as NodeJS.ErrnoException | undefined;
    const why = quiet.signal.aborted
      ? `silent for ${silence / 1000} s`
      : `could not be fetched (${cause?.code ?? cause?.message ?? (e as Error).message})`;
    throw new FetchError(url, undefined, why, e);
  } finally {
    clearTimeout(timer);
  }
}
