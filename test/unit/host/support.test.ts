/** README's table of servers says what the planner does, and what is "seen" has a test that does it. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { planInstall } from "../../../provider/host/ways/plan.ts";
import { image, inputs } from "./plan/tools.ts";
import { METHODS, SUPPORT, type Support, supportTable } from "./support.ts";

const repository = join(import.meta.dirname, "../../..");

function holds(name: "beside" | "overwrite", row: (typeof SUPPORT)[number], said: Support): void {
  const facts = row.facts();
  const target = facts.container !== undefined && name === "beside" ? "container" : "vm";
  const [loginKey] = facts.authorizedKeys.root;
  const own = { ...inputs, ...METHODS[name], loginKeys: [loginKey!], hostKeySeen: undefined };
  const { plan, refusals } = planInstall(facts, own, { ...image, target });
  const codes = refusals.map((r) => r.code);
  if (said !== "planned" && "refused" in said) expect(codes).toContain(said.refused);
  else expect({ method: plan?.method, codes }).toEqual({ method: expect.any(String), codes: [] });
  if (said !== "planned" && "seen" in said) expect(existsSync(join(repository, said.seen)), said.seen).toBe(true);
}

describe("what servers can be taken", () => {
  it.each(SUPPORT.map((r) => [`${r.system}, ${r.firmware}, ${r.root}`, r] as const))("%s", (_, row) => {
    holds("beside", row, row.beside);
    holds("overwrite", row, row.overwrite);
  });
  it("stands in the README, line by line", () =>
    expect(readFileSync(join(repository, "README.md"), "utf8")).toContain(`\n${supportTable()}\n`));
});
