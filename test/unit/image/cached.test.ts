/**
 * What a power cut may leave of a file that was written a moment before: nothing, half, or as many zeros (ext4 with delayed allocation, xfs). For each
 * kind of file of cache and store the product's own reader sees it, and makes it again or says so. Those that need real builds: e2e/rootfs-damaged.
 */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { planInstall } from "../../../provider/host/plan.ts";
import { artifact, intact, readArtifact } from "../../../provider/image/artifact.ts";
import type { Base } from "../../../provider/image/base.ts";
import { keepTree } from "../../../provider/image/kept-tree.ts";
import { fetchIndex, fetchPackages, type LockedPackage } from "../../../provider/image/mirror.ts";
import { readCommit } from "../../../provider/image/ostree.ts";
import { removeDamagedRefs } from "../../../provider/image/ostree-check.ts";
import { foundRootfs } from "../../../provider/image/rootfs-record.ts";
import { writeSboms } from "../../../provider/image/sbom-write.ts";
import { Store } from "../../../provider/image/store.ts";
import { asShown, noteShown } from "../../../provider/resources/hijack-shown.ts";
import { quietTask } from "../../../provider/task.ts";
import { buildIndex, buildPackage, publicPem } from "../../lab/mirror/apk-format.ts";
import { freshKey } from "../../lab/mirror/index.ts";
import { facts, image, inputs } from "../host/plan-tools.ts";
import { aSbom } from "./a-sbom.ts";

const harms: [string, (bytes: Buffer) => Buffer][] = [
  ["nothing", () => Buffer.alloc(0)],
  ["half", (b) => b.subarray(0, b.length >> 1)],
  ["zeros", (b) => Buffer.alloc(b.length)],
];

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
let store: Store;
const source = () => ({ cache: join(dir, "cache"), mirror: url, release: "v3.23", arch: "x86_64", keys });
beforeEach(async () => {
  vi.resetModules(); // a folder is looked at once a process: each look is a new one's
  dir = mkdtempSync(join(tmpdir(), "pine-cached-"));
  dirs.push(dir);
  store = await Store.open(join(dir, "store"));
  asked = [];
});

/** Files below a folder that fit. */
function filesOf(folder: string, fits: RegExp): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((e) => e.isFile())
    .map((e) => join(e.parentPath, e.name))
    .filter((path) => fits.test(path));
}

const [checksum, digest] = ["c".repeat(64), "d".repeat(64)] as [string, string];
const index = { name: "main", url: "" };
const filesOfBase = [`${digest}.json`, `${digest}.manifest`, `${digest}/skeleton.tar`, `${digest}/sizes`];
const commitFile = () => store.path("repo/objects", checksum.slice(0, 2), `${checksum.slice(2)}.commit`);
const putCommit = () => {
  mkdirSync(dirname(commitFile()), { recursive: true });
  writeFileSync(commitFile(), "a commit");
};
let made = 0;
const getArtifact = (path: string) =>
  artifact(store, path, "1", task, async (work) => {
    made++;
    writeFileSync(join(work, "x"), "content");
    return { file: join(work, "x"), facts: {} };
  });

/** kind -> makes it; which of its files are harmed; uses it again. What cannot be made again here is noticed: `use` answers undefined. */
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
  const { apkTool } = await import("../../../provider/image/apk.ts");
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
      return (await import("../../../provider/image/base.ts")).usedBase(bases, digest, task);
    };
    for (const file of filesOfBase) {
      await make();
      expect([file, await there()]).toMatchObject([file, { checksum }]);
      writeFileSync(bases.path(file), harm(readFileSync(bases.path(file))));
      expect([file, await there()]).toEqual([file, undefined]);
    }
  });

  it("rootfs/*.json and sboms: made again", async () => {
    putCommit();
    const make = async () => {
      await writeSboms(store, aSbom({ digest, checksum }));
      await store.writeJson(store.rootfs(digest), { digest, checksum });
    };
    await make();
    expect(await foundRootfs(store, digest, task)).toMatchObject({ checksum });
    for (const path of filesOf(store.dir, /(rootfs|sboms)\/.*json$/)) {
      writeFileSync(path, harm(readFileSync(path)));
      expect([path, await foundRootfs(store, digest, task)]).toEqual([path, undefined]);
      await make();
    }
  });

  it("branches: gone, so that OSTree moves and prunes again; others stay", async () => {
    const branch = (name: string) => store.path("repo/refs/heads", name);
    mkdirSync(branch("part"), { recursive: true });
    for (const name of ["part/a", "b"]) writeFileSync(branch(name), `${checksum}\n`);
    writeFileSync(branch("part/a"), harm(readFileSync(branch("part/a"))));
    await removeDamagedRefs(store.repo);
    expect(filesOf(store.repo, /heads/)).toEqual([branch("b")]);
  });

  it("commits/*.json: made again", async () => {
    putCommit();
    await store.writeJson(store.commit(checksum), { checksum, arch: "x86_64" });
    expect(await readCommit(store, checksum)).toMatchObject({ checksum });
    writeFileSync(store.commit(checksum), harm(readFileSync(store.commit(checksum))));
    expect(await readCommit(store, checksum)).toBeUndefined();
  });

  it("roots/*.json: nothing is removed, and one error says so", async () => {
    await store.addRoot("rootfs-1", [`rootfs/${digest}`]);
    const path = store.path("roots/rootfs-1.json");
    writeFileSync(path, harm(readFileSync(path)));
    await expect(store.roots()).rejects.toThrow(/roots\/rootfs-1\.json of the store is damaged.*nothing is removed/);
    await store.addRoot("rootfs-1", []);
    expect(await store.roots()).toEqual({ "rootfs-1": [] });
  });

  it.each<[string, () => string]>([
    ["sysroots", () => store.sysroot(checksum)],
    ["deltas", () => store.delta(checksum, digest)],
    ["images", () => store.image("x", "qcow2")],
  ])("%s: made again, or refused before it goes anywhere", async (_, pathOf) => {
    const path = pathOf();
    const facts = await getArtifact(path);
    await intact(path, facts, "file");
    const json = filesOf(store.dir, /(sysroots|deltas|images)\/.*json$/)[0]!;
    writeFileSync(json, harm(readFileSync(json)));
    expect(await readArtifact(store, path, "1")).toBeUndefined();
    await getArtifact(path);
    const size = statSync(path).size;
    writeFileSync(path, harm(readFileSync(path)));
    if (statSync(path).size !== size) expect(await readArtifact(store, path, "1")).toBeUndefined();
    await expect(intact(path, facts, "file")).rejects.toThrow(
      /the file in the store is damaged.*run `pulumi up` again/,
    );
    made = 0;
    await getArtifact(path);
    expect([made, readFileSync(path, "utf8")]).toEqual([1, "content"]);
  });

  it("shown/*.json: one error, nothing is changed", async () => {
    const call = { config: { cache: join(dir, "cache") }, urn: "urn:pulumi:a::b::pine:index:HostHijack::web" } as never;
    const { plan } = planInstall(facts(), inputs, image);
    await noteShown(call, plan!);
    await asShown(call, plan!);
    const [path] = filesOf(join(dir, "cache/shown"), /json$/);
    writeFileSync(path!, harm(readFileSync(path!)));
    await expect(asShown(call, plan!)).rejects.toThrow(
      /preview showed cannot be read: .*is damaged; nothing was changed/,
    );
  });
});
