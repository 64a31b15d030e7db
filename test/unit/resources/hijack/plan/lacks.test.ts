/**
 * When a server's drivers are asked of a commit, and what a preview says where they cannot be (a cache without a
 * toolbox, a mirror that is away).
 */
import { expect, it } from "vitest";
import { Store } from "../../../../../provider/image/store/store.ts";
import type { Config } from "../../../../../provider/resource.ts";
import { lacksOf } from "../../../../../provider/resources/hijack/plan/lacks.ts";
import { testCall } from "../../../../e2e/life.ts";
import { facts } from "../../../host/plan/tools.ts";

const AWAY = "http://127.0.0.1:1 cannot be reached";
const server = facts((f) => {
  f.devices = [{ use: "card", name: "eth0", module: "bnx2", modalias: "pci:v000014E4d00001639sv*" }];
});
/** Toolboxes that were asked for; none is to be had. */
function away(signal?: AbortSignal, container = false) {
  const call = testCall({} as Config, { preview: true, signal });
  let asked = 0;
  const tools = async () => {
    asked++;
    throw new Error(AWAY);
  };
  const lacks = lacksOf({ store: Store.at("/nowhere"), checksum: "c".repeat(64), tools, container }, call);
  return { call, lacks, asked: () => asked };
}

it("a preview that has no toolbox warns once, and the answer is unknown", async () => {
  const { call, lacks, asked } = away();
  expect(await lacks(server)).toBeUndefined();
  expect(await lacks(server)).toBeUndefined();
  expect(asked()).toBe(1);
  expect(call.said.warnings).toEqual([
    `it was not checked whether the commit's kernel has the server's drivers: ${AWAY}`,
  ]);
});

it("what was cancelled ends, and warns of nothing", async () => {
  const { call, lacks } = away(AbortSignal.abort());
  await expect(lacks(server)).rejects.toThrow(AWAY);
  expect(call.said.warnings).toEqual([]);
});

it.each([
  [
    "a container, which has its host's kernel",
    facts((f) => Object.assign(f, { devices: server.devices, container: { kind: "lxc" } })),
    false,
  ],
  ["a commit for containers", server, true],
  ["a server of which no driver is known", facts((f) => Object.assign(f, { devices: [] })), false],
])("%s is not asked about", async (_, on, container) => {
  const { call, lacks, asked } = away(undefined, container);
  expect(await lacks(on)).toBeUndefined();
  expect([asked(), call.said.warnings]).toEqual([0, []]);
});
