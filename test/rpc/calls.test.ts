/** What a resource is asked to do, over real gRPC in this process: work, failures, log, cancel. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { status } from "@grpc/grpc-js";
import { PluginAttach } from "@pulumi/pulumi/proto/plugin_pb.js";
import * as p from "@pulumi/pulumi/proto/provider_pb.js";
import { Empty } from "google-protobuf/google/protobuf/empty_pb";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { Secret } from "../../provider/properties/values.ts";
import { type Client, failed, initDetails, json, secret, serveHere, struct, UNKNOWN, urn } from "./harness.ts";
import { provider, seen, TOKEN } from "./thing.ts";

let here: Awaited<ReturnType<typeof serveHere>>;
let client: Client;

beforeAll(async () => {
  here = await serveHere(provider);
  client = here.client;
});
afterAll(() => here.end());
beforeEach(() => {
  here.engine.lines.length = 0;
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
      config: { store: here.store, mirror: "https://dl-cdn.alpinelinux.org/alpine", release: "v3.23" },
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
    writeFileSync(join(here.store, "web-1.json"), "ill");
    const e = await failed(client.read("web-1", { made: 3, token: "p" }, { packages: ["a"], password: "p" }));
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
    const none = await client.call<p.InvokeResponse>("invoke", q.setArgs(struct({ name: "nobody" })));
    expect(none.getFailuresList().map((f) => f.toObject())).toEqual([
      { property: "name", reason: "there is no such thing" },
    ]);
  });
});

describe("failures", () => {
  const props = (mode: string) => ({ packages: ["a"], mode, password: "CANARY-7f" });
  test("a person's error is its message", async () => {
    const e = await failed(client.create(props("die")));
    expect([e.code, e.details]).toEqual([
      status.FAILED_PRECONDITION,
      "cannot log in with [secret]; give another password",
    ]);
    expect(here.engine.lines).toEqual([]);
  });
  test("another error is its message, with the stack in the debug log", async () => {
    const e = await failed(client.create(props("throw")));
    expect([e.code, e.details]).toEqual([status.UNKNOWN, "bad [secret]"]);
    expect(here.engine.lines).toMatchObject([
      { severity: 0, urn: urn(), message: expect.stringMatching(/^TypeError: bad \[secret\]\n\s+at /) },
    ]);
    expect(JSON.stringify(here.engine.lines)).not.toContain("CANARY");
  });
  test.each(["create", "update"] as const)("a half-done %s keeps its state", async (method) => {
    const e = await failed(client[method](props("init")));
    expect(e.code).toBe(status.UNKNOWN);
    expect(initDetails(e)).toEqual({
      id: "web-1",
      state: { made: 1, sum: "half", token: secret("CANARY-7f") },
      reasons: ["half done with [secret]", "rest missing"],
    });
    expect(e.details).toBe("half done with [secret]; rest missing");
  });
  test("a call that takes longer than customTimeouts is ended", async () => {
    const e = await failed(client.create({ packages: ["a"], mode: "slow" }, false, 0.3));
    expect(initDetails(e).reasons).toEqual(["cancelled half way"]);
    expect(seen.call!.signal.reason.message).toBe("took longer than the 0.3 s of customTimeouts");
  });
});

describe("log", () => {
  test("live lines are throttled but for the last, others stay, all in order and clean", async () => {
    const began = performance.now();
    await client.create({ packages: ["a"], mode: "talk", password: "CANARY-7f" });
    const seconds = (performance.now() - began) / 1000;
    const steps = here.engine.lines.filter((l) => l.ephemeral);
    expect(steps.length).toBeLessThanOrEqual(2 * seconds + 3);
    expect(steps.length).toBeGreaterThan(2);
    expect(steps[0]!.message).toBe("step 1 of 100 [secret]");
    expect(here.engine.lines.slice(-3).map((l) => [l.ephemeral, l.severity, l.message])).toEqual([
      [true, 1, "step 100 of 100 [secret]"],
      [false, 2, "warning [secret]"],
      [true, 1, "last step"],
    ]);
    expect(here.engine.lines[0]).toMatchObject({ severity: 1, ephemeral: false, message: "info [secret]", urn: urn() });
    expect(JSON.stringify(here.engine.lines)).not.toContain("CANARY");
  });
});

describe("cancel", () => {
  test("ends what runs, refuses what comes, until an engine attaches again", async () => {
    const call = failed(client.create({ packages: ["a"], mode: "slow" }));
    await expect.poll(() => here.engine.lines.map((l) => l.message)).toContain("slow work");
    await client.call("cancel", new Empty());
    expect(initDetails(await call)).toMatchObject({ state: { sum: "cut" }, reasons: ["cancelled half way"] });
    expect(await failed(client.create({ packages: ["a"] }))).toMatchObject({
      code: status.ABORTED,
      details: "cancelled",
    });
    await client.call("attach", new PluginAttach().setAddress(here.engine.address));
    expect((await client.create({ packages: ["a"] })).getId()).toBe("web-1");
  });
  test("a caller that goes away ends its own call alone", async () => {
    const other = client.create({ packages: ["a"], mode: "talk" });
    const q = new p.CreateRequest().setUrn(urn("b")).setType(TOKEN);
    const call = client.raw.create(q.setProperties(struct({ packages: ["a"], mode: "slow" })), () => {});
    await expect.poll(() => here.engine.lines.map((l) => l.message)).toContain("slow work");
    expect(seen.call!.urn).toBe(urn("b"));
    const { signal } = seen.call!;
    call.cancel();
    await expect.poll(() => signal.aborted).toBe(true);
    expect((await other).getId()).toBe("web-1");
  });
});
