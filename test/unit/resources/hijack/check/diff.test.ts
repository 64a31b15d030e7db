import { expect, it } from "vitest";
import type { Props } from "../../../../../provider/properties/values.ts";
import { diffHijack } from "../../../../../provider/resources/hijack/check/diff.ts";
import { hostHijack } from "../../../../../provider/resources/hijack/host-hijack.ts";
import { testCall } from "../../../../e2e/life.ts";

const config = {
  store: "/nowhere/store",
  cache: "/nowhere/cache",
  mirror: "http://127.0.0.1:1",
  release: "v3.23",
  keys: {},
};
const [commit, other] = ["a".repeat(64), "b".repeat(64)];
const inputs = {
  connection: { host: "127.0.0.1", port: 1, dialErrorLimit: 1 },
  commit,
  files: { "/etc/x": { content: "x" } },
};
const state = { installationId: "1", booted: { checksum: commit, deployment: `${commit}.0`, slot: "a", bootId: "x" } };
const diff = (news: Props, olds: Props = state) =>
  diffHijack(testCall(config), { olds, oldInputs: inputs, news: { ...inputs, ...news } });

it.each<[string, Props, Props, object]>([
  ["nothing", {}, {}, { detailed: {}, changes: false }],
  ["an operation that did not end", {}, { unfinished: true }, { detailed: {}, changes: true }],
  ["another commit", { commit: other }, {}, { detailed: { commit: "update" }, changes: false }],
  [
    "another commit runs there",
    {},
    { booted: { ...state.booted, checksum: other } },
    { detailed: { commit: "update" } },
  ],
  ["the old system runs there", {}, { booted: undefined }, { detailed: { commit: "update" } }],
  ["a name", { hostname: "web-2" }, {}, { detailed: { hostname: "add" } }],
])("%s", async (_, news, olds, expected) => {
  expect(await diff(news, { ...state, ...olds })).toMatchObject(expected);
});

it("what only later operations do needs no server: nobody listens at port 1", async () => {
  const news = { ...inputs, whenUnreachable: "forget", onDestroy: "retain", healthChecks: [{ tcp: "127.0.0.1:80" }] };
  const call = testCall(config);
  const done = await hostHijack.update(call, { id: "1", olds: state, oldInputs: inputs, news });
  expect(done.state).toMatchObject(state);
  expect(call.said.infos).toEqual([expect.stringMatching(/^nothing is done on the server/)]);
});

it.each<[string, Props, Props]>([
  ["with a file beside it", {}, { files: {} }],
  ["after an operation that did not end", { unfinished: true }, {}],
  ["where another commit runs", { booted: { ...state.booted, checksum: other } }, {}],
])("but it is asked %s", async (_, olds, news) => {
  const args = {
    id: "1",
    olds: { ...state, ...olds },
    oldInputs: inputs,
    news: { ...inputs, trialTimeout: 100, ...news },
  };
  await expect(hostHijack.update(testCall(config), args)).rejects.toThrow(/127\.0\.0\.1:1 cannot be reached/);
});

it("a server that has vanished is given up whatever else has changed; and not where that was said before", async () => {
  const olds = { ...state, leftFrom: { attempt: "0" } };
  const news = { ...inputs, commit: other, whenUnreachable: "forget" };
  const call = testCall(config);
  const done = await hostHijack.update(call, { id: "1", olds, oldInputs: inputs, news });
  expect(done.state).toMatchObject({ booted: state.booted, unreachable: true, unfinished: true });
  expect(call.said.warnings).toEqual([expect.stringMatching(/cannot be reached: nothing was done there/)]);
  const again = { id: "1", olds: done.state, oldInputs: news, news };
  await expect(hostHijack.update(testCall(config), again)).rejects.toThrow(/127\.0\.0\.1:1 cannot be reached/);
});

it("destroy says what to do where the server is gone for good", async () => {
  const args = { id: "1", state, inputs };
  await expect(hostHijack.delete(testCall(config), args)).rejects.toThrow(
    /127\.0\.0\.1:1 cannot be reached.*; if it is gone for good: `whenUnreachable: forget`/,
  );
});
