import { expect, it } from "vitest";
import { type Made, retained, withCommit } from "../../../../provider/resources/commit/history.ts";

const DAY = 86_400_000;
const now = Date.parse("2026-06-01T00:00:00Z");
/** The n-th was made n days ago. */
const history: Made[] = [0, 1, 2, 3, 10].map((days) => ({
  checksum: `c${days}`,
  version: `0.1.${99 - days}`,
  made: new Date(now - days * DAY).toISOString(),
}));
const names = (list: Made[]) => list.map((h) => h.checksum).join(" ");

it.each([
  [undefined, "c0 c1 c2 c3 c10"],
  [{ commits: 1 }, "c0"],
  [{ commits: 3 }, "c0 c1 c2"],
  [{ days: 2 }, "c0 c1"],
  [{ days: 30 }, "c0 c1 c2 c3 c10"],
  [{ commits: 1, days: 3 }, "c0 c1 c2"],
  [{ commits: 4, days: 1 }, "c0 c1 c2 c3"],
])("%j keeps %s", (retain, kept) => expect(names(retained(history, retain, now))).toBe(kept));

it("the newest is always kept, however old", () => {
  expect(names(retained(history, { days: 1 }, now + 100 * DAY))).toBe("c0");
});

it("without a rule the last hundred are kept", () => {
  const many = Array.from({ length: 150 }, (_, n) => ({ ...history[0]!, checksum: `m${n}` }));
  expect(retained(many, undefined, now)).toHaveLength(100);
});

it("a commit that comes again is the newest, once", () => {
  expect(names(withCommit(history, { ...history[2]!, version: "1.0.0" }))).toBe("c2 c0 c1 c3 c10");
});

it("the newest made again keeps its time", () => {
  const again = withCommit(history, { ...history[0]!, version: "1.0.0", made: "2027-01-01T00:00:00Z" });
  expect(again).toEqual([{ ...history[0], version: "1.0.0" }, ...history.slice(1)]);
});
