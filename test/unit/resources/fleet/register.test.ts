/** In which order a Fleet registers its servers and rings, and what each waits for. */
import { expect, test } from "vitest";
import { isUnknown, Unknown } from "../../../../provider/properties/values.ts";
import type { Child, Construction, Made } from "../../../../provider/resource.ts";
import { fleet } from "../../../../provider/resources/fleet/fleet.ts";
import { keyText } from "../../trust/a-manifest.ts";

const commit = "a".repeat(64);
const old = "b".repeat(64);
const servers = Object.fromEntries(["a", "b", "c", "d"].map((name) => [name, { connection: { host: `h${name}` } }]));
const rings = { publish: { folder: "/p" }, signingKey: keyText(1) };
const updates = { url: "http://u" };

/** Constructs one, with an engine that answers each child so. */
async function construct(inputs: object, answer: (child: Child) => Made["state"], preview = false) {
  const children: Child[] = [];
  const said: string[] = [];
  const build: Construction = {
    name: "web",
    urn: "urn",
    preview,
    signal: new AbortController().signal,
    step: () => {},
    info: (line) => void said.push(line),
    warn: (line) => void said.push(line),
    urnOf: (_, name) => name,
    oversee: () => {},
    child: async (child) => {
      children.push(child);
      return { urn: child.name, state: answer(child), result: "done" };
    },
  };
  const outputs = await fleet.construct(build, { servers, commit, ...inputs });
  const order = children.map(({ name, after }) => `${name} < ${after.join(" ") || "-"}`);
  const commits = Object.fromEntries(children.map(({ name, inputs: i }) => [name, i.commit]));
  return { children, order, commits, said, outputs };
}
const isRing = ({ type }: Child) => type === "pine:index:Ring";
const runs = ({ inputs }: Child) => ({ booted: { checksum: inputs.commit }, connection: inputs.connection });

test("without rings: turns, each after the one before", async () => {
  const { order, outputs } = await construct({ rollout: { canaries: 1, maxUnavailable: 2 } }, runs);
  expect(order).toEqual(["web-a < -", "web-b < web-a", "web-c < web-a", "web-d < web-b web-c"]);
  expect(outputs).toMatchObject({ summary: "4 servers: 4 unchanged", waiting: {} });
});

test("with rings: a ring comes after the servers of those before, and its own after it", async () => {
  const signed = (child: Child) => (isRing(child) ? { published: child.inputs.commit, history: [] } : runs(child));
  const { order, children } = await construct({ rings, defaults: { updates }, rollout: { maxUnavailable: 2 } }, signed);
  expect(order).toEqual([
    "web-ring-canary < -",
    "web-a < web-ring-canary",
    "web-ring-rest < web-a",
    "web-b < web-a web-ring-rest",
    "web-c < web-a web-ring-rest",
    "web-d < web-b web-c",
  ]);
  const [canary, a, rest] = children;
  expect(canary!.inputs).toMatchObject({ branch: "pine/web/canary", servers: ["a"], after: {}, commit });
  expect(rest!.inputs.after).toEqual({ a: { connection: { host: "ha" }, pulls: true } });
  expect(a!.inputs.updates).toEqual({ url: "http://u", branch: "pine/web/canary", pullOnly: true });
});

test("a ring's servers are asked for what it is signed for; never signed, for what the program has", async () => {
  const waits = "version 2 waits for a (w)";
  const behind = (child: Child) => (isRing(child) ? restWaits(child, { published: old }) : runs(child));
  const restWaits = ({ inputs, name }: Child, rest: object) =>
    name === "web-ring-rest" ? { ...rest, waits } : { published: inputs.commit };
  const one = await construct({ rings, defaults: { updates } }, behind);
  expect(one.commits).toMatchObject({ "web-a": commit, "web-b": old, "web-c": old, "web-d": old });
  expect(one.outputs).toMatchObject({ waiting: { rest: waits } });
  expect(one.said).toEqual([`4 servers: 4 unchanged; ring rest: ${waits}`]);
  const never = await construct({ rings, defaults: { updates } }, (c) => (isRing(c) ? restWaits(c, {}) : runs(c)));
  expect(never.commits["web-b"]).toBe(commit);
});

test("a preview that cannot know yet leaves open what a ring's servers are asked for", async () => {
  const open = (child: Child) => (isRing(child) ? { published: Unknown.value } : { connection: Unknown.value });
  const { commits } = await construct({ rings, defaults: { updates } }, open, true);
  expect(isUnknown(commits["web-b"])).toBe(true);
});
