import { describe, expect, test } from "vitest";
import { Secret, Unknown } from "../../../../provider/properties/values.ts";
import { checkFleet } from "../../../../provider/resources/fleet/check.ts";
import { branchOf, inRing, ringInputs, ringsOf, waitingLine } from "../../../../provider/resources/fleet/rings.ts";
import { keyText } from "../../trust/a-manifest.ts";

const NAMES = ["d", "b", "a", "c"];
const words = (rings: { name: string; servers: string[] }[]) => rings.map((r) => `${r.name}: ${r.servers.join(" ")}`);

describe("who is in which ring", () => {
  test.each([
    ["the canaries, and the others", undefined, ["a"], ["canary: a", "rest: b c d"]],
    [
      "rings of the program; who is named nowhere comes last",
      [{ name: "x", servers: ["d", "b"] }],
      [],
      ["x: b d", "rest: a c"],
    ],
    [
      "all are named",
      [
        { name: "x", servers: ["a"] },
        { name: "y", servers: ["b", "c", "d"] },
      ],
      [],
      ["x: a", "y: b c d"],
    ],
    ["no canary: one ring", undefined, [], ["rest: a b c d"]],
    ["all are canaries", undefined, NAMES, ["canary: a b c d"]],
  ])("%s", (_, order, canaries, expected) => expect(words(ringsOf(NAMES, order, canaries))).toEqual(expected));
  test("a branch of its own each", () => {
    expect(branchOf({}, "my web", "canary")).toBe("pine/my-web/canary");
    expect(branchOf({ branch: "shop/eu" }, "web", "rest")).toBe("shop/eu/rest");
  });
});

test("a server has its ring's branch, and only itself goes to another commit, unless it says so", () => {
  const url = "http://u";
  expect(inRing({ updates: { url } }, "r")).toEqual({ updates: { url, branch: "r", pullOnly: true } });
  expect(inRing({ updates: { url, pullOnly: false } }, "r")).toEqual({
    updates: { url, branch: "r", pullOnly: false },
  });
  expect(inRing({ updates: new Secret({ url }) }, "r").updates).toBeInstanceOf(Secret);
  expect(inRing({ hostname: "h" }, "r")).toEqual({ hostname: "h" });
  expect(inRing({ updates: Unknown.value }, "r")).toEqual({ updates: Unknown.value });
});

test("a ring asks the servers before by the connections that they have now", () => {
  const member = { connection: { host: "h", user: "debian" }, updates: { pullOnly: true } };
  const now = { urn: "u", result: "done" as const, state: { connection: { host: "h", user: "root" } } };
  const inputs = ringInputs(
    { publish: { folder: "/p" }, signingKey: "k", order: [], branch: "r" },
    {
      commit: "c",
      branch: "r/x",
      servers: ["b"],
      before: { a: { member, made: now }, z: { member: { connection: 1 } } },
    },
  );
  expect(inputs).toEqual({
    publish: { folder: "/p" },
    signingKey: "k",
    commit: "c",
    branch: "r/x",
    servers: ["b"],
    after: { a: { connection: { host: "h", user: "root" }, pulls: true }, z: { connection: 1, pulls: false } },
  });
});

test("the fleet's line says who waits", () => {
  expect(waitingLine({})).toBe("");
  expect(waitingLine({ rest: "version 1 waits for a (w)" })).toBe("; ring rest: version 1 waits for a (w)");
});

const server = (host: string, more: object = {}) => ({ connection: { host }, ...more });
const two = { a: server("192.0.2.1"), b: server("192.0.2.2") };
const rings = { publish: { folder: "/srv/www/pine" }, signingKey: keyText(1) };
const defaults = { updates: { url: "http://192.0.2.9/pine" } };
const said = (inputs: object) =>
  checkFleet({ commit: "a".repeat(64), servers: two, defaults, rings, ...inputs }).map(
    (f) => `${f.property}: ${f.reason}`,
  );
const order = (...all: [string, string[]][]) => ({
  rings: { ...rings, order: all.map(([name, servers]) => ({ name, servers })) },
});

describe("what is given", () => {
  test("a good one, by default and by name, and one that is known in part", () => {
    expect(said({})).toEqual([]);
    expect(said(order(["canary", ["b"]]))).toEqual([]);
    expect(said({ rollout: { canaries: ["b"] } })).toEqual([]);
    expect(said({ rings: { ...rings, signingKey: Unknown.value, order: Unknown.value } })).toEqual([]);
    expect(said({ servers: { a: server("192.0.2.1") } })).toEqual([]);
  });
  test.each([
    // Datadog's account of March 2023: hosts that pulled went past the staged rollout
    ["no rings", { rings: undefined }, /^defaults\.updates: needs `rings` .*before the canaries have confirmed it/],
    [
      "no rings, one server",
      { rings: undefined, defaults: {}, servers: { ...two, a: server("h", defaults) } },
      /^servers\.a\.updates: needs/,
    ],
    ["all in one ring", { rollout: { canaries: 0 } }, /^rings: expected two rings or more: all .* "rest"$/],
    ["all in the first", order(["x", ["a", "b"]]), /^rings: expected two rings or more: all .* "x"$/],
    ["nobody pulls", { defaults: {} }, /^rings: are for servers that pull: none has `updates`/],
    ["no place", { rings: { signingKey: rings.signingKey } }, /^rings\.publish: is missing/],
    ["no key", { rings: { publish: rings.publish } }, /^: rings\.signingKey: is missing/],
    [
      "a branch of one's own",
      { defaults: { updates: { ...defaults.updates, branch: "x" } } },
      /^defaults\.updates\.branch: is its ring's/,
    ],
    [
      "a server that is nobody",
      order(["x", ["z"]]),
      /^rings\.order\[0\]\.servers\[0\]: there is no server "z" .*a, b$/,
    ],
    [
      "a server twice",
      order(["x", ["a"]], ["y", ["a"]]),
      /^rings\.order\[1\]\.servers\[0\]: "a" is in ring "x" already/,
    ],
    ["a name twice", order(["x", ["a"]], ["x", ["b"]]), /^rings\.order\[1\]\.name: "x" is there twice/],
    [
      "the last one's name",
      order(["rest", ["a"]]),
      /^rings\.order: "rest" is the ring of servers that are in no other: b/,
    ],
    [
      "canaries besides",
      { ...order(["x", ["a"]]), rollout: { canaries: 1 } },
      /^rollout\.canaries: the first of `rings.order`/,
    ],
    [
      "a version",
      { rings: { ...rings, publish: { ...rings.publish, withdrawn: ["1.0.0"] } } },
      /^rings\.publish\.withdrawn\[0\]: expected the checksum/,
    ],
  ])("%s", (_, inputs, error) => expect([...new Set(said(inputs))]).toEqual([expect.stringMatching(error)]));
});
