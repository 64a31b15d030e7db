/** What the tests of plans share: the lab's Debian, and a way to change one thing. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseFacts } from "../../../../provider/host/facts/facts.ts";
import type { Facts } from "../../../../provider/host/facts/types/facts.ts";
import type { ImageFacts, PlanInputs } from "../../../../provider/host/plan/types.ts";
import { planInstall } from "../../../../provider/host/ways/plan.ts";

const lab = readFileSync(join(import.meta.dirname, "../../fixtures/facts/debian-12-lab.txt"), "utf8");
export const facts = (change: (f: Facts) => void = () => {}) => {
  const f = parseFacts(lab);
  change(f);
  return f;
};
export const key = parseFacts(lab).authorizedKeys.root[0]!;
const seen = parseFacts(lab).hostKeys[2]!.split(" ").slice(0, 2).join(" ");
export const inputs: PlanInputs = {
  rootWay: "root",
  user: "root",
  loginKeys: [key],
  stack: "demo/dev",
  hostKeySeen: seen,
};
export const image: ImageFacts = {
  arch: "x86_64",
  target: "vm",
  sysrootBytes: 82.6e6,
  unpackedBytes: 142e6,
  about: false,
  compression: "gzip",
};
export const codes = (f: Facts, i: Partial<PlanInputs> = {}, m: Partial<ImageFacts> = {}) =>
  planInstall(f, { ...inputs, ...i }, { ...image, ...m }).refusals.map((r) => r.code);
