/**
 * HTTP requests to mirrors and storages. They use the proxies of the environment (HTTPS_PROXY, HTTP_PROXY, NO_PROXY)
 * and the credentials of the configuration. A body keeps the bytes that were sent: content with a signature is never
 * unpacked on the way.
 */
import type { Readable } from "node:stream";
import { type Dispatcher, EnvHttpProxyAgent, request } from "undici";
import { authorizationFor } from "./credentials.ts";

let agent: Dispatcher | undefined;

/** Uses the proxies that the environment names at the first request. */
function dispatcher(): Dispatcher {
  if (agent) return agent;
  // undici warns on standard error that this class may change, which does not help people who run pulumi
  const { emitWarning } = process;
  process.emitWarning = () => {};
  try {
    // plain http uses absolute addresses, as proxies expect it; the caller sets time limits
    const options = { proxyTunnel: false, headersTimeout: 0, bodyTimeout: 0, connect: { timeout: 30_000 } };
    agent = new EnvHttpProxyAgent(options);
  } finally {
    process.emitWarning = emitWarning;
  }
  return agent;
}

/** More redirects than any mirror needs: they lead round in a circle. */
const REDIRECTS = 5;

/** A redirect that is not followed, and where it leads. */
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
      method: "GET",
      dispatcher: dispatcher(),
      signal: o.signal,
      headers: { "accept-encoding": "identity", ...o.headers, ...(authorization && { authorization }) },
    });
    // readers get the error anyway; the body can also fail while nobody reads
    answer.body.on("error", () => {});
    const { location } = answer.headers;
    if (![301, 302, 303, 307, 308].includes(answer.statusCode) || location === undefined) return answer;
    await answer.body.dump();
    const next = new URL(String(location), url);
    if (n >= REDIRECTS) throw new RedirectError(`redirects in a circle, last to ${shown(next)}`);
    if (!/^https?:$/.test(next.protocol) || (url.protocol === "https:" && next.protocol === "http:"))
      throw new RedirectError(`redirects away from https, to ${shown(next)}`);
    // another path of the same server is still the server that was asked
    authorization = authorizationFor(next) ?? (next.origin === url.origin ? authorization : undefined);
    url = next;
  }
}

/** Leaves out what may be secret: a signed address of an object store has its signature in the query. */
const shown = (url: URL) => `${url.origin}${url.pathname}`;

/** A network failure, before or during an answer, as `cause`. It tells such failures from those of our own files. */
export class HttpError extends Error {
  override name = "HttpError";
}

/** An answer with any status. A caller that does not read the body must drop it. */
export interface Answer {
  status: number;
  header(name: string): string | undefined;
  /** Throws an {@link HttpError} if the connection breaks. */
  body: AsyncIterable<Uint8Array>;
  drop(): Promise<void>;
}

/** Milliseconds to wait for an answer to begin, and between two pieces of it. */
const PATIENCE = 300_000;

/**
 * Sends one request as given, without credentials of ours. A redirect is returned like any answer.
 * Throws an {@link HttpError}.
 */
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
