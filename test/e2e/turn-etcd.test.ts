/** What is etcd's own: its gateway, its users, its compaction. */
import { createServer } from "node:http";
import { afterAll, beforeAll, expect, it } from "vitest";
import { leaveFromHere } from "../../provider/host/turn/from-here.ts";
import { type Etcd, startEtcd } from "../lab/etcd/index.ts";
import { Box, COMMIT, endBoxes } from "./turn-lab.ts";

const { a: A, b: B } = COMMIT;
let etcd: Etcd;
beforeAll(async () => {
  etcd = await startEtcd();
});
afterAll(async () => {
  endBoxes();
  await etcd?.end();
});
type More = { curl?: boolean; gateway?: string; group?: string };
const box = (id: string, url: string, token?: string, o: More = {}) =>
  new Box(id, "busybox", o).configure(
    { backend: "etcd", url, group: o.group ?? "g", ...(o.gateway ? { gateway: o.gateway } : {}) },
    token,
  );

it("busybox' wget is enough without a secret", async () => {
  const [w1, w2] = ["w1", "w2"].map((id) => box(id, etcd.url, undefined, { curl: false })) as [Box, Box];
  for (const one of [w1, w2]) expect(await one.turn("join")).toEqual({ code: 0, text: "", stderr: "" });
  expect(await w1.turn("probe")).toEqual({ code: 0, text: "", stderr: "" });
  expect((await w1.turn("take", A)).code).toBe(0);
  expect((await w2.turn("take", A)).text).toMatch(/^w1 has its turn since/);
  await w1.turn("release", "none", A);
  const secret = box("w3", etcd.url, "w:w", { curl: false });
  expect((await secret.turn("take", A)).text).toMatch(/curl is missing here.*\(a secret\).*add curl to `packages`/);
});

it("all that was is compacted and defragmented while others wait: they go on (etcd#8231)", async () => {
  const [w1, w2] = ["w1", "w2"].map((id) => box(id, etcd.url, undefined, { group: "compacted" })) as [Box, Box];
  for (const one of [w1, w2]) expect((await one.turn("join")).code).toBe(0);
  expect((await w1.turn("take", A)).code).toBe(0);
  expect((await w2.turn("take", A)).code).toBe(75);
  const { header } = (await etcd.ask("kv/range", { key: "YQ==" })) as { header: { revision: string } };
  expect(await etcd.ask("kv/compaction", { revision: header.revision, physical: true })).toHaveProperty("header");
  expect(await etcd.ask("maintenance/defragment", {})).toEqual({});
  expect((await w2.turn("take", A)).code).toBe(75);
  await w1.turn("release", "none", A);
  expect((await w2.turn("take", A)).code).toBe(0);
  await w2.turn("release", "none", A);
});

it("no gateway, another path, a proxy that answers 404 and HTML: each is named, and nobody goes (etcd#9472, #12093)", async () => {
  const without = await startEtcd({ gateway: false });
  const html = createServer((_, response) => response.writeHead(404).end("<html>not here</html>"));
  await new Promise<void>((done) => html.listen(0, "127.0.0.1", done));
  try {
    expect(await box("w1", without.url).turn("take", A)).toMatchObject({
      code: 1,
      text: expect.stringMatching(/has no gateway at \/v3 \(etcd's --enable-grpc-gateway, or a proxy before it\)/),
    });
    const wrong = await box("w1", etcd.url, undefined, { gateway: "v3alpha" }).turn("take", A);
    expect([wrong.code, wrong.text]).toEqual([1, expect.stringMatching(/has no gateway at \/v3alpha/)]);
    const url = `http://127.0.0.1:${(html.address() as { port: number }).port}`;
    expect(await box("w1", url).turn("take", A)).toMatchObject({ code: 1, text: expect.stringMatching(/is no etcd/) });
    expect((await box("w1", etcd.url, undefined, { gateway: "v3beta" }).turn("probe")).code).toBe(0);
  } finally {
    html.close();
    await without.end();
  }
});

it("the program takes a deleted server out of its group, from where it runs (kured#137, #847)", async () => {
  const [w1, w2] = ["w1", "w2"].map((id) => box(id, etcd.url, undefined, { group: "deleted" })) as [Box, Box];
  for (const one of [w1, w2]) expect((await one.turn("join")).code).toBe(0);
  expect((await w1.turn("take", A)).code).toBe(0);
  expect((await w2.turn("take", A)).code).toBe(75);
  const lock = { group: "deleted", member: "w1", slots: 1, maxFailures: 0, deadline: 600 };
  const { signal } = new AbortController();
  expect(await leaveFromHere({ ...lock, etcd: { address: etcd.url } }, { signal })).toBeUndefined();
  expect(await etcd.read("pine/turn/deleted")).not.toMatch(/ w1 /);
  expect((await w2.turn("take", A)).code).toBe(0);
  const away = await leaveFromHere({ ...lock, etcd: { address: "http://127.0.0.1:1" } }, { signal });
  expect(away).toMatch(/^the reboot lock cannot be used: http:\/\/127.0.0.1:1/);
});

it("whoever took a turn was killed: the next commit takes its place, and waits for nobody (kured#792, locksmith#58)", async () => {
  const [w1, w2] = ["w1", "w2"].map((id) => box(id, etcd.url, undefined, { group: "killed" })) as [Box, Box];
  for (const one of [w1, w2]) expect((await one.turn("join")).code).toBe(0);
  expect((await w1.turn("take", A)).code).toBe(0);
  // the next `up` has the server's lock while it takes its turn
  await w1.atWork(async () => {
    // at work on the same commit, it keeps it
    expect((await w1.turn("settle")).code).toBe(0);
    expect(await etcd.read("pine/turn/killed")).toMatch(/^holder w1 a{64} /m);
    expect(await w1.turn("take", B)).toEqual({ code: 0, text: "", stderr: "" });
    expect(await etcd.read("pine/turn/killed")).toMatch(/^holder w1 b{64} /m);
    expect(await etcd.read("pine/turn/killed")).not.toMatch(/^(bad|holder w1 a)/m);
    // armed, it is no other's
    w1.arm(B);
    expect((await w1.turn("take", A)).text).toMatch(/own turn for commit b{12} is not over/);
    expect((await w2.turn("take", A)).code).toBe(75);
  });
});

it("each right that is missing has a message of its own; no secret is to be seen (terraform#19963)", async () => {
  const guarded = await startEtcd();
  try {
    await guarded.guard("pine/turn/", { all: "READWRITE", reads: "READ", writes: "WRITE", none: undefined });
    const said = async (token?: string) => (await box("w1", guarded.url, token).turn("probe")).text;
    expect(await said("all:all")).toBe("");
    expect(await said("reads:reads")).toMatch(/the user may not write the key pine\/turn\/g/);
    expect(await said("writes:writes")).toMatch(/the user may not read the key/);
    expect(await said("none:none")).toMatch(/the user may not read the key/);
    expect(await said("all:wrong")).toMatch(/etcd refuses the user or the password of the lock/);
    expect(await said()).toMatch(/the user may not read the key.*user name is empty/);
    const w1 = box("w1", guarded.url, "all:all");
    await w1.turn("join");
    expect((await w1.turn("take", A)).code).toBe(0);
  } finally {
    await guarded.end();
  }
});
