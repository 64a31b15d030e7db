/** What a person on a server said: it is parsed, stops a reboot, and is told. */
import { expect, it, test } from "vitest";
import { parsePine } from "../../../../../provider/host/facts/pine.ts";
import { byHandNotes, byHandRefusal } from "../../../../../provider/host/ways/update/by-hand.ts";

const commit = "c".repeat(64);
const pine = (lines: Record<string, string[]>) => parsePine(new Map(Object.entries(lines)), []);
const refused = (kind: string, of = commit) => ({
  "pine.refused": [`${of} ${kind} 2026-11-30T12:00:00Z the page is wrong`, "not a line of ours"],
});

it("is nothing where nobody said anything", () => {
  expect(pine({})).not.toHaveProperty("hold");
  expect([byHandRefusal(pine({}), commit, false), byHandNotes(pine({}), commit)]).toEqual([undefined, []]);
});

test("a hold stops every commit, also one that the program insists on", () => {
  const held = pine({ "pine.hold": ["since=2026-11-30T12:00:00Z", "by=anna", "reason=backup = until Monday"] });
  for (const insisted of [false, true])
    expect(byHandRefusal(held, commit, insisted)).toMatchObject({
      code: "held",
      message: "the server is held since 2026-11-30T12:00:00Z by anna: backup = until Monday",
      hint: expect.stringContaining("`pine unhold`"),
    });
  expect(byHandNotes(held, undefined)).toEqual([expect.stringMatching(/^held since .* by anna: backup/)]);
  // a file that somebody made by hand: when it was made is all that is known (coreos/zincati#1160)
  const made = pine({ "pine.hold": ["since=2026-11-30T12:00:00Z"] });
  expect(byHandRefusal(made, commit, false)?.message).toBe("the server is held since 2026-11-30T12:00:00Z");
});

// coreos/fedora-coreos-tracker#247, #1938: after a person's return the same version came again the next night
test("a rollback stops that commit until the program insists", () => {
  const back = pine(refused("person"));
  expect(byHandRefusal(back, commit, false)).toMatchObject({
    code: "rolled-back",
    message: expect.stringMatching(/^commit c{12} was rolled back by hand .*: the page is wrong$/),
    hint: expect.stringMatching(/`pine unhold c{12}`.*`triggers`/),
  });
  expect(byHandRefusal(back, commit, true)).toBeUndefined();
  expect(byHandRefusal(back, "d".repeat(64), false)).toBeUndefined();
  expect(byHandNotes(back, commit)).toHaveLength(1);
  expect(byHandNotes(back, "d".repeat(64))).toEqual([]);
});

test("what the server's own trials say does not stop a program: it judges for itself", () => {
  for (const kind of ["bad", "unclear"]) expect(byHandRefusal(pine(refused(kind)), commit, false)).toBeUndefined();
  // a word of a newer agent: not booted unasked
  expect(byHandRefusal(pine(refused("withdrawn")), commit, false)).toMatchObject({ code: "rolled-back" });
});

// kraken-lib#812: for months every node rebooted without its lock, and no one knew
test("a reboot without the group's lock is told at each refresh", () => {
  const lines = ["commit=cccccccccccccccc", "since=2026-11-30T12:00:00Z", "reason=http://store does not answer"];
  const told = parsePine(new Map([["pine.turn.without", lines]]), []);
  expect(byHandNotes(told, undefined)).toEqual([
    "it went without the reboot lock at 2026-11-30T12:00:00Z, into commit cccccccccccc: http://store does not answer",
  ]);
  expect(byHandRefusal(told, commit, false)).toBeUndefined();
});
