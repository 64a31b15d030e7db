/**
 * Mirrors as they are: what they call their bytes, where they lead to, where they break off, who stands before them.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { keepCredentials } from "../../../provider/local/credentials.ts";
import { fetchFile } from "../../../provider/local/fetch.ts";
import { quietTask } from "../../../provider/task.ts";
import { startProxy, type TestProxy, within } from "./a-proxy.ts";

type Answer = (request: IncomingMessage, response: ServerResponse) => void;
const asked: { host: string; path: string; headers: IncomingMessage["headers"] }[] = [];
const servers: Server[] = [];
const LIMIT = { limit: 1 << 20 };

async function serve(answer: Answer): Promise<string> {
  const server = createServer((q, r) => {
    asked.push({ host: String(q.headers.host), path: q.url ?? "", headers: q.headers });
    answer(q, r);
  });
  servers.push(server);
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
beforeEach(() => void asked.splice(0));
afterAll(() => {
  for (const server of servers) {
    server.closeAllConnections();
    server.close();
  }
});

const text = async (url: string, headers?: Record<string, string>) =>
  String((await fetchFile(url, quietTask(), { ...LIMIT, ...(headers && { headers }) })).body);

// Apache's AddEncoding x-gzip .gz .tgz (bazelbuild/bazel#11686, dependency-check#441)
it.each(["gzip", "x-gzip", "deflate", "br"])(
  "bytes are those that were sent, whatever they are called (%s)",
  async (encoding) => {
    const sent = gzipSync("index");
    const url = await serve((_, r) => r.writeHead(200, { "content-encoding": encoding }).end(sent));
    expect((await fetchFile(url, quietTask(), LIMIT)).body.equals(sent)).toBe(true);
  },
);

describe("a redirect", () => {
  it("is followed, and another server is told no password", async () => {
    const away = await serve((_, r) => r.end("there"));
    const mirror = await serve((_, r) => r.writeHead(302, { location: `${away}/x?X-Amz-Signature=abc` }).end());
    const kept = keepCredentials(mirror.replace("//", "//ann:canary@"));
    expect(kept).toBe(mirror);
    expect(await text(`${kept}/x`)).toBe("there");
    expect(asked.map((a) => a.headers.authorization)).toEqual([`Basic ${btoa("ann:canary")}`, undefined]);
  });
  it("to another place of the same server keeps the password, which no other place is told unasked", async () => {
    const server = await serve((q, r) => (q.url === "/one/x" ? r.writeHead(302, { location: "/blobs/x" }) : r).end());
    const [one, two] = ["one", "two"].map((name) =>
      keepCredentials(`${server.replace("//", `//${name}:pw@`)}/${name}`),
    );
    for (const url of [`${one}/x`, `${two}/x`, `${server}/blobs/x`, `${server}/onerous/x`]) await text(url);
    const [first, second] = ["one", "two"].map((name) => `Basic ${btoa(`${name}:pw`)}`);
    expect(asked.map((a) => [a.path, a.headers.authorization])).toEqual([
      ["/one/x", first],
      ["/blobs/x", first],
      ["/two/x", second],
      ["/blobs/x", undefined],
      ["/onerous/x", undefined],
    ]);
  });
  it("in a circle, and to what is no web address, is told", async () => {
    const round = await serve((_, r) => r.writeHead(301, { location: "/again" }).end());
    await expect(text(round)).rejects.toThrow(/redirects in a circle, last to .*\/again/);
    const file = await serve((_, r) => r.writeHead(302, { location: "file:///etc/passwd" }).end());
    await expect(text(file)).rejects.toThrow(/redirects away from https/);
  });
});

describe("a connection that breaks off", () => {
  const whole = Buffer.from(Array.from({ length: 1000 }, (_, n) => String(n).padStart(4, "0")).join(""));
  /** Breaks the first answer off; then as the server can. */
  const breaking = (o: { etag?: string; later?: string; ranges?: boolean }) => {
    let first = true;
    return serve((q, r) => {
      const head = { "content-length": whole.length, ...(o.etag && { etag: o.etag }) };
      if (first) {
        first = false;
        r.writeHead(200, head).write(whole.subarray(0, 1500));
        setTimeout(() => r.destroy(), 50);
        return;
      }
      const from = Number(/^bytes=(\d+)-$/.exec(String(q.headers.range))?.[1]);
      if (o.ranges && o.etag && q.headers["if-range"] === (o.later ?? o.etag))
        return r.writeHead(206, { etag: o.etag, "content-range": `bytes ${from}-3999/4000` }).end(whole.subarray(from));
      r.writeHead(200, head).end(whole);
    });
  };
  it("is gone on with where the server can", async () => {
    const url = await breaking({ etag: '"a"', ranges: true });
    expect(await text(url)).toBe(String(whole));
    expect(asked[1]!.headers).toMatchObject({ range: "bytes=1500-", "if-range": '"a"' });
  });
  it("begins again where it cannot, and where the file changed meanwhile", async () => {
    expect(await text(await breaking({ etag: '"a"' }))).toBe(String(whole));
    expect(await text(await breaking({ etag: '"a"', later: '"b"', ranges: true }))).toBe(String(whole));
  });
  it("begins again without asking for a part where nothing says that it is the same file", async () => {
    expect(await text(await breaking({ ranges: true }))).toBe(String(whole));
    expect(asked[1]!.headers.range).toBeUndefined();
  });
});

it("a mirror and a proxy that ask who is there say what to do", async () => {
  const url = await serve((_, r) => r.writeHead(401).end());
  await expect(text(url)).rejects.toThrow(
    /answers 401 Unauthorized; the mirror asks for a user.*config set --secret pine:mirror/,
  );
});

describe("a proxy of the environment", () => {
  let proxy: TestProxy;
  let origin = "";
  let through: string[];
  beforeAll(async () => {
    origin = await serve((q, r) => r.end(`seen ${q.headers.authorization ?? ""}`));
    proxy = await startProxy();
    servers.push(proxy.server);
    through = proxy.through;
  });
  beforeEach(() => void through.splice(0));

  const fetched = (url: string, env: Record<string, string>) => {
    const code = `import { fetchFile } from "./provider/local/fetch.ts"; import { keepCredentials } from "./provider/local/credentials.ts";
      fetchFile(keepCredentials(process.argv[1]), task, { limit: 1000 }).then((f) => console.log(String(f.body)), (e) => console.log("error", e.message));`;
    return within(code, [url], env);
  };

  it("is gone through by absolute address, as proxies expect it for http, and nothing is said of it", async () => {
    const { said, stderr } = await fetched(`${origin.replace("//", "//ann:canary@")}/x`, { HTTP_PROXY: proxy.url });
    expect(said).toBe(`seen Basic ${btoa("ann:canary")}`);
    expect(through).toEqual([`GET ${origin}/x Basic ${btoa("bob:hidden")}`]);
    expect(stderr).toBe("");
  });
  it("is gone through by CONNECT for https, and its password is in no error", async () => {
    const { said } = await fetched(`${origin.replace("http:", "https:")}/x`, { HTTPS_PROXY: proxy.url });
    expect(through[0]).toBe(`CONNECT ${new URL(origin).host}`);
    expect(said).toMatch(/^error https:.*could not be fetched/);
    expect(said).not.toMatch(/hidden|bob/);
  });
  it("is passed by for what NO_PROXY names", async () => {
    expect((await fetched(origin, { HTTP_PROXY: proxy.url, NO_PROXY: "127.0.0.1" })).said).toBe("seen");
    expect(through).toEqual([]);
  });
});
