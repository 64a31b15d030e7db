/** Whether the RAM system of an overwrite runs. Pure. */
import { assignments } from "../ssh/answers.ts";
import type { Lines } from "./lines.ts";
import type { RamFacts } from "./types/ram.ts";

export function parseRam(lines: Lines): RamFacts | undefined {
  const install = lines.get("pine.ram.install");
  if (!install) return undefined;
  const one = (name: string) => lines.get(`pine.ram.${name}`)?.[0];
  return {
    install: assignments(install),
    plan: one("plan") ?? "",
    image: one("image"),
    blocks: lines.get("pine.ram.blocks")?.length ?? 0,
    verified: Number(one("verified") ?? 0),
    finished: one("finished") !== undefined,
  };
}
