import { expect, test } from "vitest";
import { Unknown } from "../../../../provider/properties/values.ts";
import { windowLines } from "../../../../provider/resources/fleet/windows.ts";

const updates = { url: "http://u", reboot: "window", windows: [{ start: "03:00", minutes: 60 }] };
const lock = { consul: { address: "http://c" }, group: "web" };
const of = (n: number, more: object = {}) =>
  Object.fromEntries(
    Array.from({ length: n }, (_, i) => [`w${i}`, { updates, rebootLock: lock, trialTimeout: 300, ...more }]),
  );
const names = (n: number, from = 0) => Array.from({ length: n - from }, (_, i) => `w${i + from}`);

// thaum-xyz/ankhmorpork#1079
test("a group that does not fit into its window is told; a ring is a window of its own", () => {
  expect(windowLines(of(3), [names(3)])).toEqual([]);
  expect(windowLines(of(4), [names(4)])).toEqual([
    expect.stringMatching(/^group web may not .*: 4 servers, 1 at a time/),
  ]);
  expect(windowLines(of(4), [names(1), names(4, 1)])).toEqual([]);
  expect(windowLines(of(4, { rebootLock: { ...lock, slots: 2 } }), [names(4)])).toEqual([]);
});

test("who has no lock, no window, or what is not known, is not counted", () => {
  for (const more of [
    { rebootLock: undefined },
    { updates: undefined },
    { updates: { ...updates, reboot: "now", windows: [] } },
    { updates: Unknown.value },
    { rebootLock: { fleetlock: { address: "http://f" }, group: "web" } },
  ])
    expect(windowLines(of(9, more), [names(9)])).toEqual([]);
  expect(windowLines({ ...of(4), w0: { updates, rebootLock: { ...lock, group: "db" } } }, [names(4)])).toEqual([]);
});
