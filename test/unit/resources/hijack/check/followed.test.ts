/** Servers that pull, as their program sees them: what is given, what is a difference, and what is told. */
import { describe, expect, it } from "vitest";
import type { PineFacts } from "../../../../../provider/host/facts/types/pine.ts";
import { type Queue, tooMany } from "../../../../../provider/host/updates/fits.ts";
import { aheadLine, pullsLine, updateNotes, wentTo } from "../../../../../provider/host/updates/notes.ts";
import { settingsDigest, worstMinutes } from "../../../../../provider/host/updates/settings.ts";
import type { Props } from "../../../../../provider/properties/values.ts";
import { checkHijack } from "../../../../../provider/resources/hijack/check/check.ts";
import { diffHijack } from "../../../../../provider/resources/hijack/check/diff.ts";
import { following } from "../../../../../provider/resources/hijack/model/followed.ts";
import { hijackInputs } from "../../../../../provider/resources/hijack/model/inputs.ts";
import { updatesText, warnOfWindow, withUpdates } from "../../../../../provider/resources/hijack/plan/updates.ts";
import { testCall } from "../../../../e2e/life.ts";
import { facts } from "../../../host/ways/overwrite/tools.ts";

const [a, b, c] = ["a", "b", "c"].map((x) => x.repeat(64)) as [string, string, string];
const url = "http://10.0.0.1/pine";
const given = { connection: { host: "127.0.0.1", port: 1 }, commit: a };
const problems = (updates: Props, more: Props = {}) =>
  checkHijack({ ...given, ...more, updates }).failures.map((f) => `${f.property}: ${f.reason}`);

describe("what is given", () => {
  it.each<[string, Props, RegExp]>([
    ["no address", {}, /^updates\.url: /],
    ["a password in the address", { url: "http://u:p@10.0.0.1/" }, /^updates\.url: .*without a password/],
    [
      "a window for a person",
      { url, windows: [{ start: "03:00", minutes: 90 }] },
      /^updates\.windows: are only for reboot: "window", not "manual"/,
    ],
    ["no window", { url, reboot: "window" }, /^updates\.windows: is missing/],
    [
      "a window that is too short",
      { url, reboot: "window", windows: [{ start: "03:00", minutes: 20 }] },
      /^updates\.windows\[0\]\.minutes: is 20, and a reboot that does not stay may take 20 .*expected more than 20/,
    ],
    [
      "a time that is none",
      { url, reboot: "window", windows: [{ start: "3 am", minutes: 90 }] },
      /^updates\.windows\[0\]\.start: /,
    ],
    [
      "a zone that is none",
      { url, timeZone: "Mars/Olympus" },
      /^updates\.timeZone: expected a time zone, .*got "Mars\/Olympus"/,
    ],
    ["a witness of two kinds", { url, witnesses: [{ http: "http://x/", tcp: "x:1" }] }, /^updates\.witnesses\[0\]/],
  ])("%s is refused", (_, updates, message) => expect(problems(updates)).toEqual([expect.stringMatching(message)]));
  it("a lower deadman makes a window long enough", () =>
    expect(
      problems({ url, reboot: "window", windows: [{ start: "03:00", minutes: 20 }] }, { trialTimeout: 120 }),
    ).toEqual([]));
  it("defaults are known", () =>
    expect(checkHijack({ ...given, updates: { url } }).inputs.updates).toMatchObject({
      everyHours: 24,
      reboot: "manual",
      waitForSessionsMinutes: 60,
    }));
  it("a reboot's worst case is that of its trial, and two hooks", () =>
    expect([worstMinutes(300), worstMinutes(61)]).toEqual([20, 17]));
  it.each<[string, Queue, number[], RegExp | undefined]>([
    ["one fits", { group: "g", members: 1, slots: 1 }, [21], undefined],
    ["all fit to the minute", { group: "g", members: 6, slots: 1 }, [120], undefined],
    ["two at a time", { group: "g", members: 12, slots: 2 }, [30, 120], undefined],
    // thaum-xyz/ankhmorpork#1079: a fleet that never got through, and nobody was told
    [
      "too many",
      { group: "g", members: 12, slots: 1 },
      [30, 120],
      /12 servers, 1 at a time, take 240 min .* has 120; .* window 2$/,
    ],
    ["far too many", { group: "g", members: 10, slots: 1 }, [21], /take 200 min .* has 21; .* window 10$/],
  ])("a group and its window: %s", (_, queue, minutes, said) => {
    const windows = minutes.map((n) => ({ start: "03:00", minutes: n }));
    const line = tooMany(queue, { reboot: "window", windows }, 300);
    if (said) expect(line).toMatch(said);
    else expect(line).toBeUndefined();
    expect(tooMany(queue, { reboot: "now", windows: [] }, 300)).toBeUndefined();
  });
  it("a server whose group is known to be too large says so, once", () => {
    const windows = [{ start: "03:00", minutes: 60 }];
    const rebootLock = { consul: { address: "http://c" }, group: "g", members: 6 };
    const tooLarge = { ...given, updates: { url, reboot: "window", windows }, rebootLock };
    const lines: string[] = [];
    const tell = (of: object) => warnOfWindow(hijackInputs({ ...tooLarge, ...of }), { warn: (l) => lines.push(l) });
    for (const of of [{ rebootLock: { ...rebootLock, members: 3 } }, { rebootLock: undefined }, { updates: undefined }])
      tell(of);
    expect(lines).toEqual([]);
    tell({});
    expect(lines).toEqual([expect.stringMatching(/^group g may not get through its window: 6 servers, 1 at a time/)]);
  });
});

const updates = hijackInputs(checkHijack({ ...given, updates: { url } }).inputs).updates!;
const inputs = hijackInputs({ ...given, updates });
const pine = (more: Partial<PineFacts> = {}): PineFacts => ({ ...facts().pine, ...more });
const SIGNED = { signed: { text: "pine=1\nref=pine/x86_64/stable\n", signatures: ["x"] } };

describe("the plan", () => {
  const plan = { way: "update", steps: [{ do: "keep-running", commit: a }], summary: "runs", lines: ["runs"] } as never;
  const of = (f: PineFacts, i = inputs) =>
    withUpdates(plan, { ...facts(), pine: f }, { inputs: i, id: "i" }, SIGNED as never);
  const text = updatesText({ inputs, id: "i" }, { pine: pine() }, SIGNED)!;
  it("has a step, and says what will be done by itself", () => {
    const { steps, summary } = of(pine());
    expect(steps.at(-1)).toEqual({ do: "set-updates" });
    expect(summary).toMatch(/looks for updates by itself every 24 h; a person reboots into it/);
  });
  it("has none where the server has them already", () =>
    expect(of(pine({ updates: { digest: settingsDigest(text), state: {} } })).steps).toHaveLength(1));
  it("removes them", () => {
    const without = of(pine({ updates: { digest: "x", state: {} } }), hijackInputs(given));
    expect([without.steps.at(-1), without.summary]).toEqual([
      { do: "set-updates" },
      "runs; the server looks for updates no more",
    ]);
  });
  it("takes the branch of the commit, and the program's own before it", () => {
    expect(text).toContain("\nref=pine/x86_64/stable\n");
    expect(
      updatesText(
        { inputs: { ...inputs, updates: { ...updates, branch: "mine" } }, id: "i" },
        { pine: pine() },
        SIGNED,
      ),
    ).toContain("\nref=mine\n");
  });
  it("refuses a commit that nobody signed: a server without keys would believe everybody", () =>
    expect(() => updatesText({ inputs, id: "i" }, { pine: pine() }, {})).toThrow(/^updates: the commit is not signed/));
});

describe("a server that went ahead (89: zincati#671, rpm-ostree#4519)", () => {
  const ahead = pine({
    deployment: `${b}.0`,
    trust: { keys: ["k"], version: "1.4.0", checksum: b },
    updates: { digest: "x", state: { updated: "2026-11-30T10:00:00Z" } },
  });
  const wish = { inputs, before: inputs, id: "i" };
  const told: string[] = [];
  const call = { info: (line: string) => told.push(line) };
  it("is seen by what it keeps, and only where it pulls", () => {
    expect(wentTo(ahead)).toEqual({ checksum: b, version: "1.4.0" });
    expect(wentTo({ ...ahead, updates: undefined })).toBeUndefined();
    expect(wentTo({ ...ahead, updates: { digest: "x", state: {} } })).toBeUndefined();
    expect(wentTo({ ...ahead, deployment: `${c}.0` })).toBeUndefined();
  });
  it("is wanted as it is, while the program stays where it is", () => {
    expect(following(wish, { pine: ahead }, call)).toMatchObject({ inputs: { commit: b }, followed: b });
    expect(told).toEqual([`ahead of the program: 1.4.0 runs, pulled by the server; the program has ${a.slice(0, 12)}`]);
  });
  it.each<[string, Partial<typeof wish>]>([
    ["the program has another commit", { inputs: { ...inputs, commit: c } }],
    ["the program insists", { inputs: { ...inputs, attempt: "another" } }],
    ["updates were switched off", { inputs: { ...inputs, updates: undefined } }],
    ["it is being made", { before: undefined }],
  ])("the program's counts when %s", (_, more) => {
    const wanted = { ...wish, ...more };
    expect(following(wanted, { pine: ahead }, call)).toBe(wanted);
  });
  const diff = (olds: Props, news: Props) =>
    diffHijack(testCall({} as never), {
      olds: { installationId: "i", booted: { checksum: b, deployment: `${b}.0`, slot: "a", bootId: "x" }, ...olds },
      oldInputs: { ...given, updates: { url } },
      news: { ...given, updates: { url }, ...news },
    });
  it("is no difference after a refresh; one that somebody updated otherwise is", async () => {
    expect((await diff({ followed: b }, {})).detailed).toEqual({});
    expect((await diff({}, {})).detailed).toEqual({ commit: "update" });
    expect((await diff({ followed: b }, { commit: c })).detailed).toEqual({ commit: "update" });
  });
  it("with pullOnly, another commit of the program is no difference; insisting is", async () => {
    const only = { updates: { url, pullOnly: true } };
    expect((await diff({}, { ...only, commit: c })).detailed).toEqual({ "updates.pullOnly": "add" });
    expect((await diff({}, { ...only, commit: c, triggers: ["1"] })).detailed).toMatchObject({ commit: "update" });
    expect((await diff({ booted: undefined }, { ...only, commit: c })).detailed).toMatchObject({ commit: "update" });
  });
  it("is told in words, and whoever follows only itself is neither ahead nor behind", () => {
    expect(pullsLine({ checksum: b, version: "1.2.0" })).toBe(
      "1.2.0 runs; the server goes to another one by its own updates",
    );
    expect(aheadLine({ checksum: b }, { checksum: a, version: "1.3.0" })).toBe(
      `ahead of the program: ${b.slice(0, 12)} runs, pulled by the server; the program has 1.3.0`,
    );
  });
});

describe("a server that only itself brings to another commit", () => {
  const only = { ...inputs, updates: { ...updates, pullOnly: true } };
  const runs = pine({ deployment: `${b}.0`, runningSlot: "a" });
  const told: string[] = [];
  const call = { info: (line: string) => told.push(line) };
  it("is wanted as it is, whatever the program has, and whatever else changes", () => {
    const wish = { inputs: { ...only, commit: c, attempt: "another" }, before: inputs, id: "i" };
    expect(following(wish, { pine: runs }, call)).toMatchObject({ inputs: { commit: b, attempt: "another" } });
    expect(told).toEqual([`commit ${b.slice(0, 12)} runs; the server goes to another one by its own updates`]);
  });
  it.each<[string, object, PineFacts]>([
    ["it is being made", { before: undefined }, runs],
    ["its old system runs", {}, pine({ deployment: `${b}.0`, runningSlot: undefined })],
    ["somebody insists", { inputs: { ...only, commit: c, triggers: ["1"] } }, runs],
    ["it runs that already", { inputs: { ...only, commit: b } }, runs],
  ])("the program's counts when %s", (_, more, now) => {
    const wish = { inputs: { ...only, commit: c }, before: inputs, id: "i", ...more };
    expect(following(wish, { pine: now }, call)).toBe(wish);
  });
});

it.each<[string, Record<string, string>, string | undefined, string[]]>([
  ["all is well", { checked: "t", found: "current", result: "version 1.1.0 runs and is confirmed" }, undefined, []],
  [
    "the mirror is away",
    { checked: "t", problem: "connection refused" },
    undefined,
    ["its last look for updates (t) failed: connection refused"],
  ],
  [
    "one waits",
    { waiting: "version 1.2.0 waits for its window: all at 03:00 for 60 min" },
    "1.2.0",
    ["version 1.2.0 is fetched: version 1.2.0 waits for its window: all at 03:00 for 60 min"],
  ],
  [
    "one came back",
    { result: "version 1.2.0 did not stay: web: status 500" },
    undefined,
    ["version 1.2.0 did not stay: web: status 500"],
  ],
  [
    "one was withdrawn, and a hook failed",
    { withdrawn: "the commit that runs was withdrawn", hook: "a (after): exit code 3" },
    undefined,
    ["the commit that runs was withdrawn", "a hook failed: a (after): exit code 3"],
  ],
])("a refresh tells that %s", (_, state, staged, lines) =>
  expect(updateNotes({ updates: { digest: "x", state, staged } })).toEqual(lines),
);

it.each<[string, number, number, string[]]>([
  ["was there", 72, 45, []],
  ["was away for too long (74: FCOS#1608)", 73, 45, ["it heard nothing of its update server for 73 h"]],
  ["stands still (61: python-tuf#322)", 1, 46, ["nothing was signed for 46 days: its mirror may stand still"]],
])("a refresh tells that the update server %s", (_, hours, days, lines) => {
  const now = 1_800_000_000;
  const state = { heard: String(now - hours * 3600), published: String(now - days * 86_400) };
  const asked = { everyHours: 24, staleDays: 45 };
  expect(updateNotes({ updates: { digest: "x", state } }, asked, now * 1000)).toEqual(lines);
});
