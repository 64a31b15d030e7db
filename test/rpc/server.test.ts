/** What goes over the wire, over real gRPC in this process: values, check failures, differences. */
import { status } from "@grpc/grpc-js";
import { PluginAttach } from "@pulumi/pulumi/proto/plugin_pb.js";
import * as p from "@pulumi/pulumi/proto/provider_pb.js";
import { Empty } from "google-protobuf/google/protobuf/empty_pb";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Archive, Asset, Secret, Unknown } from "../../provider/properties/values.ts";
import {
  ARCHIVE,
  ASSET,
  type Client,
  failed,
  initDetails,
  json,
  OUTPUT,
  RESOURCE,
  SIG,
  secret,
  serveHere,
  struct,
  UNKNOWN,
  urn,
} from "./harness.ts";
import { provider, schema, seen, TOKEN } from "./thing.ts";

let here: Awaited<ReturnType<typeof serveHere>>;
let client: Client;

beforeAll(async () => {
  here = await serveHere(provider);
  client = here.client;
});
afterAll(() => here.end());

describe("the plugin itself", () => {
  test("handshake, attach, info, schema", async () => {
    const hello = await client.handshake(here.engine.address);
    expect(hello.toObject()).toMatchObject({ acceptSecrets: true, acceptResources: true, acceptOutputs: true });
    await client.call("attach", new PluginAttach().setAddress(here.engine.address));
    expect((await client.call("getPluginInfo", new Empty())).getVersion()).toBe("9.8.7");
    expect(JSON.parse((await client.call("getSchema", new p.GetSchemaRequest())).getSchema())).toEqual(schema);
  });
  test("configure accepts secrets, previews, outputs", async () => {
    expect((await client.configure({ store: here.store })).toObject()).toMatchObject({
      acceptsecrets: true,
      supportspreview: true,
      acceptresources: true,
      acceptoutputs: true,
    });
  });
  test("checkConfig fails clearly and keeps what it was given", async () => {
    const repositoryKeys = JSON.stringify({ "a.rsa.pub": "nonsense" });
    const q = new p.CheckRequest().setNews(struct({ mirror: "ftp://x", repositoryKeys, version: "1.2.3" }));
    const r = await client.call<p.CheckResponse>("checkConfig", q);
    expect(json(r.getInputs())).toEqual({ mirror: "ftp://x", repositoryKeys, version: "1.2.3" });
    expect(r.getFailuresList().map((f) => f.toObject())).toEqual([
      { property: "mirror", reason: expect.stringContaining("expected an http or https address") },
      {
        property: "",
        reason: expect.stringMatching(/^repositoryKeys\["a\.rsa\.pub"\]: expected the text of a public key/),
      },
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
    expect(await failed(client.call("construct", q))).toMatchObject({ code: status.UNIMPLEMENTED });
    const e = await failed(client.call("create", new p.CreateRequest().setType("pine:index:Nope").setUrn(urn())));
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
  test("archives come in and go out, nested too", async () => {
    const of = (content: object) => ({ [SIG]: ARCHIVE, ...content });
    const file = { [SIG]: ASSET, hash: "i", path: "/g" };
    const nested = of({ assets: { "a/b": file, c: of({ hash: "j", path: "/d" }), e: of({ assets: {} }) } });
    const all = [of({ hash: "h", path: "/f" }), of({ uri: "https://x/" }), nested, of({ hash: "only" })];
    const unused = { path: "", uri: "", hash: "" };
    const { inputs } = await client.check({ packages: ["a"], extra: all.map((a) => ({ ...unused, ...a })) });
    expect(inputs.extra).toEqual(all);
    expect(seen.args?.extra).toEqual([
      new Archive({ path: "/f" }, "h"),
      new Archive({ uri: "https://x/" }),
      new Archive({
        assets: {
          "a/b": new Asset({ path: "/g" }, "i"),
          c: new Archive({ path: "/d" }, "j"),
          e: new Archive({ assets: {} }),
        },
      }),
      new Archive({}, "only"),
    ]);
  });
  test("an archive where a file is expected, and one of something else, are refused by name", async () => {
    const { failures } = await client.check({ packages: ["a"], file: { [SIG]: ARCHIVE, path: "/f" } });
    expect(failures).toEqual([
      {
        property: "",
        reason: "file: expected an asset (a StringAsset, FileAsset or RemoteAsset), got an archive [file.type]",
      },
    ]);
    const e = await failed(client.check({ extra: [{ [SIG]: ARCHIVE, assets: { "a b": "text" } }] }));
    expect(e.details).toBe('extra[0]: "a b" in the archive is neither an asset nor an archive');
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
    const half = initDetails(await failed(client.create({ ...plain, mode: "init" })));
    expect(half.state.token).toEqual(secret("p"));
  });
});

describe("check", () => {
  test("a scalar at the top is named, the rest is in the reason", async () => {
    const { failures } = await client.check({ arch: "arm", packages: ["?"], mode: { a: 1 } });
    expect(failures).toEqual([
      { property: "arch", reason: 'expected one of x86_64, aarch64, got "arm" [arch.choice]' },
      { property: "", reason: 'packages[0]: expected a package name, got "?" [packages.form]' },
      { property: "", reason: "mode: expected a string, got an object [mode.type]" },
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
      "arch: expected one of x86_64, aarch64 [arch.choice]",
      "password: expected a word [password.form]",
      "paswort: there is no such property; did you mean password? [unknown]",
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
