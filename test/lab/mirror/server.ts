/** Serves a mirror on 127.0.0.1 as a plain web server would, and misbehaves on request. */
import { createHash } from "node:crypto";
import { readFile, stat } from "node:fs/promises";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join, normalize } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { MirrorTree } from "./tree.ts";

/** What goes wrong with one answer. */
export interface Fault {
  /** Answers with this status and a short text, unless there is a body. */
  status?: number;
  /** Sent instead of the file's content. */
  body?: Uint8Array | string;
  /** Changes the file's content; flips bytes, say. */
  change?: (body: Buffer) => Uint8Array;
  /** Breaks the connection off after so many bytes of the promised length. */
  truncateAt?: number;
  /** Milliseconds before the answer. */
  delayMs?: number;
  /** Pace of the body. */
  bytesPerSecond?: number;
}

export interface ServeOptions {
  /** Default: any free port. */
  port?: number;
  /** Asked for every request, with the path within the mirror, such as "v3.23/main/x86_64/APKINDEX.tar.gz". */
  intercept?: (path: string) => Fault | undefined;
}

export interface MirrorServer {
  /** "http://127.0.0.1:PORT/alpine" */
  url: string;
  port: number;
  /** Paths asked for, in order, with "304 " before those that were not sent again. */
  requests: string[];
  close(): Promise<void>;
}

/** Starts the server; close it to end a test. */
export async function serveMirror(tree: MirrorTree | string, options: ServeOptions = {}): Promise<MirrorServer> {
  const root = join(typeof tree === "string" ? tree : tree.dir, "alpine");
  const requests: string[] = [];
  const server = createServer(async (request, response) => {
    try {
      const asked = decodeURIComponent(new URL(request.url ?? "/", "http://127.0.0.1").pathname);
      const path = normalize(asked).replace(/^\/alpine\//, "");
      const inside = normalize(asked).startsWith("/alpine/");
      const fault = options.intercept?.(path) ?? {};
      if (fault.delayMs) await sleep(fault.delayMs);
      const info = inside ? await stat(join(root, path)).catch(() => undefined) : undefined;
      if (fault.status !== undefined && fault.body === undefined) {
        requests.push(path);
        return void response.writeHead(fault.status, { "Content-Type": "text/plain" }).end(`${fault.status}\n`);
      }
      if (fault.body === undefined && !info?.isFile()) {
        requests.push(path);
        return void response.writeHead(404, { "Content-Type": "text/plain" }).end("not found\n");
      }
      const file = fault.body === undefined ? await readFile(join(root, path)) : Buffer.from(fault.body as Uint8Array);
      const body = Buffer.from(fault.change?.(file) ?? file);
      const etag = `"${createHash("sha1").update(body).digest("hex").slice(0, 16)}"`;
      const headers = {
        ETag: etag,
        "Last-Modified": new Date(Math.floor((info?.mtimeMs ?? 0) / 1000) * 1000).toUTCString(),
        "Content-Type": "application/octet-stream",
        "Accept-Ranges": "none",
      };
      if (fresh(request.headers, etag, headers["Last-Modified"])) {
        requests.push(`304 ${path}`);
        return void response.writeHead(304, headers).end();
      }
      requests.push(path);
      response.writeHead(fault.status ?? 200, { ...headers, "Content-Length": body.length });
      if (request.method === "HEAD") return void response.end();
      await send(response, body, fault);
    } catch {
      response.destroy();
    }
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject).listen(options.port ?? 0, "127.0.0.1", resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/alpine`,
    port,
    requests,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** If-None-Match counts alone when it is there (RFC 9110, 13.2.2). */
function fresh(headers: NodeJS.Dict<string | string[]>, etag: string, modified: string): boolean {
  const [match, since] = [headers["if-none-match"], headers["if-modified-since"]];
  if (match !== undefined)
    return String(match)
      .split(/\s*,\s*/)
      .includes(etag);
  return since !== undefined && Date.parse(String(since)) >= Date.parse(modified);
}

async function send(response: ServerResponse, body: Buffer, fault: Fault): Promise<void> {
  const end = Math.min(fault.truncateAt ?? body.length, body.length);
  // 20 pieces a second make a pace that a watcher of progress can follow.
  const step = fault.bytesPerSecond ? Math.max(1, Math.floor(fault.bytesPerSecond / 20)) : end;
  for (let at = 0; at < end && !response.destroyed; at += step) {
    response.write(body.subarray(at, Math.min(at + step, end)));
    if (fault.bytesPerSecond) await sleep(50);
  }
  if (fault.truncateAt === undefined) response.end();
  // Gives what was written time to leave before the connection breaks.
  else setTimeout(() => response.destroy(), 20);
}
