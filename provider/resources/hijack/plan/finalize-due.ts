/** Whether the old system is due for removal. Pure. */
import type { Facts } from "../../../host/facts/types/facts.ts";
import { finalizedOf } from "../../../host/server/record.ts";
import type { HijackInputs } from "../model/inputs.ts";

/** Whether Pine was installed beside an old system. */
export const isBeside = (install: Record<string, string> | undefined) =>
  install?.method === "alongside" || install?.method === "container";

/** Whether there is an old system to remove. */
export function finalizeDue(inputs: HijackInputs, facts: Facts): boolean {
  const { install } = facts.pine;
  return inputs.finalize && isBeside(install) && finalizedOf(install) !== "done";
}
