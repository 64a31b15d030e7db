/**
 * Requests as a mirror's client and a storage's make them: through the proxies that the environment names (HTTPS_PROXY,
 * HTTP_PROXY, NO_PROXY), with the credentials of the configuration, and with the body's bytes as they were sent: what
 * is checked by signature is never unpacked on the way.
 */
import type { Readable } from "node:stream";
import { type Dispatcher, EnvHttpProxyAgent, request } from "undici";
import { authorizationFor } from "./credentials.ts";

let agent: Dispatcher | undefined;

/** Of the environment when it is asked for first. */
function dispatcher(): Dispatcher {
  if (agent) return agent;
  // undici tells on standard error that this class may change: nothing for who runs pulumi
  const { emitWarning } = process;
  process.emitWarning = () => {};
  try {
    // http by absolute address, as proxies expect it; time limits are the caller's
    const options = { proxyTunnel: false, headersTimeout: 0, bodyTimeout: 0, connect: { timeout: 30_000 } };
    agent = new EnvHttpProxyAgent(options);
  } finally {
    process.emitWarning = emitWarning;
  }
  return agent;
}

/** More than any mirror's: round in a circle. */
const REDIRECTS = 5;

/** Where a redirect leads that is not followed. */
export class RedirectError extends Error {
  override name = "RedirectError";
}

/** The answer to a GET, after redirects. Throws a {@link RedirectError}, or what undici throws. */
export async function get(
  address: string,
  o: { headers?: Record<string, string>; signal: AbortSignal },
): Promise<Dispatcher.ResponseData> {
  let url = new URL(address);
  let authorization = authorizationFor(url);
  for (let n = 0; ; n++) {
    const answer = await request(url, {
      ...{ method: "GET", dispatcher: dispatcher(), signal: o.signal },
      headers: { "accept-encoding": "identity", ...o.headers, ...(authorization && { authorization }) },
    });
    // who reads it is told; it can also end while nobody reads
    answer.body.on("error", () => {});
    const { location } = answer.headers;
    if (![301, 302, 303, 307, 308].includes(answer.statusCode) || location === undefined) return answer;
    await answer.body.dump();
    const next = new URL(String(location), url);
    if (n >= REDIRECTS) throw new RedirectError(`leads round in a circle, last to ${shown(next)}`);
    if (!/^https?:$/.test(next.protocol) || (url.protocol === "https:" && next.protocol === "http:"))
      throw new RedirectError(`leads away from https, to ${shown(next)}`);
    // another place of the same server is still the one that was asked
    authorization = authorizationFor(next) ?? (next.origin === url.origin ? authorization : undefined);
    url = next;
  }
}

/** Without what may be secret in it: a signed address of an object store has its signature in the query. */
const shown = (url: URL) => `${url.origin}${url.pathname}`;

/**
 * The network's own trouble, as `cause`: before an answer or within one. Apart from what went wrong with a file of
 * ours.
 */
export class HttpError extends Error {
  override name = "HttpError";
}

/** An answer of any status. Who does not read its body drops it. */
export interface Answer {
  status: number;
  header(name: string): string | undefined;
  /** Throws an {@link HttpError} where it breaks off. */
  body: AsyncIterable<Uint8Array>;
  drop(): Promise<void>;
}

/** Milliseconds for an answer to begin, and between two pieces of it. */
const PATIENCE = 300_000;

/** One request as it is given, without credentials of ours; a redirect is an answer. Throws an {@link HttpError}. */
export async function send(
  address: string,
  o: { method: Dispatcher.HttpMethod; headers: Record<string, string>; body?: Readable; signal: AbortSignal },
): Promise<Answer> {
  const trouble = (cause: unknown) => (o.signal.aborted ? cause : new HttpError("the connection failed", { cause }));
  const limits = { headersTimeout: PATIENCE, bodyTimeout: PATIENCE };
  const headers = { "accept-encoding": "identity", ...o.headers };
  const answer = await request(address, { ...o, ...limits, headers, dispatcher: dispatcher() }).catch((e) => {
    o.body?.destroy();
    throw trouble(e);
  });
  const { statusCode, headers: said, body } = answer;
  body.on("error", () => {});
  const pieces = async function* () {
    try {
      yield* body as AsyncIterable<Uint8Array>;
    } catch (e) {
      throw trouble(e);
    }
  };
  return {
    status: statusCode,
    header: (name) => [said[name]].flat()[0],
    body: pieces(),
    drop: () => body.dump().then(() => {}),
  };
}
