/** How long a server may have its turn. Pure. */

import { HEALTH_SECONDS, type HealthCheck } from "../trial/health.ts";
import { BOOTS_MS, COMPLETE_MS } from "../trial/trial.ts";

/** Seconds for what a server does between its turn and the reboot: hooks, a backup. */
const HOOKS = 900;
/** A day: a turn that lasts longer helps nobody. */
export const LONGEST = 86_400;

/** Seconds that a turn lasts in the worst case without hooks: two boots, the dead-man between them, and the checks. */
export function leastDeadline(o: { deadman: number; health: Pick<HealthCheck, "timeout">[] }): number {
  const checks = o.health.reduce((sum, { timeout = HEALTH_SECONDS }) => sum + timeout, 0);
  return o.deadman + (BOOTS_MS + COMPLETE_MS) / 1000 + checks;
}

export const usualDeadline = (o: Parameters<typeof leastDeadline>[0]) => Math.min(leastDeadline(o) + HOOKS, LONGEST);
