/**
 * Serves a published folder over HTTP, to try it out: `pulumi-resource-pine serve FOLDER [PORT]`. Any static web server
 * does the same.
 */
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join, normalize } from "node:path";
import { die } from "../errors.ts";
import { publishProblem } from "../publish/folder.ts";

const HOST = "127.0.0.1";

/**
 * Serves a folder on 127.0.0.1; `port` 0: any free one. It serves only files: no listings, nothing outside the folder,
 * nothing hidden.
 */
export async function serveFolder(dir: string, port: number): Promise<{ server: Server; url: string }> {
  const problem =
    (await publishProblem(dir)) ??
    ((await stat(join(dir, "summary")).catch(() => undefined)) ? undefined : "has nothing published");
  if (problem) die(`${dir} ${problem}`, "give the folder that an OstreeCommit publishes to");
  const server = createServer(async (request, response) => {
    const refuse = (status: number) => response.writeHead(status, { "Content-Type": "text/plain" }).end(`${status}\n`);
    try {
      if (request.method !== "GET" && request.method !== "HEAD") return refuse(405);
      const path = normalize(decodeURIComponent(new URL(request.url ?? "/", "http://localhost").pathname));
      if (path.split("/").some((part) => part.startsWith("."))) return refuse(404);
      const file = join(dir, path);
      const seen = await stat(file);
      if (!seen.isFile()) return refuse(404);
      response.writeHead(200, { "Content-Length": seen.size, "Content-Type": "application/octet-stream" });
      if (request.method === "HEAD") return response.end();
      return createReadStream(file)
        .on("error", () => response.destroy())
        .pipe(response);
    } catch (e) {
      return refuse((e as NodeJS.ErrnoException).code === "ENOENT" ? 404 : 400);
    }
  });
  await new Promise<void>((done, failed) => {
    server.once("error", (e: NodeJS.ErrnoException) =>
      failed(e.code === "EADDRINUSE" ? new Error(`port ${port} is in use: give another one`) : e),
    );
    server.listen(port, HOST, done);
  });
  return { server, url: `http://${HOST}:${(server.address() as AddressInfo).port}` };
}

/** Runs the command; returns once it listens. */
export async function serveCommand(args: string[]): Promise<void> {
  const [dir, port = "8000", ...more] = args;
  const number = Number(port);
  if (!dir || more.length > 0 || !/^\d+$/.test(port) || number > 65535)
    die("usage: pulumi-resource-pine serve FOLDER [PORT]", "PORT is 0 to 65535, default 8000");
  const { url } = await serveFolder(dir, number);
  process.stdout.write(`${url}\non a host: ostree remote add --no-gpg-verify pine ${url}; ostree pull pine REF\n`);
}
