/** What a mirror may make us fetch, unpack and believe. */
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { checkPackage, readIndex } from "../../../../provider/image/packages/apkfile.ts";
import { fetchPackages } from "../../../../provider/image/packages/mirror.ts";
import { fetchIndex, newestBuild } from "../../../../provider/image/packages/mirror-index.ts";
import { fetchFile } from "../../../../provider/local/fetch.ts";
import { quietTask } from "../../../../provider/task.ts";
import { buildIndex, buildPackage, publicPem } from "../../../lab/mirror/apk-format.ts";
import { freshKey } from "../../../lab/mirror/cache.ts";

let server: Server;
let url = "";
let answer: { body: Buffer; length: boolean } = { body: Buffer.alloc(0), length: true };
const dir = mkdtempSync(join(tmpdir(), "pine-limits-"));
beforeAll(async () => {
  server = createServer((_, response) => {
    if (answer.length) response.setHeader("content-length", answer.body.length);
    response.write(answer.body);
    response.end();
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => {
  server.close();
  rmSync(dir, { recursive: true });
});

it.each([true, false])("a file that is longer than it may be is not fetched (content-length: %s)", async (length) => {
  answer = { body: Buffer.alloc(5_000_000), length };
  await expect(fetchFile(url, quietTask(), { limit: 1_000_000 })).rejects.toThrow(/or more, expected at most 1\.0 MB/);
  expect((await fetchFile(url, quietTask(), { limit: 5_000_000 })).body).toHaveLength(5_000_000);
});

const key = freshKey("lab.rsa.pub");
const keys = { [key.name]: publicPem(key.key) };
/** 100 MB of zeros in 100 kB. */
const bomb = gzipSync(Buffer.alloc(100_000_000));

describe("what nobody signed is not unpacked", () => {
  it("in place of a signature", async () => {
    await expect(checkPackage(bomb, "x.apk", keys)).rejects.toThrow(/x\.apk: unpacks to more than 66 kB/);
    await expect(readIndex(bomb, "i", keys)).rejects.toThrow(/unpacks to more than/);
  });
  it("behind a signature that does not fit", async () => {
    const spec = { name: "hello", version: "1.0-r0", files: [{ path: "etc/hello", content: "hello\n" }] };
    const { bytes } = await buildPackage(spec as never, key);
    // the signature alone: the first gzip member
    const { gzipMember } = await import("../../../../provider/image/packages/apkfile.ts");
    const signature = bytes.subarray(0, gzipMember(bytes, 0, "x", 1 << 20).end);
    await expect(checkPackage(Buffer.concat([signature, bomb]), "x.apk", keys)).rejects.toThrow(/more than 17 MB/);
    await expect(readIndex(Buffer.concat([signature, bomb]), "i", keys)).rejects.toThrow(/does not match its content/);
  });
});

it("data that unpacks to more than its control part lets expect does not get into the cache", async () => {
  const source = { cache: join(dir, "bomb"), mirror: url, release: "v3.23", arch: "x86_64", keys };
  const fetch = async (bytes: number, named: number) => {
    const files = [{ path: "usr/share/zeros", content: Buffer.alloc(bytes) }];
    const made = await buildPackage(
      { name: "zeros", version: "1.0-r0", description: "z", files, size: named } as never,
      key,
    );
    answer = { body: made.bytes, length: true };
    const checksum = /^C:(.*)$/m.exec(made.index)![1]!;
    const locked = { name: "zeros", version: "1.0-r0", checksum, size: made.bytes.length, installedSize: named };
    return fetchPackages([{ ...locked, built: 1, repository: "main" }], source, quietTask());
  };
  // 100 kB that were signed, and 100 MB on the disk
  await expect(fetch(100_000_000, 10)).rejects.toThrow(
    /zeros-1\.0-r0\.apk: its data unpacks to more than 67 MB, and its control part names 10 B; no package of Alpine does that/,
  );
  expect(existsSync(source.cache)).toBe(false);
  expect(await fetch(100_000_000, 100_000_000)).toHaveLength(1);
  expect(await fetch(1_000_000, 10)).toHaveLength(1);
});

it("an older signed index is told, each time, and the newest stays known", async () => {
  const block = (t: number) =>
    `C:Q1${Buffer.alloc(20).toString("base64")}\nP:a\nV:1-r0\nA:x86_64\nS:1\nI:1\nT:a\nt:${t}\n`;
  const [old, fresh] = [1_700_000_000, 1_710_000_000];
  expect([newestBuild(block(old) + block(fresh)), newestBuild("")]).toEqual([fresh, 0]);
  const warned: string[] = [];
  const task = { ...quietTask(), warn: (text: string) => warned.push(text) };
  const source = { cache: dir, mirror: url, release: "v3.23", arch: "x86_64", keys };
  const look = async (time: number) => {
    answer = { body: Buffer.from(await buildIndex([block(time)], "test", key)), length: true };
    await fetchIndex({ name: "main", url: `${url}/v3.23/main` }, source, task);
    return warned.splice(0);
  };
  expect(await look(fresh)).toEqual([]);
  expect(await look(old)).toEqual([
    expect.stringMatching(/older than what was seen there.*2023-11-14, before 2024-03-09/),
  ]);
  expect(await look(old)).toHaveLength(1);
  expect(await look(fresh)).toEqual([]);
});
