import { existsSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { FIRST } from "../../../scripts/groups.mjs";

test("the files that are begun first are there, each once", () => {
  const top = join(import.meta.dirname, "../../..");
  expect(FIRST.filter((path) => !existsSync(join(top, path)))).toEqual([]);
  expect(new Set(FIRST).size).toBe(FIRST.length);
});
