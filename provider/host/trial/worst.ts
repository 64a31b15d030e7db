/** How long a reboot with its trial may take, before it ends one way or the other. Pure. */
import { HEALTH_SECONDS, type HealthCheck } from "./health.ts";
import { BOOTS_MS, COMPLETE_MS } from "./trial.ts";

/** Seconds without hooks: two boots, the dead-man between them, and the checks. */
export function worstSeconds(o: { deadman: number; health?: Pick<HealthCheck, "timeout">[] }): number {
  const checks = (o.health ?? []).reduce((sum, { timeout = HEALTH_SECONDS }) => sum + timeout, 0);
  return o.deadman + (BOOTS_MS + COMPLETE_MS) / 1000 + checks;
}
