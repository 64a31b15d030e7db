/**
 * The list of mutants fits the source: each has one place, and tests that `npm test` runs by itself. Whether they are
 * caught: `npm run mutants`.
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { MUTANTS } from "../../mutants/list.ts";
import { groupOf, mutate } from "../../mutants/mutant.ts";

const repository = join(import.meta.dirname, "../../..");

describe("each mutant", () => {
  it("has a name of its own", () => expect(new Set(MUTANTS.map((m) => m.name)).size).toBe(MUTANTS.length));
  it.each(MUTANTS.map((m) => [m.name, m] as const))("has its place and its tests: %s", (_, mutant) => {
    const text = readFileSync(join(repository, mutant.file), "utf8");
    expect(mutate(mutant, text)).not.toBe(text);
    expect(mutant.tests.length).toBeGreaterThan(0);
    for (const file of mutant.tests) {
      expect(existsSync(join(repository, file)), file).toBe(true);
      const { name, named } = groupOf(file)!;
      // on every store of a reboot lock: minutes, where others take hours
      expect(named && name !== "queue", file).toBe(false);
    }
  });
});

it("a place that is not there, or twice, is told", () => {
  const mutant = { name: "x", file: "f", from: "a", to: "b", tests: [] };
  expect(() => mutate(mutant, "c")).toThrow(/its place 0 times/);
  expect(() => mutate(mutant, "aa")).toThrow(/its place 2 times/);
  expect(mutate({ ...mutant, to: "$&" }, "xax")).toBe("x$&x");
});
