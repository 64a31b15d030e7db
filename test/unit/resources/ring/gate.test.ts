/** Which servers let a commit go on to the next ring, and what is signed then. */
import { describe, expect, test } from "vitest";
import type { PineFacts, RefusedCommit } from "../../../../provider/host/facts/types/pine.ts";
import { type AgentStatus, parseStatus } from "../../../../provider/host/server/agent.ts";
import { gateOf, type Verdict, verdictOf } from "../../../../provider/resources/ring/gate.ts";
import { namesFailures } from "../../../../provider/resources/ring/shape.ts";
import { nextOf, ringStatement } from "../../../../provider/resources/ring/sign.ts";
import { facts } from "../../host/ways/overwrite/tools.ts";

const [w, x, y] = ["a", "b", "c"].map((letter) => letter.repeat(64)) as [string, string, string];
const status = (checksum: string, more: Partial<AgentStatus> = {}): AgentStatus => ({
  ...parseStatus(""),
  running: "a",
  slot: "a",
  checksum,
  ...more,
});
const seen = (s: AgentStatus | undefined, more: Partial<PineFacts> = {}) => ({
  pine: { ...facts().pine, ...more },
  status: s,
});
const refused = (kind: RefusedCommit["kind"]) => ({
  refused: [{ commit: x, kind, since: "2026-11-30T03:00:00Z", reason: "web: status 500" }],
});
const pulls = (state: Record<string, string>, staged?: string) => ({ updates: { digest: "d", state, staged } });

describe("what a server says of a commit", () => {
  test.each<[string, Parameters<typeof verdictOf>[1], Verdict["is"], RegExp?]>([
    ["it runs it confirmed", seen(status(x)), "confirmed"],
    ["it runs it confirmed, in the boot that was its trial", seen(status(x, { trialRuns: true })), "confirmed"],
    ["it runs it on trial", seen(status(x, { slot: "b", trialRuns: true })), "waits", /on trial/],
    ["it was rebooted into it, and is not confirmed", seen(status(x, { slot: "b" })), "waits", /on trial/],
    ["it runs another", seen(status(w)), "waits", /^commit a{12} runs$/],
    ["it never looked", seen(status(w), pulls({})), "waits", /; it looked for updates never$/],
    ["it looked before", seen(status(w), pulls({ checked: "t" })), "waits", /; it looked for updates at t$/],
    [
      "the mirror is away",
      seen(status(w), pulls({ checked: "t", problem: "refused" })),
      "waits",
      /\(t\) failed: refused/,
    ],
    ["its window comes", seen(status(w), pulls({ waiting: "its window" }, "1.1.0")), "waits", /^its window$/],
    ["it waits for nothing", seen(status(w), pulls({}, "1.1.0")), "waits", /^version 1.1.0 is fetched$/],
    [
      "a person holds it",
      seen(status(w), { hold: { since: "t", by: "p", reason: "r" } }),
      "waits",
      /^held since t by p: r$/,
    ],
    // deploy-rs#214, mender#116: what came back is no success
    ["it came back", seen(status(w), refused("bad")), "failed", /^it came back at .*: web: status 500$/],
    ["a person took it back", seen(status(w), refused("person")), "failed", /^it was rolled back by hand/],
    // fleet.md 50: what failed elsewhere, too, says nothing of the commit, and lets it go no further
    ["it could not tell", seen(status(w), refused("unclear")), "waits", /is tried again: web/],
    ["the world was away", seen(status(w), refused("elsewhere")), "waits", /is tried again: web/],
    ["it was tried once more, and stays", seen(status(x), refused("bad")), "confirmed"],
    ["its old system runs", seen(status("", { running: undefined })), "waits", /Pine does not run/],
    ["it is another system", seen(undefined), "waits", /Pine does not run/],
    // block/proto-fleet#1014: who is away is no yes
    ["it is away", { away: "it cannot be reached" }, "waits", /cannot be reached/],
  ])("%s", (_, what, is, why = /./) => {
    const verdict = verdictOf(x, what);
    expect(verdict.is).toBe(is);
    if (verdict.is !== "confirmed") expect(verdict.why).toMatch(why);
  });
});

const all = (o: Record<string, Verdict>) => gateOf(new Map(Object.entries(o)));
const yes: Verdict = { is: "confirmed" };
const wait: Verdict = { is: "waits", why: "w" };
const no: Verdict = { is: "failed", why: "f" };

test("all must have confirmed; a failure comes before who waits; a line names three", () => {
  expect(all({})).toEqual({ is: "open" });
  expect(all({ a: yes, b: yes })).toEqual({ is: "open" });
  expect(all({ a: yes, b: wait })).toEqual({ is: "waits", why: "b (w)", names: ["b"] });
  expect(all({ a: wait, b: no, c: yes })).toEqual({ is: "failed", why: "b (f)", names: ["b"] });
  expect(all({ a: wait, b: wait, c: wait, d: wait, e: wait })).toMatchObject({
    why: "a (w), b (w), c (w), and 2 more",
  });
});

const made = (checksum: string, version: string) => ({ checksum, version, made: "t" });
const [old, next] = [made(w, "1.0.0"), made(x, "1.1.0")];
const open = { is: "open" } as const;

describe("what is signed", () => {
  test.each<[string, Parameters<typeof nextOf>, ReturnType<typeof nextOf>]>([
    ["the first", [next, open, [], []], { history: [next] }],
    ["the next", [next, open, [], [old]], { history: [next, old] }],
    [
      "nothing while one waits",
      [next, all({ a: wait }), [], [old]],
      { history: [old], waits: "version 1.1.0 waits for a (w)" },
    ],
    [
      "nothing where it failed",
      [next, all({ a: no }), [], [old]],
      { history: [old], failed: "version 1.1.0 failed on a (f)" },
    ],
    // tauri-apps/tauri#2596, alire-project/alire#427
    ["nothing that was withdrawn", [next, open, [x], [old]], { history: [old], waits: "version 1.1.0 was withdrawn" }],
    [
      "nothing at first, while one waits",
      [next, all({ a: wait }), [], []],
      { history: [], waits: "version 1.1.0 waits for a (w)" },
    ],
    ["what is signed already stays, whoever is away now", [old, all({ a: no }), [w], [old]], { history: [old] }],
    ["one that comes again is there once", [old, open, [], [next, old]], { history: [old, next] }],
  ])("%s", (_, given, expected) => expect(nextOf(...given)).toEqual(expected));

  test("a barrier leads to what was signed for this ring alone; a withdrawal is said in all", () => {
    const o = { withdrawn: [y], barriers: [w, x, y] };
    expect(ringStatement(o, [old])).toEqual({ withdrawn: [y], barriers: [{ version: "1.0.0", checksum: w }] });
    expect(ringStatement({ ...o, withdrawn: [w] }, [old])).toEqual({ withdrawn: [w], barriers: [] });
    expect(ringStatement({}, [old])).toEqual({ withdrawn: [], barriers: [] });
  });

  test("what is said of commits is said by checksum", () => {
    expect(namesFailures({ withdrawn: [x, "1.0.0"], barriers: ["1.1.0"] }, "rings.").map((f) => f.property)).toEqual([
      "rings.publish.withdrawn[1]",
      "rings.publish.barriers[0]",
    ]);
    expect(namesFailures(undefined)).toEqual([]);
  });
});
