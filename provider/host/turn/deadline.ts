/** How long a server may have its turn. Pure. */
import { worstSeconds } from "../trial/worst.ts";

/** Seconds for what a server does between its turn and the reboot: hooks, a backup. */
const HOOKS = 900;
/** A day: a turn that lasts longer helps nobody. */
export const LONGEST = 86_400;

export const usualDeadline = (o: Parameters<typeof worstSeconds>[0]) => Math.min(worstSeconds(o) + HOOKS, LONGEST);
