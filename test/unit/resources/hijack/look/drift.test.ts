import { describe, expect, it } from "vitest";
import type { Facts } from "../../../../../provider/host/facts/types/facts.ts";
import type { Plan } from "../../../../../provider/host/plan/types.ts";
import { bareKey } from "../../../../../provider/host/ssh/public-key.ts";
import type { Ssh } from "../../../../../provider/host/ssh/types.ts";
import { Asset } from "../../../../../provider/properties/values.ts";
import { asThere, expectedOf, keyDrift, redeploys } from "../../../../../provider/resources/hijack/look/drift.ts";
import { hijackInputs } from "../../../../../provider/resources/hijack/model/inputs.ts";

const [a, b, c] = [
  "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAuOWfdnuAxfkS9daoykcTGgpLHcUPnqWHiYYQ4F8GF6",
  "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA7BzuMqPIYFIt47ziFDeBMz0u2ZFZlpKFLnZCnqQKZ5",
  "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJeP/yJyOwEAuk5k7fro7F19fsdlfVedHQoFC9oPx0Jx",
] as const;

it("a key is compared without options and comment", () => {
  expect(bareKey(`no-pty ${a} someone`)).toBe(a);
  expect(bareKey("not a key")).toBe("not a key");
});

describe("root's keys", () => {
  it.each([
    ["as they were", [`${a} me`], [a, b], [`${a} me`, b], {}],
    ["a given one is gone", [`${a} me`], [a, b], [b], { inputs: [], missing: [`${a} me`] }],
    ["one that nobody put there", [a], [a, b], [a, b, c], { inputs: [a, c], foreign: [c] }],
    ["one kept from the old system is gone", [a], [a, b], [a], { lost: [b] }],
    ["the state is older than rootKeys", [a], undefined, [a, b, c], {}],
    ["one that a refresh saw before", [a, c], [a, b, c], [a, b, c], {}],
  ])("%s", (_, given, last, there, drift) => {
    const none = { inputs: given, missing: [], foreign: [], lost: [] };
    expect(keyDrift(given, last, there)).toEqual({ ...none, ...drift });
  });
});

it.each([
  [{ content: "x" }, { content: "x", mode: "0644", owner: "root:root" }],
  [
    { content: "", mode: "0600", owner: "web" },
    { content: "", mode: "0600", owner: "web" },
  ],
  [{ source: new Asset({ text: "x" }, "abc") }, { content: "x", mode: "0644", owner: "root:root" }],
  // the local file may have changed since
  [{ source: new Asset({ path: "./x" }, "abc") }, { sha256: "abc", mode: "0644", owner: "root:root" }],
  [{ source: new Asset({ path: "./x" }) }, undefined],
])("%j is compared by %j", (file, expected) => {
  expect(expectedOf("/etc/x", file)).toEqual(expected && { path: "/etc/x", ...expected });
});

it.each([
  [{ content: "x" }, { path: "/x", gone: true }, undefined, undefined],
  [{ content: "x", mode: "0644" }, { path: "/x", content: true }, "y", { content: "y", mode: "0644" }],
  [{ content: "x" }, { path: "/x", content: true }, undefined, undefined],
  [{ content: "x" }, { path: "/x", content: false, mode: "0600" }, undefined, { content: "x", mode: "0600" }],
  [{ source: "s" }, { path: "/x", content: false, owner: "a:b" }, undefined, { source: "s", owner: "a:b" }],
  [{ source: "s" }, { path: "/x", content: true, owner: "a:b" }, "y", { content: "y", owner: "a:b" }],
] as const)("%j, which is %j: %j there", (file, difference, text, expected) => {
  expect(asThere(file, difference, text)).toEqual(expected);
});

describe("a new deployment of the commit that runs", () => {
  const inputs = (more: object) => hijackInputs({ connection: { host: "h" }, commit: "c", ...more });
  const cases: [string, object, object | undefined, string | undefined][] = [
    ["nothing changed", {}, {}, undefined],
    ["the server's own name", { hostname: "web" }, {}, undefined],
    ["another name", { hostname: "www" }, {}, "name"],
    ["an argument more", { kernelArguments: ["quiet"] }, {}, "kernel arguments"],
    ["an argument less", {}, { kernelArguments: ["quiet"] }, "kernel arguments"],
    ["the same arguments", { kernelArguments: ["quiet"] }, { kernelArguments: ["quiet"] }, undefined],
    ["arguments, and nothing is known of before", { kernelArguments: ["quiet"] }, undefined, undefined],
  ];
  it.each(cases)("%s", async (_, news, olds, want) => {
    // neither the server nor the plan is asked while its network is kept
    const seen = { ssh: undefined as unknown as Ssh, facts: { hostname: "web" } as Facts };
    expect(await redeploys(seen, {} as Plan, inputs(news), olds && inputs(olds))).toBe(want);
  });
});
