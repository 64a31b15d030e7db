import { describe, expect, test } from "vitest";
import { Secret, Unknown } from "../../../../provider/properties/values.ts";
import { checkFleet } from "../../../../provider/resources/fleet/check.ts";

const commit = "a".repeat(64);
const server = (host: string, more: object = {}) => ({ connection: { host }, ...more });
const two = { a: server("192.0.2.1"), b: server("192.0.2.2") };
const said = (inputs: object) =>
  checkFleet({ commit, servers: two, ...inputs }).map(({ property, reason }) => `${property}: ${reason}`);

test("a good one is accepted, and so is one that is known only in part", () => {
  expect(said({ rollout: { canaries: ["b"], maxUnavailable: 2, unreachable: "skip", maxFailures: 0 } })).toEqual([]);
  expect(said({ rollout: { canaries: 0 } })).toEqual([]);
  expect(said({ servers: Unknown.value })).toEqual([]);
  expect(said({ commit: Unknown.value, servers: { a: Unknown.value, b: { connection: Unknown.value } } })).toEqual([]);
  expect(said({ rollout: Unknown.value })).toEqual([]);
});

describe("each bad input gets one error that says what to do", () => {
  test.each([
    ["no server", { servers: {} }, /^servers: expected at least one server/],
    ["no servers", { servers: undefined }, /^servers: is missing/],
    [
      "a name that is none",
      { servers: { "a b": server("h") } },
      /: servers\.a b: the key: expected a name of a server/,
    ],
    ["a server that is none", { servers: { a: "h" } }, /^servers\.a: expected an object with inputs/],
    ["no commit", { commit: undefined }, /^commit: is missing: give the checksum of an OstreeCommit/],
    ["no checksum", { commit: "main" }, /^commit: expected the checksum/],
    [
      "a canary that is nobody",
      { rollout: { canaries: ["c"] } },
      /^rollout\.canaries\[0\]: there is no server "c" .*a, b$/,
    ],
    [
      "canaries below zero",
      { rollout: { canaries: -1 } },
      /^rollout\.canaries: expected a number of servers, 0 or more/,
    ],
    ["nobody may be down", { rollout: { maxUnavailable: 0 } }, /^rollout\.maxUnavailable: expected .*at least 1/],
    // pulumi#15740, #22572
    ["failures", { rollout: { maxFailures: 1 } }, /^rollout\.maxFailures: expected 0 or nothing: Pulumi skips/],
    ["a word that is none", { rollout: { maxUnavailible: 1 } }, /did you mean maxUnavailable/],
    [
      "a commit of one's own",
      { servers: { ...two, a: server("h", { commit }) } },
      /^servers\.a\.commit: is for the whole fleet/,
    ],
    ["a commit in the defaults", { defaults: { commit } }, /^defaults\.commit: is for the whole fleet/],
    // an account of 2023: agents that pulled by themselves went past the vendor's staged rollout
    [
      "servers that pull",
      { defaults: { updates: { url: "https://x" } } },
      /^defaults\.updates: .*before the canaries have confirmed it/,
    ],
    [
      "no host",
      { servers: { a: { hostname: "a" } }, defaults: { connection: { user: "u" } } },
      /connection\.host: is missing/,
    ],
    [
      "what HostHijack refuses",
      { servers: { a: server("h", { trialTimeout: 1 }) } },
      /^servers\.a\.trialTimeout: expected/,
    ],
    ["what is wrong in the defaults, once", { defaults: { trialTimeout: 1 } }, /^defaults\.trialTimeout: expected/],
    [
      "one server twice",
      { servers: { ...two, c: server("192.0.2.1", { connection: { host: "192.0.2.1", port: 22 } }) } },
      /^servers\.c\.connection\.host: is that of servers\.a, too/,
    ],
  ])("%s", (_, inputs, error) => expect(said(inputs)).toEqual([expect.stringMatching(error)]));

  test("a password is in none of them", () => {
    const secret = { password: new Secret("CANARY"), pasword: "CANARY" };
    const all = said({ servers: { a: { connection: { host: "h", ...secret } } } });
    expect(all).toEqual([expect.stringContaining("did you mean password?")]);
    expect(all.join()).not.toContain("CANARY");
  });
  test("the same address behind two jump hosts is two servers", () => {
    const behind = (proxy: string) => ({ connection: { host: "10.0.0.1", proxy: { host: proxy } } });
    expect(said({ servers: { a: behind("one"), b: behind("two") } })).toEqual([]);
  });
});
