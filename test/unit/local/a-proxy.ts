/**
 * A proxy as companies have it: absolute addresses for http, CONNECT for the rest; asks nobody for a password, and
 * notes what it is told.
 */
import { createServer, request, type Server } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { run } from "../../../provider/local/run.ts";

export interface TestProxy {
  /** With a user and a password. */
  url: string;
  /** `GET http://…/x Basic …`, `CONNECT host:port`. */
  through: string[];
  server: Server;
}

export async function startProxy(): Promise<TestProxy> {
  const through: string[] = [];
  const server = createServer((q, r) => {
    through.push(`${q.method} ${q.url} ${q.headers["proxy-authorization"] ?? ""}`);
    const { hostname, port, pathname, search } = new URL(q.url!);
    const onward = request({
      host: hostname,
      port,
      path: pathname + search,
      method: q.method,
      headers: q.headers,
      agent: false,
    });
    onward.on("error", () => r.destroy());
    onward.on("response", (a) => {
      r.writeHead(a.statusCode!, a.headers);
      a.pipe(r);
    });
    q.pipe(onward);
  });
  server.on("connect", (q, socket) => {
    through.push(`CONNECT ${q.url}`);
    const [host, port] = q.url!.split(":");
    const other = connect(Number(port), host, () => socket.write("HTTP/1.1 200 OK\r\n\r\n"));
    other.pipe(socket).pipe(other);
    for (const s of [other, socket]) s.on("error", () => {});
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  return { url: `http://bob:hidden@127.0.0.1:${(server.address() as AddressInfo).port}`, through, server };
}

/** Runs code in a process of its own, which has an environment from its start. `task` is there. */
export async function within(code: string, args: string[], env: Record<string, string>) {
  const whole = `const task = { signal: new AbortController().signal, step() {}, warn() {} };\n${code}`;
  const node = ["--input-type=module", "-e", whole, ...args];
  const r = await run("node_modules/.bin/tsx", node, { env, timeout: 150_000 });
  return { said: r.stdout.trim(), stderr: r.stderr };
}
