/** Every rpc over real gRPC, in this process. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { status } from "@grpc/grpc-js";
import { PluginAttach } from "@pulumi/pulumi/proto/plugin_pb.js";
import * as p from "@pulumi/pulumi/proto/provider_pb.js";
import { Status } from "@pulumi/pulumi/proto/status_pb.js";
import { Empty } from "google-protobuf/google/protobuf/empty_pb";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { listen } from "../../provider/rpc/serve.ts";
import { ProviderServer } from "../../provider/rpc/server.ts";
import { Asset, Secret, Unknown } from "../../provider/values.ts";
import {
  ARCHIVE,
  ASSET,
  Client,
  FakeEngine,
  json,
  OUTPUT,
  RESOURCE,
  SIG,
  secret,
  struct,
  UNKNOWN,
  urn,
} from "./harness.ts";
import { provider, schema, seen, TOKEN } from "./thing.ts";

const store = mkdtempSync(join(tmpdir(), "pine-rpc-store-"));
let engine: FakeEngine;
let client: Client;
let shutdown: () => void;

beforeAll(async () => {
  engine = await FakeEngine.start();
  const { server, port } = await listen(new ProviderServer(provider));
  client = new Client(port);
  shutdown = () => server.forceShutdown();
  await client.handshake(engine.address);
  await client.configure({ store });
});
afterAll(() => {
  client.close();
  shutdown();
  engine.die();
  rmSync(store, { recursive: true });
});
beforeEach(() => {
  engine.lines.length = 0;
});

const error = (call: Promise<unknown>) =>
  call.then(
    () => expect.fail("it did not fail"),
    (e) => e as { code: number; details: string; metadata: import("@grpc/grpc-js").Metadata },
  );

/** The id, state, reasons and inputs within an init error. */
function initDetails(e: { metadata: import("@grpc/grpc-js").Metadata }) {
  const whole = Status.deserializeBinary(e.metadata.get("grpc-status-details-bin")[0] as Buffer);
  const any = whole.getDetailsList()[0]!;
  expect(any.getTypeUrl()).toBe("type.googleapis.com/pulumirpc.ErrorResourceInitFailed");
  const d = p.ErrorResourceInitFailed.deserializeBinary(any.getValue_asU8());
  return { id: d.getId(), state: json(d.getProperties()), reasons: d.getReasonsList(), inputs: json(d.getInputs()) };
}

describe("the plugin itself", () => {
  test("handshake, attach, info, schema", async () => {
    const hello = await client.handshake(engine.address);
    expect(hello.toObject()).toMatchObject({ acceptSecrets: true, acceptResources: true, acceptOutputs: true });
    await client.call("attach", new PluginAttach().setAddress(engine.address));
    expect((await client.call("getPluginInfo", new Empty())).getVersion()).toBe("9.8.7");
    expect(JSON.parse((await client.call("getSchema", new p.GetSchemaRequest())).getSchema())).toEqual(schema);
  });
  test("configure accepts secrets, previews, outputs", async () => {
    expect((await client.configure({ store })).toObject()).toMatchObject({
      acceptsecrets: true,
      supportspreview: true,
      acceptresources: true,
      acceptoutputs: true,
    });
  });
  test("checkConfig fails clearly and keeps what it was given", async () => {
    const keys = JSON.stringify({ "a.rsa.pub": "nonsense" });
    const q = new p.CheckRequest().setNews(struct({ mirror: "ftp://x", keys, version: "1.2.3" }));
    const r = await client.call<p.CheckResponse>("checkConfig", q);
    expect(json(r.getInputs())).toEqual({ mirror: "ftp://x", keys, version: "1.2.3" });
    expect(r.getFailuresList().map((f) => f.toObject())).toEqual([
      { property: "mirror", reason: expect.stringContaining("expected an http or https address") },
      { property: "", reason: expect.stringMatching(/^keys\["a\.rsa\.pub"\]: expected the text of a public key/) },
    ]);
  });
  test("diffConfig never replaces", async () => {
    const q = new p.DiffRequest()
      .setOldInputs(struct({ store: "a", version: "1" }))
      .setNews(struct({ store: "b", version: "2" }));
    const r = await client.call<p.DiffResponse>("diffConfig", q);
    expect([r.getChanges(), r.getReplacesList(), r.getDiffsList()]).toEqual([2, [], ["store"]]);
  });
  test("construct, unknown tokens", async () => {
    const q = new p.ConstructRequest().setType("pine:index:Server");
    expect(await error(client.call("construct", q))).toMatchObject({ code: status.UNIMPLEMENTED });
    const e = await error(client.call("create", new p.CreateRequest().setType("pine:index:Nope").setUrn(urn())));
    expect(e.details).toBe(`there is no resource pine:index:Nope; this provider has ${TOKEN}`);
  });
});

describe("values", () => {
  const wire = {
    packages: ["a", UNKNOWN],
    password: secret("p"),
    login: { [SIG]: OUTPUT, value: { user: "u", key: "k" }, secret: true, dependencies: ["x"] },
    extra: {
      number: 1.5,
      flag: false,
      nothing: [],
      output: { [SIG]: OUTPUT },
      deep: [secret({ a: [UNKNOWN] })],
      ref: { [SIG]: RESOURCE, urn: "urn:x", id: "i" },
    },
    file: { [SIG]: ASSET, hash: "h", path: "/f", text: "", uri: "" },
  };
  test("come in as they are meant, with the schema's secrets wrapped", async () => {
    await client.check({ ...wire, logins: [{ user: "u", key: "k" }], tokens: { t: "x", n: null } });
    expect(seen.args).toEqual({
      packages: ["a", Unknown.value],
      password: new Secret("p"),
      login: new Secret({ user: "u", key: "k" }),
      logins: [{ user: "u", key: new Secret("k") }],
      tokens: { t: new Secret("x"), n: null },
      extra: {
        number: 1.5,
        flag: false,
        nothing: [],
        output: Unknown.value,
        deep: [new Secret({ a: [Unknown.value] })],
        ref: { [SIG]: RESOURCE, urn: "urn:x", id: "i" },
      },
      file: new Asset({ path: "/f" }, "h"),
    });
  });
  test("go out as they came", async () => {
    const { inputs, failures } = await client.check(wire);
    expect(failures).toEqual([]);
    expect(inputs).toEqual({
      ...wire,
      arch: "x86_64",
      login: secret({ user: "u", key: "k" }),
      file: { [SIG]: ASSET, hash: "h", path: "/f" },
      extra: { ...wire.extra, output: UNKNOWN },
    });
  });
  test.each([
    [{ text: "" }, { text: "" }],
    [{ text: "t" }, { text: "t" }],
    [{ uri: "https://x/" }, { uri: "https://x/" }],
  ])("asset %j", async (given, answered) => {
    const { inputs } = await client.check({ packages: ["a"], file: { [SIG]: ASSET, ...given } });
    expect(inputs.file).toEqual({ [SIG]: ASSET, ...answered });
  });
  test("an archive is refused by name", async () => {
    const e = await error(client.check({ extra: { a: [{ [SIG]: ARCHIVE, path: "/f" }] } }));
    expect(e.details).toBe("extra.a[0]: archives are not taken; give single files as assets");
  });
  test("a plain secret never goes back plain: check, create, update, read, state of a failure", async () => {
    const plain = { packages: ["a"], password: "p", login: { key: "k" }, logins: [{ key: "k" }], tokens: { t: "x" } };
    const wrapped = {
      packages: ["a"],
      password: secret("p"),
      login: { key: secret("k") },
      logins: [{ key: secret("k") }],
      tokens: { t: secret("x") },
    };
    expect((await client.check(plain)).inputs).toEqual({ ...wrapped, arch: "x86_64" });
    const whole = { ...wrapped, made: 3, sum: "whole", token: secret("TOKENCANARY") };
    expect(json((await client.create(plain)).getProperties())).toEqual(whole);
    expect(json((await client.update(plain)).getProperties())).toEqual(whole);
    const read = await client.read("web-1", {}, plain);
    expect([json(read.getProperties()), json(read.getInputs())]).toEqual([whole, wrapped]);
    const failed = initDetails(await error(client.create({ ...plain, mode: "init" })));
    expect(failed.state.token).toEqual(secret("p"));
  });
});

describe("check", () => {
  test("a scalar at the top is named, the rest is in the reason", async () => {
    const { failures } = await client.check({ arch: "arm", packages: ["?"], mode: { a: 1 } });
    expect(failures).toEqual([
      { property: "arch", reason: 'expected one of x86_64, aarch64, got "arm"' },
      { property: "", reason: 'packages[0]: expected a package name, got "?"' },
      { property: "", reason: "mode: expected a string, got an object" },
    ]);
  });
  test("a secret is not named and not shown", async () => {
    // `password` has no secret rule in the check: it is the schema that knows.
    const { failures } = await client.check({
      packages: ["a"],
      password: "CANARY two",
      paswort: "CANARY",
      arch: secret("CANARY"),
    });
    expect(failures.map((f) => f.property)).toEqual(["", "", ""]);
    expect(JSON.stringify(failures)).not.toContain("CANARY");
    expect(failures.map((f) => f.reason).sort()).toEqual([
      "arch: expected one of x86_64, aarch64",
      "password: expected a word",
      "paswort: there is no such property; did you mean password?",
    ]);
  });
});

test("diff is detailed, of inputs, with what replaces", async () => {
  const q = new p.DiffRequest().setUrn(urn()).setType(TOKEN).setId("web-1");
  q.setOldInputs(struct({ arch: "x86_64", packages: ["a", "nano"] }));
  q.setNews(struct({ arch: "aarch64", packages: ["a", "curl", "zsh"], mode: "x" }));
  const r = await client.call<p.DiffResponse>("diff", q);
  const detail = Object.fromEntries(r.toObject().detaileddiffMap);
  expect(detail).toEqual({
    arch: { kind: 5, inputdiff: true },
    "packages[1]": { kind: 4, inputdiff: true },
    "packages[2]": { kind: 0, inputdiff: true },
    mode: { kind: 0, inputdiff: true },
  });
  expect(r.getHasdetaileddiff()).toBe(true);
  expect([r.getChanges(), r.getReplacesList(), r.getDiffsList()]).toEqual([2, ["arch"], ["arch", "packages", "mode"]]);
  expect(r.getDeletebeforereplace()).toBe(true);
  const none = await client.call<p.DiffResponse>("diff", q.setNews(q.getOldInputs()));
  expect([none.getChanges(), none.getHasdetaileddiff()]).toEqual([1, false]);
});

describe("create, update, read, delete, invoke", () => {
  test("preview says what is known, and unknown for the rest of what the schema promises", async () => {
    const created = await client.create({ packages: ["a"] }, true);
    expect([created.getId(), json(created.getProperties())]).toEqual(["", { packages: ["a"], made: 3, sum: UNKNOWN }]);
    const updated = await client.update({ packages: ["a"] }, true);
    expect(json(updated.getProperties())).toEqual({ packages: ["a"], made: UNKNOWN, sum: UNKNOWN });
    expect(seen.call).toMatchObject({ preview: true });
  });
  test("a call knows its resource, stack, timeout and configuration", async () => {
    await client.create({ packages: ["a"] }, false, 60);
    expect(seen.call).toMatchObject({
      urn: urn(),
      name: "web",
      type: TOKEN,
      stack: "shop/dev",
      preview: false,
      timeoutSeconds: 60,
      config: { store, mirror: "https://dl-cdn.alpinelinux.org/alpine", release: "v3.23" },
    });
    expect(Object.keys(seen.call!.config.keys)).toHaveLength(5);
  });
  test("read: refresh, import, gone, and not well", async () => {
    await client.create({ packages: ["a"] });
    expect(json((await client.read("web-1", { made: 3 }, { packages: ["a"] })).getInputs())).toEqual({
      packages: ["a"],
    });
    const imported = await client.read("web-1", {}, {});
    expect(json(imported.getInputs())).toEqual({ packages: ["imported"], password: secret("READCANARY") });
    expect((await client.read("nobody", {}, {})).getId()).toBe("");
    writeFileSync(join(store, "web-1.json"), "ill");
    const e = await error(client.read("web-1", { made: 3, token: "p" }, { packages: ["a"], password: "p" }));
    expect(initDetails(e)).toEqual({
      id: "web-1",
      state: { made: 3, sum: "ill", token: secret("p") },
      reasons: ["it is not well"],
      inputs: { packages: ["a"], password: secret("p") },
    });
  });
  test("delete", async () => {
    const q = new p.DeleteRequest()
      .setUrn(urn())
      .setType(TOKEN)
      .setId("web-1")
      .setProperties(struct({ token: "t" }));
    await client.call("delete", q);
    expect(seen.args).toEqual({ token: new Secret("t") });
    expect((await client.read("web-1", {}, {})).getId()).toBe("");
  });
  test("invoke: arguments and result, secrets, failures", async () => {
    const q = new p.InvokeRequest().setTok("pine:index:getThing").setArgs(struct({ name: "n", password: "p" }));
    const r = await client.call<p.InvokeResponse>("invoke", q);
    expect(seen.args).toEqual({ name: "n", password: new Secret("p") });
    expect(json(r.getReturn())).toEqual({ name: "n", token: secret("FUNCTIONCANARY") });
    const failed = await client.call<p.InvokeResponse>("invoke", q.setArgs(struct({ name: "nobody" })));
    expect(failed.getFailuresList().map((f) => f.toObject())).toEqual([
      { property: "name", reason: "there is no such thing" },
    ]);
  });
});

describe("failures", () => {
  const props = (mode: string) => ({ packages: ["a"], mode, password: "CANARY-7f" });
  test("a person's error is its message", async () => {
    const e = await error(client.create(props("die")));
    expect([e.code, e.details]).toEqual([
      status.FAILED_PRECONDITION,
      "cannot log in with [secret]; give another password",
    ]);
    expect(engine.lines).toEqual([]);
  });
  test("another error is its message, with the stack in the debug log", async () => {
    const e = await error(client.create(props("throw")));
    expect([e.code, e.details]).toEqual([status.UNKNOWN, "bad [secret]"]);
    expect(engine.lines).toMatchObject([
      { severity: 0, urn: urn(), message: expect.stringMatching(/^TypeError: bad \[secret\]\n\s+at /) },
    ]);
    expect(JSON.stringify(engine.lines)).not.toContain("CANARY");
  });
  test.each(["create", "update"] as const)("a half-done %s keeps its state", async (method) => {
    const e = await error(client[method](props("init")));
    expect(e.code).toBe(status.UNKNOWN);
    expect(initDetails(e)).toEqual({
      id: "web-1",
      state: { made: 1, sum: "half", token: secret("CANARY-7f") },
      reasons: ["half done with [secret]", "rest missing"],
    });
    expect(e.details).toBe("half done with [secret]; rest missing");
  });
  test("a call that takes longer than customTimeouts is ended", async () => {
    const e = await error(client.create({ packages: ["a"], mode: "slow" }, false, 0.3));
    expect(initDetails(e).reasons).toEqual(["cancelled half way"]);
    expect(seen.call!.signal.reason.message).toBe("took longer than the 0.3 s of customTimeouts");
  });
});

describe("log", () => {
  test("live lines are throttled but for the last, others stay, all in order and clean", async () => {
    const began = performance.now();
    await client.create({ packages: ["a"], mode: "talk", password: "CANARY-7f" });
    const seconds = (performance.now() - began) / 1000;
    const steps = engine.lines.filter((l) => l.ephemeral);
    expect(steps.length).toBeLessThanOrEqual(4 * seconds + 3);
    expect(steps.length).toBeGreaterThan(3);
    expect(steps[0]!.message).toBe("step 1 of 100 [secret]");
    expect(engine.lines.slice(-3).map((l) => [l.ephemeral, l.severity, l.message])).toEqual([
      [true, 1, "step 100 of 100 [secret]"],
      [false, 2, "warning [secret]"],
      [true, 1, "last step"],
    ]);
    expect(engine.lines[0]).toMatchObject({ severity: 1, ephemeral: false, message: "info [secret]", urn: urn() });
    expect(JSON.stringify(engine.lines)).not.toContain("CANARY");
  });
});

describe("cancel", () => {
  test("ends what runs, refuses what comes, until an engine attaches again", async () => {
    const call = error(client.create({ packages: ["a"], mode: "slow" }));
    await expect.poll(() => engine.lines.map((l) => l.message)).toContain("slow work");
    await client.call("cancel", new Empty());
    expect(initDetails(await call)).toMatchObject({ state: { sum: "cut" }, reasons: ["cancelled half way"] });
    expect(await error(client.create({ packages: ["a"] }))).toMatchObject({
      code: status.ABORTED,
      details: "cancelled",
    });
    await client.call("attach", new PluginAttach().setAddress(engine.address));
    expect((await client.create({ packages: ["a"] })).getId()).toBe("web-1");
  });
  test("a caller that goes away ends its own call alone", async () => {
    const other = client.create({ packages: ["a"], mode: "talk" });
    const q = new p.CreateRequest().setUrn(urn("b")).setType(TOKEN);
    const call = client.raw.create(q.setProperties(struct({ packages: ["a"], mode: "slow" })), () => {});
    await expect.poll(() => engine.lines.map((l) => l.message)).toContain("slow work");
    expect(seen.call!.urn).toBe(urn("b"));
    const { signal } = seen.call!;
    call.cancel();
    await expect.poll(() => signal.aborted).toBe(true);
    expect((await other).getId()).toBe("web-1");
  });
});
