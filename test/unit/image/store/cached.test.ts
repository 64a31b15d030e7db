/**
 * What a power cut may leave of a file (harms.ts): for each kind of file of the cache the product's own reader sees it,
 * and makes it again. Of the store: stored.test.ts; those that need real builds: e2e/rootfs-damaged.test.ts.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { fetchPackages, type LockedPackage } from "../../../../provider/image/packages/mirror.ts";
import { fetchIndex } from "../../../../provider/image/packages/mirror-index.ts";
import { keepTree } from "../../../../provider/image/store/kept-tree.ts";
import { Store } from "../../../../provider/image/store/store.ts";
import type { Base } from "../../../../provider/image/tree/base.ts";
import { quietTask } from "../../../../provider/task.ts";
import { buildIndex, buildPackage, publicPem } from "../../../lab/mirror/apk-format.ts";
import { freshKey } from "../../../lab/mirror/cache.ts";
import { filesOf, harms } from "./harms.ts";

const key = freshKey("lab.rsa.pub");
const keys = { [key.name]: publicPem(key.key) };
const task = quietTask();
let mirror: Server;
let asked: string[] = [];
const served = new Map<string, Buffer>();
const locked: LockedPackage[] = [];
let url = "";
beforeAll(async () => {
  const blocks: string[] = [];
  for (const [name, path] of [
    ["apk-tools", "sbin/apk"],
    ["busybox", "lib/ld-musl-x86_64.so.1"],
  ] as const) {
    const files = [path, ...(name === "busybox" ? ["bin/busybox"] : [])].map((p) => ({ path: p, content: `${p}\n` }));
    const spec = { name, version: "1.0-r0", description: name, files };
    const { bytes, index, fileName } = await buildPackage(spec as never, key);
    blocks.push(index);
    served.set(`/v3.23/main/x86_64/${fileName}`, bytes);
    const checksum = /^C:(.*)$/m.exec(index)![1]!;
    locked.push({
      name,
      version: "1.0-r0",
      checksum,
      size: bytes.length,
      installedSize: 1,
      built: 1,
      repository: "main",
    });
  }
  served.set("/v3.23/main/x86_64/APKINDEX.tar.gz", await buildIndex(blocks, "main", key));
  served.set("/v3.23/community/x86_64/APKINDEX.tar.gz", await buildIndex([], "community", key));
  mirror = createServer((request, response) => {
    asked.push(request.url!);
    const body = served.get(request.url!);
    response.setHeader("etag", `"${body?.length}"`);
    if (!body) response.writeHead(404).end();
    else if (request.headers["if-none-match"] === `"${body.length}"`) response.writeHead(304).end();
    else response.end(body);
  });
  await new Promise<void>((done) => mirror.listen(0, "127.0.0.1", done));
  url = `http://127.0.0.1:${(mirror.address() as AddressInfo).port}`;
});
const dirs: string[] = [];
afterAll(() => {
  mirror.close();
  for (const dir of dirs) rmSync(dir, { recursive: true });
});

let dir = "";
const source = () => ({ cache: join(dir, "cache"), mirror: url, release: "v3.23", arch: "x86_64", keys });
beforeEach(() => {
  vi.resetModules(); // a folder is looked at once a process: each look is a new one's
  dir = mkdtempSync(join(tmpdir(), "pine-cached-"));
  dirs.push(dir);
  asked = [];
});

const [checksum, digest] = ["c".repeat(64), "d".repeat(64)] as [string, string];
const index = { name: "main", url: "" };
const filesOfBase = [`${digest}.json`, `${digest}.manifest`, `${digest}/skeleton.tar`, `${digest}/sizes`];
/**
 * kind -> makes it; which of its files are harmed; uses it again. What cannot be made again here is noticed: `use`
 * answers undefined.
 */
const AGAIN: [string, RegExp, () => Promise<unknown>][] = [
  [
    "indexes/*.json",
    /indexes\/[^/]*\.json$/,
    async () => (await fetchIndex({ ...index, url: `${url}/v3.23/main` }, source(), task)).text,
  ],
  [
    "indexes/*.tar.gz",
    /indexes\/[^/]*\.gz$/,
    async () => (await fetchIndex({ ...index, url: `${url}/v3.23/main` }, source(), task)).text,
  ],
  [
    "packages",
    /packages\//,
    async () => (await fetchPackages(locked, source(), task)).map((p) => readFileSync(p, "hex")),
  ],
  ["keys", /keys\//, () => apkTree()],
  ["apk/<key>.json", /apk\/[^/]*\.json$/, () => apkTree()],
  ["apk/<digest>.manifest", /\.manifest$/, () => apkTree()],
  ["apk/<digest>/, as toolbox and ram", /apk\/[^/.]*\/.*(busybox|musl.*|apk)$/, () => apkTree()],
];

/** As a new process would; answers what is in the tree and the keys. */
async function apkTree(): Promise<unknown> {
  vi.resetModules();
  const { apkTool } = await import("../../../../provider/image/packages/apk.ts");
  const apk = await apkTool(source(), quietTask());
  return [...filesOf(apk.tree, /(busybox|musl.*|apk)$/), ...filesOf(apk.keys, /./)].map((p) => readFileSync(p, "utf8"));
}

describe.each(harms)("%s instead of its bytes", (_, harm) => {
  it.each(AGAIN)("%s: made again", async (_, fits, use) => {
    const before = await use();
    const files = filesOf(join(dir, "cache"), fits);
    expect(files.length).toBeGreaterThan(0);
    const whole = files.map((path) => readFileSync(path));
    for (const path of files) writeFileSync(path, harm(readFileSync(path)));
    expect(await use()).toEqual(before);
    expect(files.map((path) => readFileSync(path))).toEqual(whole);
  });

  it("bases: made again", async () => {
    const bases = await Store.open(join(dir, "cache/bases"));
    const object = bases.path("repo/objects", checksum.slice(0, 2), `${checksum.slice(2)}.commit`);
    mkdirSync(dirname(object), { recursive: true });
    writeFileSync(object, "");
    const make = async () => {
      const work = join(dir, "new");
      mkdirSync(work);
      for (const name of ["skeleton.tar", "files", "sizes"]) writeFileSync(join(work, name), `${name}\n`);
      await keepTree(work, bases.path(digest));
      await bases.writeJson(bases.path(`${digest}.json`), { key: digest, checksum } satisfies Partial<Base>);
    };
    /** As a new process would. */
    const there = async () => {
      vi.resetModules();
      return (await import("../../../../provider/image/tree/base.ts")).usedBase(bases, digest, task);
    };
    for (const file of filesOfBase) {
      await make();
      expect([file, await there()]).toMatchObject([file, { checksum }]);
      writeFileSync(bases.path(file), harm(readFileSync(bases.path(file))));
      expect([file, await there()]).toEqual([file, undefined]);
    }
  });
});
