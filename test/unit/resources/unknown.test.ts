/**
 * Every input may be what another resource makes, which a preview does not know: no check refuses it, and no preview
 * ends on it (pulumi/pulumi#5933, pulumi/pulumi-kubernetes#2741). A server's preview names it.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it, vi } from "vitest";
import { type Props, Secret, Unknown, type Value } from "../../../provider/properties/values.ts";
import type { Config, Resource } from "../../../provider/resource.ts";
import { ostreeCommit } from "../../../provider/resources/commit/commit.ts";
import { hostHijack } from "../../../provider/resources/hijack/host-hijack.ts";
import { containerTemplate } from "../../../provider/resources/images/container-template.ts";
import { diskImage } from "../../../provider/resources/images/disk-image.ts";
import { rootfs } from "../../../provider/resources/rootfs/rootfs.ts";
import { testCall } from "../../e2e/life.ts";
import { facts, key, inputs as planInputs } from "../host/plan/tools.ts";

const cache = mkdtempSync(join(tmpdir(), "pine-unknown-"));
afterAll(() => rmSync(cache, { recursive: true }));
const config = {
  cache,
  store: join(cache, "store"),
  mirror: "http://127.0.0.1:1",
  release: "v3.23",
  keys: {},
} as Config;

/** A Debian that can be taken, and whose login is root by `key`. */
vi.mock("../../../provider/resources/hijack/look/look.ts", async (original) => ({
  ...(await original<object>()),
  lookAgain: async () => ({
    ssh: { ...planInputs, hostKeySeen: planInputs.hostKeySeen, close: async () => {} },
    facts: facts(),
  }),
}));
vi.mock("../../../provider/resources/rootfs/lock.ts", async (original) => ({
  ...(await original<object>()),
  lockFor: async () => [],
}));
vi.mock("../../../provider/host/ssh/keys.ts", async (original) => ({
  ...(await original<object>()),
  loginPublicKeys: async () => [key],
}));

const sha = "c".repeat(64);
const RESOURCES: [string, Resource, Props][] = [
  [
    "Rootfs",
    rootfs,
    {
      packages: ["nano"],
      users: [{ name: "ann", authorizedKeys: [key], sudo: true }],
      files: { "/etc/app": { content: "x", mode: "0600" } },
      buildCommands: ["true"],
      nameservers: ["192.0.2.53"],
      services: { default: ["crond"] },
      sysctl: { "vm.swappiness": "10" },
      hostname: "web",
      swap: { kind: "zram" },
      healthChecks: [
        { name: "web", http: "http://127.0.0.1/", timeout: 30 },
        { name: "var", freeSpace: { path: "/var", mib: 64 }, required: false },
      ],
    },
  ],
  ["OstreeCommit", ostreeCommit, { rootfs: sha, version: "1.0.0", branch: "a/b" }],
  ["DiskImage", diskImage, { commit: sha, size: 2048, hostname: "web", kernelArguments: ["quiet"], grow: true }],
  ["ContainerTemplate", containerTemplate, { commit: sha, format: "tar.zst" }],
  [
    "HostHijack",
    hostHijack,
    {
      connection: { host: "192.0.2.7", user: "root", port: 22 },
      commit: sha,
      method: "auto",
      hostname: "web-1",
      authorizedKeys: [key],
      network: { mode: "static", addresses: ["192.0.2.7/24"], gateways: ["192.0.2.1"] },
      files: { "/etc/app": { content: new Secret("x"), mode: "0600" } },
      healthChecks: [{ http: "http://127.0.0.1/", timeout: 30 }],
      kernelArguments: ["quiet"],
      trialTimeout: 300,
      removeOldSystem: true,
      onDestroy: "restore",
      triggers: [1],
    },
  ],
];

/** The inputs, each time with another part of them that is not known: a property, an element, a field of one. */
function* partly(value: Value, at = ""): Generator<[string, Value]> {
  if (at) yield [at, Unknown.value];
  if (Array.isArray(value))
    for (const [n, element] of value.entries())
      for (const [path, other] of partly(element, `${at}[${n}]`))
        yield [path, value.map((own, k) => (k === n ? other : own))];
  else if (value !== null && typeof value === "object" && Object.getPrototypeOf(value) === Object.prototype)
    for (const [name, field] of Object.entries(value as Props))
      for (const [path, other] of partly(field, at ? `${at}.${name}` : name)) yield [path, { ...value, [name]: other }];
}

describe.each(RESOURCES)("%s", (_, resource, whole) => {
  const checked = async (news: Props) => {
    const args = { news, olds: {}, randomSeed: new Uint8Array(32) };
    return resource.check(testCall(config, { preview: true }), args);
  };
  it("is right as a whole", async () => expect((await checked(whole)).failures ?? []).toEqual([]));
  it.each([...partly(whole)] as [string, Props][])("without %s", async (path, news) => {
    const { inputs, failures = [] } = await checked(news);
    expect(failures, path).toEqual([]);
    const call = testCall(config, { preview: true });
    const made = await resource.create(call, { inputs });
    expect(made.id).toBe("");
    const olds = {
      installationId: "i",
      checksum: sha,
      version: "1.0.0",
      branch: "a/b",
      history: [],
      lockedPackages: [],
    };
    await resource.update(call, { id: "i", olds, oldInputs: whole, news: inputs });
    expect(Object.keys(Unknown.value)).toEqual(["unknown"]);
  });
});

describe("the preview of a server", () => {
  const [, , whole] = RESOURCES.find(([name]) => name === "HostHijack")!;
  const told = async (change: Props) => {
    const call = testCall(config, { preview: true });
    await hostHijack.create(call, { inputs: { ...whole, ...change } });
    return call.said.infos;
  };
  const unknown = (...names: string[]) => Object.fromEntries(names.map((name) => [name, Unknown.value]));
  const plan = expect.stringMatching(/^alongside Debian 12 on /);
  const without = (names: string) => `${names} not known yet: the plan is shown without what is missing of it`;
  const once = (names: string) => `the plan is shown once ${names} known`;

  it("tells the plan alone when all is known", async () => expect(await told({})).toEqual([plan]));
  it.each(["method", "network", "removeOldSystem", "overwrite", "onDestroy", "ignoreChecks"])(
    "has no plan before it knows %s, and says so",
    async (name) => expect(await told(unknown(name))).toEqual([once(`${name} is`)]),
  );
  it.each(["hostname", "authorizedKeys", "healthChecks", "kernelArguments", "trialTimeout", "triggers"])(
    "tells a plan without %s, and says so",
    async (name) => expect(await told(unknown(name))).toEqual([without(`${name} is`), plan]),
  );
  it.each<[string, Props, string]>([
    ["two", unknown("method", "overwrite"), once("method and overwrite are")],
    [
      "a connection among three",
      unknown("connection", "method", "overwrite"),
      once("the connection, method and overwrite are"),
    ],
    ["one that decides among others", unknown("hostname", "method", "healthChecks"), once("method is")],
    ["the address alone", { connection: { ...whole.connection, host: Unknown.value } }, once("the connection is")],
    ["a part of an overwrite", { overwrite: { erase: true, image: sha, disk: Unknown.value } }, once("overwrite is")],
    ["a part of a part", { network: { ...whole.network, addresses: [Unknown.value] } }, once("network is")],
  ])("names, without a plan, %s", async (_, change, words) => expect(await told(change)).toEqual([words]));
  it.each<[string, Props, string]>([
    [
      "three",
      unknown("hostname", "healthChecks", "trialTimeout"),
      without("hostname, healthChecks and trialTimeout are"),
    ],
    ["an element", { authorizedKeys: [key, Unknown.value] }, without("authorizedKeys is")],
    ["a secret", { hostname: new Secret(Unknown.value) }, without("hostname is")],
  ])("names, beside the plan, %s", async (_, change, words) => expect(await told(change)).toEqual([words, plan]));
  it.each(["commit", "image", "files"])("tells the plan alone without %s: it does not hang on that", async (name) =>
    expect(await told(unknown(name))).toEqual([plan]),
  );
});
