import { describe, expect, test } from "vitest";
import { turnsOf } from "../../../../provider/resources/fleet/order.ts";

const six = ["c", "a", "f", "b", "e", "d"];

describe("turns", () => {
  test.each([
    ["one canary, then one by one", six, { canaries: 1, maxUnavailable: 1 }, ["a", "b", "c", "d", "e", "f"]],
    ["no canary", six, { canaries: 0, maxUnavailable: 2 }, ["ab", "cd", "ef"]],
    ["an empty list of canaries", six, { canaries: [], maxUnavailable: 3 }, ["abc", "def"]],
    ["batches of two after a canary", six, { canaries: 1, maxUnavailable: 2 }, ["a", "bc", "de", "f"]],
    ["canaries by name", six, { canaries: ["e", "b"], maxUnavailable: 2 }, ["be", "ac", "df"]],
    ["a canary that is named twice is one", six, { canaries: ["e", "e"], maxUnavailable: 3 }, ["e", "abc", "df"]],
    ["canaries keep to the limit, too", six, { canaries: 3, maxUnavailable: 2 }, ["ab", "c", "de", "f"]],
    ["all are canaries", six, { canaries: 6, maxUnavailable: 6 }, ["abcdef"]],
    ["more canaries than servers", ["b", "a"], { canaries: 9, maxUnavailable: 1 }, ["a", "b"]],
    ["one server", ["a"], { canaries: 0, maxUnavailable: 5 }, ["a"]],
  ])("%s", (_, names, order, turns) => expect(turnsOf(names, order).map((turn) => turn.join(""))).toEqual(turns));

  test("hang on the names alone, not on the order in which the program has them", () => {
    const order = { canaries: 2, maxUnavailable: 2 };
    expect(turnsOf([...six].reverse(), order)).toEqual(turnsOf(six, order));
  });
  test("a server more or less moves others, and changes nobody's place before another", () => {
    const order = { canaries: 1, maxUnavailable: 2 };
    const more = turnsOf([...six, "aa"], order).flat();
    expect(more.filter((name) => name !== "aa")).toEqual(turnsOf(six, order).flat());
    expect(
      turnsOf(
        six.filter((n) => n !== "a"),
        order,
      ).flat(),
    ).toEqual(["b", "c", "d", "e", "f"]);
  });
  test("nobody is forgotten and nobody comes twice, and no turn is empty or too large", () => {
    for (let count = 1; count <= 12; count++)
      for (let canaries = 0; canaries <= 4; canaries++)
        for (let maxUnavailable = 1; maxUnavailable <= 5; maxUnavailable++) {
          const names = Array.from({ length: count }, (_, n) => `web-${n}`);
          const turns = turnsOf(names, { canaries, maxUnavailable });
          expect(turns.flat().sort()).toEqual([...names].sort());
          expect(turns.every((turn) => turn.length > 0 && turn.length <= maxUnavailable)).toBe(true);
        }
  });
});
