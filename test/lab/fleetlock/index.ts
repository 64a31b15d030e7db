/**
 * A server of FleetLock's protocol, since none can be had from the registries: after the protocol's text in zincati's
 * documentation ("FleetLock protocol"), with its slots in etcd. A semaphore for each group that it was given; recursive
 * by id; an unlock without a lock is no error.
 */
import { createServer, type IncomingMessage } from "node:http";
import type { Etcd } from "../etcd/index.ts";

export interface FleetLock {
  url: string;
  /** Who holds a slot of a group. */
  holders(group: string): Promise<string[]>;
  /** The calls so far: `pre-reboot web-1 200`. */
  asked: string[];
  end(): Promise<void>;
}

/** `groups`: slots by name. */
export async function startFleetLock(etcd: Etcd, groups: Record<string, number>): Promise<FleetLock> {
  const asked: string[] = [];
  const key = (group: string) => `fleetlock/${group}`;
  const holders = async (group: string) => JSON.parse((await etcd.read(key(group))) ?? "[]") as string[];
  // one after the other: this server is alone
  let last: Promise<unknown> = Promise.resolve();
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const now = last.then(work);
    last = now.catch(() => {});
    return now;
  };
  const answer = async (path: string, group: string, id: string): Promise<[number, string]> => {
    const slots = groups[group];
    if (slots === undefined) return [400, `unknown group ${group}`];
    const has = await holders(group);
    if (path === "/v1/steady-state") {
      await etcd.write(key(group), JSON.stringify(has.filter((one) => one !== id)));
      return [200, ""];
    }
    if (has.includes(id)) return [200, ""];
    if (has.length >= slots) return [409, "all semaphore slots currently locked"];
    await etcd.write(key(group), JSON.stringify([...has, id]));
    return [200, ""];
  };
  const server = createServer(async (request, response) => {
    const [status, value] = await reply(request, (path, group, id) => inTurn(() => answer(path, group, id)), asked);
    response.writeHead(status, { "content-type": "application/json" });
    response.end(status === 200 ? "" : JSON.stringify({ kind: "failed_lock", value }));
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const { port } = server.address() as { port: number };
  return {
    url: `http://127.0.0.1:${port}`,
    holders,
    asked,
    end: () => new Promise((done) => server.close(() => done())),
  };
}

type Answer = (path: string, group: string, id: string) => Promise<[number, string]>;

/** What the protocol asks of a request: POST, its header, and both client parameters. */
async function reply(request: IncomingMessage, answer: Answer, asked: string[]): Promise<[number, string]> {
  const path = request.url ?? "";
  if (!["/v1/pre-reboot", "/v1/steady-state"].includes(path)) return [404, `nothing at ${path}`];
  if (request.method !== "POST") return [405, "not POST"];
  if (request.headers["fleet-lock-protocol"] !== "true") return [400, "without the header fleet-lock-protocol: true"];
  const body = await new Promise<string>((done) => {
    let text = "";
    request.on("data", (part) => {
      text += part;
    });
    request.on("end", () => done(text));
  });
  const { id, group } = (JSON.parse(body) as { client_params?: { id?: string; group?: string } }).client_params ?? {};
  if (!id || !group) return [400, "no id or no group"];
  const [status, value] = await answer(path, group, id);
  asked.push(`${path.slice("/v1/".length)} ${id} ${status}`);
  return [status, value];
}
