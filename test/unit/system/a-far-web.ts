/** What stands between a server and its update server: TLS, and a proxy that alone knows its name. */
import { createServer } from "node:http";
import { type AddressInfo, connect, type Server } from "node:net";
import { createServer as createTls } from "node:tls";
import { type Certificate, FAR } from "./certificates.ts";

/** Sockets are ended with it: a client may keep its own. */
export interface Standing {
  port: number;
  end(): void;
}

async function standing(server: Server): Promise<Standing> {
  const open = new Set<{ destroy(): void }>();
  server.on("connection", (socket) => open.add(socket));
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  return {
    port: (server.address() as AddressInfo).port,
    end() {
      server.close();
      for (const socket of open) socket.destroy();
    },
  };
}

/** Speaks TLS, and hands on what it gets. */
export const startTls = (certificate: Certificate, port: () => number): Promise<Standing> =>
  standing(
    createTls(certificate, (socket) => {
      const other = connect(port(), "127.0.0.1");
      for (const s of [socket, other]) s.on("error", () => {});
      socket.pipe(other).pipe(socket);
    }),
  );

export interface FarProxy extends Standing {
  /** `GET http://… Basic …`, `CONNECT host:port …`. */
  through: string[];
  /** A status that it answers itself. */
  answers?: number;
}

/** Whoever asks for {@link FAR} gets these ports of this machine; for all else there is nobody. */
export async function startFarProxy(ports: { http: () => number; https: () => number }): Promise<FarProxy> {
  const server = createServer((request, response) => {
    const { hostname, pathname } = new URL(request.url!);
    proxy.through.push(`GET ${request.url} ${request.headers["proxy-authorization"] ?? ""}`);
    const status = proxy.answers ?? (hostname === FAR ? undefined : 502);
    if (status) return void response.writeHead(status).end("<html>the proxy says no</html>");
    const other = connect(ports.http(), "127.0.0.1");
    for (const s of [other, request.socket]) s.on("error", () => {});
    other.write(`GET ${pathname} HTTP/1.0\r\nHost: ${FAR}\r\n\r\n`);
    other.pipe(request.socket);
  });
  server.on("connect", (request, socket) => {
    proxy.through.push(`CONNECT ${request.url} ${request.headers["proxy-authorization"] ?? ""}`);
    const status = proxy.answers ?? (request.url!.startsWith(`${FAR}:`) ? undefined : 502);
    if (status) return void socket.end(`HTTP/1.1 ${status} No\r\n\r\n`);
    const other = connect(ports.https(), "127.0.0.1", () => socket.write("HTTP/1.1 200 OK\r\n\r\n"));
    for (const s of [other, socket]) s.on("error", () => {});
    other.pipe(socket).pipe(other);
  });
  const proxy: FarProxy = { ...(await standing(server)), through: [] };
  return proxy;
}
