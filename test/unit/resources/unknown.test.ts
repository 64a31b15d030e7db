/**
 * Every input may be what another resource makes, which a preview does not know: no check refuses it, and no preview
 * ends on it (pulumi/pulumi#5933, pulumi/pulumi-kubernetes#2741).
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
      hooks: ["true"],
      dns: ["192.0.2.53"],
      services: { default: ["crond"] },
      sysctl: { "vm.swappiness": "10" },
      hostname: "web",
      memory: { kind: "zram" },
      healthChecks: [
        { name: "web", http: "http://127.0.0.1/", timeout: 30 },
        { name: "var", freeSpace: { path: "/var", mib: 64 }, required: false },
      ],
    },
  ],
  ["OstreeCommit", ostreeCommit, { rootfs: sha, version: "1.0.0", ref: "a/b" }],
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
      health: [{ http: "http://127.0.0.1/", timeout: 30 }],
      kernelArguments: ["quiet"],
      deadman: 300,
      finalize: true,
      erase: false,
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
    const olds = { installationId: "i", checksum: sha, version: "1.0.0", ref: "a/b", history: [], lock: [] };
    await resource.update(call, { id: "i", olds, oldInputs: whole, news: inputs });
    expect(Object.keys(Unknown.value)).toEqual(["unknown"]);
  });
});
