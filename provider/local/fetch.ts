/** Fetching over http(s): retries, a limit on silence, cancellation, errors that name the address. */
import { STATUS_CODES } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { isAbort, PineError } from "../errors.ts";
import type { Task } from "../task.ts";
import { humanBytes } from "../words.ts";
import { get, RedirectError } from "./http.ts";

/** A server that does not give the file. `status` is undefined when it could not be reached. */
export class FetchError extends PineError {
  override name = "FetchError";
  constructor(
    readonly url: string,
    readonly status: number | undefined,
    readonly reason: string,
    cause?: unknown,
  ) {
    super(`${url}: ${reason}`, {
      hint: hintOf(status),
      cause,
    });
  }
}

function hintOf(status: number | undefined): string {
  switch (status) {
    case 401:
      return "the mirror asks for a user and a password: pulumi config set --secret pine:mirror https://USER:PASSWORD@…, or for any repository pine:credentials";
    case 407:
      return "the proxy asks for a user and a password: give them in HTTPS_PROXY, or exclude the mirror by NO_PROXY";
    case 404:
      return "check whether release, repository and architecture are right, or use another mirror (pine:mirror, pine:fallbackMirrors)";
    default:
      return "check whether this machine reaches it, or use another mirror (pine:mirror, pine:fallbackMirrors)";
  }
}

export interface Fetched {
  /** 200, or 304 when the conditional headers matched. */
  status: number;
  body: Buffer;
  headers: Headers;
}

/** Milliseconds without a byte after which a connection counts as dead. */
const SILENCE = 30_000;
/** The same where another mirror can be asked: curl's limit as pacman sets it. */
const HURRIED = 10_000;
/** Milliseconds before the second, third and fourth attempt. */
const pauses = [300, 1000, 3000];

export interface FetchOptions {
  headers?: Record<string, string>;
  onBytes?: (count: number) => void;
  /** Most bytes that the file may have: what its index says, or a limit for its kind. A longer file ends the fetch. */
  limit: number;
  /** Another server has the file too: make one attempt, with a shorter silence. */
  hurry?: boolean;
}

/** What arrived of a file before its connection broke. */
interface Begun {
  pieces: Uint8Array[];
  bytes: number;
  /** ETag or Last-Modified: only the rest of the same file is asked for. */
  validator?: string;
}

/**
 * Gets a file. `onBytes` gets the size of each piece that arrives. After a broken connection only the rest is fetched,
 * where the server supports that.
 */
export async function fetchFile(url: string, task: Task, o: FetchOptions): Promise<Fetched> {
  const begun: Begun = { pieces: [], bytes: 0 };
  for (let attempt = 0; ; attempt++) {
    try {
      return await once(url, task.signal, o, begun);
    } catch (e) {
      if (isAbort(e, task.signal)) throw task.signal.reason ?? e;
      const again =
        e instanceof FetchError && (e.status === undefined || e.status >= 500 || [408, 429].includes(e.status));
      const pause = o.hurry ? undefined : pauses[attempt];
      if (!again || pause === undefined) throw e;
      task.step(`${(e as Error).message.split("; ")[0]}: trying again`);
      await sleep(pause, undefined, { signal: task.signal });
    }
  }
}

/** The one value of a header. */
const header = (value: string | string[] | undefined): string | undefined => (Array.isArray(value) ? value[0] : value);

async function once(url: string, signal: AbortSignal, o: FetchOptions, begun: Begun): Promise<Fetched> {
  const quiet = new AbortController();
  const silence = o.hurry ? HURRIED : SILENCE;
  let timer = setTimeout(() => quiet.abort(), silence);
  const rest = begun.validator !== undefined && begun.bytes > 0;
  const range: Record<string, string> = rest ? { range: `bytes=${begun.bytes}-`, "if-range": begun.validator! } : {};
  try {
    const answer = await get(url, {
      signal: AbortSignal.any([signal, quiet.signal]),
      headers: { ...o.headers, ...range },
    });
    const { statusCode, headers, body } = answer;
    const goesOn = rest && statusCode === 206 && header(headers["content-range"])?.startsWith(`bytes ${begun.bytes}-`);
    if (!goesOn) Object.assign(begun, { pieces: [], bytes: 0 });
    if (statusCode !== 200 && statusCode !== 304 && !goesOn) {
      await body.dump();
      // the file has changed since it was begun
      const status = rest && [206, 416].includes(statusCode) ? undefined : statusCode;
      begun.validator = undefined;
      throw new FetchError(url, status, `the server answers ${statusCode} ${STATUS_CODES[statusCode] ?? ""}`.trim());
    }
    begun.validator = header(headers.etag)?.replace(/^W\/.*/, "") || header(headers["last-modified"]);
    const tooLong = (bytes: number) =>
      new FetchError(url, 413, `has ${humanBytes(bytes)} or more, expected at most ${humanBytes(o.limit)}`);
    const said = begun.bytes + Number(header(headers["content-length"]) ?? 0);
    if (said > o.limit && statusCode !== 304) {
      body.destroy();
      throw tooLong(said);
    }
    for await (const piece of body as AsyncIterable<Uint8Array>) {
      begun.bytes += piece.length;
      if (begun.bytes > o.limit) throw tooLong(begun.bytes);
      begun.pieces.push(piece);
      o.onBytes?.(piece.length);
      clearTimeout(timer);
      timer = setTimeout(() => quiet.abort(), silence);
    }
    const known = Object.entries(headers).flatMap(([name, value]) => {
      const one = header(value);
      return one === undefined ? [] : [[name, one] as [string, string]];
    });
    return { status: statusCode === 304 ? 304 : 200, body: Buffer.concat(begun.pieces), headers: new Headers(known) };
  } catch (e) {
    if (signal.aborted || e instanceof FetchError) throw e;
    if (e instanceof RedirectError) throw new FetchError(url, 310, e.message, e);
    const { code, cause } = e as NodeJS.ErrnoException & { cause?: NodeJS.ErrnoException };
    const why = quiet.signal.aborted
      ? `silent for ${silence / 1000} s`
      : `could not be fetched (${code ?? cause?.code ?? cause?.message ?? (e as Error).message})`;
    throw new FetchError(url, undefined, why, e);
  } finally {
    clearTimeout(timer);
  }
}
