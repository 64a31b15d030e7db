/** A storage behind a proxy that the environment names. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { startProxy, type TestProxy, within } from "../../local/a-proxy.ts";

const dir = mkdtempSync(join(tmpdir(), "pine-s3-proxy-"));
const objects = new Map<string, Buffer>();
const signed: string[] = [];
let storage: Server;
let proxy: TestProxy;
let endpoint = "";
beforeAll(async () => {
  for (const name of ["from", "into"]) mkdirSync(join(dir, name));
  writeFileSync(join(dir, "from/summary"), "sum of all\n".repeat(100_000));
  storage = createServer(async (q, r) => {
    const pieces: Buffer[] = [];
    for await (const piece of q) pieces.push(piece as Buffer);
    const url = new URL(q.url!, "http://x");
    signed.push(`${q.method} ${/^AWS4-HMAC-SHA256 Credential=AKIA\//.test(q.headers.authorization ?? "")}`);
    if (q.method === "PUT") objects.set(url.pathname, Buffer.concat(pieces));
    else if (url.search) {
      const list = [...objects].map(
        ([k, v]) => `<Contents><Key>${k.replace("/b/", "")}</Key><Size>${v.length}</Size></Contents>`,
      );
      return void r.end(`<ListBucketResult>${list.join("")}</ListBucketResult>`);
    }
    // what it calls its bytes is no reason to unpack them
    r.setHeader("content-encoding", "gzip");
    r.end(q.method === "GET" ? objects.get(url.pathname) : undefined);
  });
  await new Promise<void>((done) => storage.listen(0, "127.0.0.1", done));
  endpoint = `http://127.0.0.1:${(storage.address() as AddressInfo).port}`;
  proxy = await startProxy();
});
afterAll(() => {
  for (const server of [storage, proxy?.server]) server?.close().closeAllConnections();
  rmSync(dir, { recursive: true });
});
beforeEach(() => {
  for (const list of [proxy.through, signed]) list.splice(0);
  objects.clear();
});

const CODE = `
  import { S3Remote } from "./provider/publish/s3/place.ts";
  const [endpoint, dir] = process.argv.slice(1);
  const s3 = new S3Remote({ endpoint, bucket: "b", accessKeyId: "AKIA", secretAccessKey: "canary" }, task, undefined, 1);
  const work = async () => {
    await s3.put(["summary"], dir + "/from", () => {});
    const there = await s3.list();
    await s3.fetch(there, dir + "/into", () => {});
    return JSON.stringify([...there]);
  };
  work().then(console.log, (e) => console.log("error", e.message));`;
const publish = (address: string, env: Record<string, string>) => within(CODE, [address, dir], env);

it("what is put, listed and fetched goes through it, signed, whole and in silence", async () => {
  const { said, stderr } = await publish(endpoint, { HTTP_PROXY: proxy.url });
  expect([said, stderr]).toEqual(['[["summary",1100000]]', ""]);
  const own = `Basic ${btoa("bob:hidden")}`;
  expect(proxy.through).toEqual([
    `PUT ${endpoint}/b/summary ${own}`,
    `GET ${endpoint}/b?list-type=2&prefix= ${own}`,
    `GET ${endpoint}/b/summary ${own}`,
  ]);
  expect(signed).toEqual(["PUT true", "GET true", "GET true"]);
  expect(readFileSync(join(dir, "into/summary")).equals(readFileSync(join(dir, "from/summary")))).toBe(true);
});

it("https goes by CONNECT, and no password is in the error", async () => {
  const { said } = await publish(endpoint.replace("http:", "https:"), { HTTPS_PROXY: proxy.url });
  expect(proxy.through[0]).toBe(`CONNECT ${new URL(endpoint).host}`);
  expect(said).toMatch(/^error publish\.s3: https:\S+ cannot be reached: /);
  expect(said).not.toMatch(/canary|hidden|bob/);
});

it("a proxy that is away is told, and NO_PROXY passes it by", async () => {
  const away = "http://bob:hidden@127.0.0.1:9";
  const { said } = await publish(endpoint, { HTTP_PROXY: away });
  expect(said).toMatch(/^error publish\.s3: http:\S+ cannot be reached: .*ECONNREFUSED/);
  expect(said).not.toMatch(/hidden|bob/);
  expect((await publish(endpoint, { HTTP_PROXY: away, NO_PROXY: "127.0.0.1" })).said).toMatch(/summary/);
});
