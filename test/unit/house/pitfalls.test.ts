/** docs/pitfalls.md: what broke for others, a line each, with the test that holds it here. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";

const repository = join(import.meta.dirname, "../../..");
const page = readFileSync(join(repository, "docs/pitfalls.md"), "utf8");
const rows = [...page.matchAll(/^\| (\d+) \|.*$/gm)];
/** Rows of the list that the page answers. */
const ROWS = 92;

describe("what broke for others", () => {
  it("has a line each", () =>
    expect(rows.map(([, nr]) => Number(nr))).toEqual(Array.from({ length: ROWS }, (_, n) => n + 1)));

  it("names tests that are there", () => {
    const names = [...page.matchAll(/`((?:unit|e2e|rpc)\/[\w/.-]+)`/g)].map(([, name]) => name!);
    expect(names.length).toBeGreaterThan(ROWS);
    const there = (name: string) =>
      [`${name}.test.ts`, `${name}.ts`, name].some((path) => existsSync(join(repository, "test", path)));
    expect([...new Set(names)].filter((name) => !there(name))).toEqual([]);
  });

  it("says for each what holds it", () => {
    const bare = rows.filter(([row]) => {
      const cells = row.split(" | ");
      return cells.length !== 4 || !/`(unit|e2e|rpc)\/|npm run|not had here/.test(cells[3]!);
    });
    expect(bare.map(([, nr]) => nr)).toEqual([]);
  });
});
