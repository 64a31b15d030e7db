/** What a construct call sends to the engine's monitor, over real gRPC: each option's way, dependencies, secrets. */
import { status } from "@grpc/grpc-js";
import { Alias } from "@pulumi/pulumi/proto/alias_pb.js";
import * as p from "@pulumi/pulumi/proto/provider_pb.js";
import type { RegisterResourceRequest, RegisterResourceResponse } from "@pulumi/pulumi/proto/resource_pb.js";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { Secret, Unknown } from "../../provider/properties/values.ts";
import type { Component, Construction, Made } from "../../provider/resource.ts";
import { FakeMonitor } from "./fake-monitor.ts";
import { failed, json, secret, serveHere, struct, UNKNOWN } from "./harness.ts";
import { provider } from "./thing.ts";

const FLEET = "pine:index:Group";
const URN = `urn:pulumi:dev::shop::${FLEET}::web`;
const childUrn = (name: string) => `urn:pulumi:dev::shop::${FLEET}$pine:index:Thing::${name}`;

let here: Awaited<ReturnType<typeof serveHere>>;
let monitor: FakeMonitor;
let work: (build: Construction) => Promise<object>;
let seen: { build: Construction; inputs: unknown } | undefined;

const group: Component = {
  check: ({ size }) => (size === 0 ? [{ property: "size", reason: "expected more than 0" }] : []),
  async construct(build, inputs) {
    seen = { build, inputs };
    return work(build);
  },
};

beforeAll(async () => {
  const properties = { size: { type: "integer" }, password: { type: "string", secret: true } };
  const base = JSON.parse(provider.schema());
  const schema = { ...base, resources: { ...base.resources, [FLEET]: { inputProperties: properties, properties } } };
  here = await serveHere({
    ...provider,
    schema: () => JSON.stringify(schema),
    components: { [FLEET]: async () => group },
  });
  monitor = await FakeMonitor.start((q) => (q.getCustom() ? childUrn(q.getName()) : URN));
});
afterAll(() => {
  here.end();
  monitor.end();
});
afterEach(() => {
  monitor.reset();
  seen = undefined;
});

const request = (inputs: object = { size: 2 }) => {
  const q = new p.ConstructRequest().setType(FLEET).setName("web").setMonitorendpoint(monitor.address);
  return q.setProject("shop").setStack("dev").setInputs(struct(inputs));
};
const construct = (q: p.ConstructRequest) => here.client.call<p.ConstructResponse>("construct", q);
const thing = (name: string, after: string[] = []) => ({
  type: "pine:index:Thing",
  name,
  inputs: { arch: "x86_64", password: new Secret("CANARY"), packages: [Unknown.value] },
  from: { arch: ["size"], packages: ["size", "password"] },
  after,
});

test("the component, its children in their order, their dependencies; outputs with theirs", async () => {
  const made: Made[] = [];
  work = async (build) => {
    made.push(await build.child(thing("web-a")));
    made.push(await build.child(thing("web-b", [build.urnOf("pine:index:Thing", "web-a")])));
    return { size: 2, password: "CANARY-2" };
  };
  const q = request({ size: 2, password: "CANARY-1" });
  const urns = ["urn:pulumi:dev::shop::x:y:Z::one"];
  q.getInputdependenciesMap().set("size", new p.ConstructRequest.PropertyDependencies().setUrnsList(urns));
  q.setDependenciesList(["urn:pulumi:dev::shop::x:y:Z::before"]);
  const r = await construct(q);
  expect(seen).toMatchObject({
    inputs: { size: 2, password: new Secret("CANARY-1") },
    build: { name: "web", urn: URN, preview: false },
  });
  const [component, a, b] = monitor.asked;
  expect(component!.toObject()).toMatchObject({ type: FLEET, name: "web", custom: false, remote: false, parent: "" });
  expect(json(component!.getObject())).toBeUndefined();
  expect(a!.toObject()).toMatchObject({
    type: "pine:index:Thing",
    name: "web-a",
    custom: true,
    parent: URN,
    version: "",
  });
  expect(json(a!.getObject())).toEqual({ arch: "x86_64", password: secret("CANARY"), packages: [UNKNOWN] });
  expect(a!.getDependenciesList()).toEqual(["urn:pulumi:dev::shop::x:y:Z::before", ...urns]);
  expect(b!.getDependenciesList()).toContain(childUrn("web-a"));
  // an order is no reason to be replaced
  const of = (one: RegisterResourceRequest) =>
    Object.fromEntries(
      ["arch", "password", "packages"].map((k) => [k, one.getPropertydependenciesMap().get(k)?.getUrnsList()]),
    );
  expect(of(b!)).toEqual({ arch: urns, password: [], packages: urns });
  expect(made.map((m) => [m.result, m.state.password])).toEqual(Array(2).fill(["done", new Secret("CANARY")]));
  expect(r.getUrn()).toBe(URN);
  expect(json(r.getState())).toEqual({ size: 2, password: secret("CANARY-2") });
  expect(json(monitor.outputs[0]!.getOutputs())).toEqual(json(r.getState()));
  expect(r.getStatedependenciesMap().get("size")!.getUrnsList()).toEqual([childUrn("web-a"), childUrn("web-b")]);
});

test("options go where docs/fleet.md says", async () => {
  work = async (build) => {
    await build.child(thing("web-a"));
    return {};
  };
  const q = request().setDryrun(true).setParent("urn:pulumi:dev::shop::x:y:Top::top");
  q.setProtect(true).setRetainondelete(true).setDeletedwith("urn:pulumi:dev::shop::x:y:Z::vm");
  q.setAliasesList([new Alias().setUrn("urn:pulumi:dev::shop::pine:index:Group::old")]);
  q.getProvidersMap().set("pine", "urn:pulumi:dev::shop::pulumi:providers:pine::mine::id");
  q.setCustomtimeouts(new p.ConstructRequest.CustomTimeouts().setUpdate("10m"));
  q.setResourceHooks(new p.ConstructRequest.ResourceHooksBinding().setAfterCreateList(["told"]));
  await construct(q);
  expect(seen!.build.preview).toBe(true);
  const [component, child] = monitor.asked.map((one) => one.toObject());
  for (const one of [component, child])
    expect(one).toMatchObject({ protect: true, retainondelete: true, deletedwith: "urn:pulumi:dev::shop::x:y:Z::vm" });
  expect(component).toMatchObject({ parent: "urn:pulumi:dev::shop::x:y:Top::top", aliasspecs: true });
  expect(component!.aliasesList).toHaveLength(1);
  expect(component!.providersMap).toEqual([["pine", "urn:pulumi:dev::shop::pulumi:providers:pine::mine::id"]]);
  expect(component!.hooks).toMatchObject({ afterCreateList: ["told"] });
  expect(component!.customtimeouts).toBeUndefined();
  expect(child).toMatchObject({ parent: URN, provider: "", aliasesList: [], customtimeouts: { update: "10m" } });
});

// an SDK names a version and its component's children none: the engine would take another process for them
test("children have the provider that constructs them, as the engine named it", async () => {
  work = async (build) => {
    await build.child(thing("web-a"));
    return {};
  };
  const own = "urn:pulumi:dev::shop::pulumi:providers:pine::default_0_1_0";
  const q = new p.ConfigureRequest()
    .setArgs(struct({ store: here.store }))
    .setUrn(own)
    .setId("some-id");
  await here.client.call("configure", q);
  await construct(request());
  expect(monitor.asked.map((one) => one.getProvider())).toEqual(["", `${own}::some-id`]);
});

test("a child that failed, one that was skipped, one that is no target: none is an error of the component", async () => {
  const results: Record<string, (r: RegisterResourceResponse) => RegisterResourceResponse> = {
    failed: (r) => r.setResult(1),
    skipped: (r) => r.setResult(2 as never),
    untargeted: (r) => r.setUnknown(true),
  };
  monitor.answer = (q, r) => results[q.getName()]!(r);
  const made: string[] = [];
  work = async (build) => {
    for (const name of Object.keys(results)) made.push((await build.child(thing(name))).result);
    return {};
  };
  await construct(request());
  expect(made).toEqual(["failed", "skipped", "skipped"]);
});

test("the engine stops the run: the component ends, too, and registers no outputs", async () => {
  monitor.answer = () => "gone";
  work = async (build) => build.child(thing("web-a"));
  // an error would be shown beside the one that stopped it
  expect((await construct(request())).toObject()).toMatchObject({ urn: URN, state: undefined });
  expect(monitor.outputs).toEqual([]);
});

test("bad inputs and errors: nothing is registered, no secret is told", async () => {
  const bad = await failed(construct(request({ size: 0, password: "CANARY-3" })));
  expect([bad.code, bad.details]).toEqual([status.FAILED_PRECONDITION, "size: expected more than 0"]);
  expect(monitor.asked).toEqual([]);
  work = async () => {
    throw new TypeError("no CANARY-4 here");
  };
  const broken = await failed(construct(request({ size: 1, password: "CANARY-4" })));
  expect(broken.details).toBe("no [secret] here");
});

test("the calls for its children pass by its overseer, whose words they hear", async () => {
  const heard: string[] = [];
  work = async (build) => {
    build.oversee("pine:index:Thing", "web-", {
      asked: (urn) => heard.push(`asked ${urn}`),
      planned: (urn, operation) => heard.push(`planned ${operation} ${urn}`),
      enter: async (urn, operation) => {
        heard.push(`enter ${operation} ${urn}`);
        if (operation === "delete") throw new Error("not now");
        return { left: true, mayStop() {} };
      },
      leave: (urn, done) => heard.push(`leave ${done} ${urn}`),
    });
    return {};
  };
  await construct(request());
  const urn = childUrn("web-a");
  const create = (mode: string, preview = false) => {
    const q = new p.CreateRequest().setUrn(urn).setType("pine:index:Thing").setName("web-a").setPreview(preview);
    return here.client.call("create", q.setProperties(struct({ packages: ["a"], mode })));
  };
  await create("", true);
  await create("");
  await failed(create("die"));
  const gone = new p.DeleteRequest().setUrn(urn).setType("pine:index:Thing").setId("web-a-1");
  expect((await failed(here.client.call("delete", gone))).details).toBe("not now");
  const other = new p.CreateRequest().setUrn(childUrn("shop-a")).setType("pine:index:Thing").setName("shop-a");
  await here.client.call("create", other.setProperties(struct({ packages: ["a"] })));
  expect(heard).toEqual([
    `planned create ${urn}`,
    `enter create ${urn}`,
    `leave true ${urn}`,
    `enter create ${urn}`,
    `leave false ${urn}`,
    `enter delete ${urn}`,
  ]);
});
