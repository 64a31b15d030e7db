/** Networks of real servers, from their facts to the files of the new system. */
import { expect, it } from "vitest";
import { setups, written } from "./setups.ts";

const all = setups();

it("there are many, each with its provenance", () => {
  expect(all.filter((s) => "files" in s.plan).length).toBeGreaterThanOrEqual(35);
  for (const s of all) expect(s.provenance, s.name).toMatch(/^# provenance: (captured|composed|`ip|as )/);
});

it.each(all.map((s) => [s.name, s] as const))("%s", (_, s) => {
  expect(written(s.plan)).toBe(s.expected);
});
