/** A fleet in one line: "12 servers: 9 reboot, 2 unchanged, 1 cannot be reached". Pure. */
import { hasUnknown, isUnknown, plain } from "../../properties/values.ts";
import type { Made, Operation } from "../../resource.ts";

/** What happens, or has happened, to one server; in the order in which the line counts them. */
export const STANDINGS = [
  "new",
  "reboot",
  "change",
  "unchanged",
  "not known",
  "failed",
  "busy",
  "not touched",
  "unreachable",
] as const;
export type Standing = (typeof STANDINGS)[number];

const number = (n: number, one: string, many: string) => `${n} ${n === 1 ? one : many}`;

const WORDS: Record<Standing, (n: number, preview: boolean) => string> = {
  new: (n, preview) => (preview ? number(n, "is new", "are new") : `${n} installed`),
  reboot: (n, preview) => (preview ? number(n, "reboots", "reboot") : `${n} rebooted`),
  change: (n, preview) => (preview ? number(n, "changes", "change") : `${n} changed`).concat(" without a reboot"),
  unchanged: (n) => `${n} unchanged`,
  "not known": (n) => `${n} not known yet`,
  failed: (n) => `${n} failed`,
  busy: (n) => `${n} still at work`,
  "not touched": (n) => `${n} not touched`,
  unreachable: (n) => `${n} cannot be reached`,
};

export function fleetLine(standings: readonly Standing[], preview: boolean): string {
  const parts = STANDINGS.flatMap((standing) => {
    const count = standings.filter((s) => s === standing).length;
    return count > 0 ? [WORDS[standing](count, preview)] : [];
  });
  return `${number(standings.length, "server", "servers")}: ${parts.join(", ")}`;
}

/** What this process did for a server. */
export interface Seen {
  operation?: Operation;
  /** It was stopped, to boot something. */
  stopped?: boolean;
}

/** What a preview or an `up` made of one server. */
export function standingOf({ result, state }: Pick<Made, "result" | "state">, seen: Seen, preview: boolean): Standing {
  if (result === "failed") return "failed";
  if (result === "skipped") return "not touched";
  if (plain(state.unreachable) === true) return "unreachable";
  if (!seen.operation) return "unchanged";
  if (!preview) return seen.operation === "create" ? "new" : seen.stopped ? "reboot" : "change";
  // only a preview that looked at the server leaves open what it will boot
  if (!hasUnknown(state.booted)) return seen.operation === "create" ? "new" : "change";
  if (isUnknown(state.plan)) return "not known";
  if (seen.operation === "create") return "new";
  return (plain(state.plan) as { boots?: number } | undefined)?.boots ? "reboot" : "change";
}
