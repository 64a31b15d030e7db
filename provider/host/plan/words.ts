/** Words that the plans of several ways share. Pure. */
import { humanBytes } from "../../words.ts";
import type { Sending } from "./steps.ts";
import type { Plan } from "./types.ts";

/** "send 58 MB", or "send 36 to 69 MB" of what is not packed yet. */
export function sends(p: Sending): string {
  if (p.sendBytes === undefined) return "send the system";
  if (p.sendRange) {
    const [least, most] = p.sendRange.map(humanBytes) as [string, string];
    const [size, unit] = least.split(" ");
    return `send ${most.endsWith(` ${unit}`) ? size : least} to ${most}`;
  }
  return `send ${p.about ? "about " : ""}${humanBytes(p.sendBytes)}`;
}

export const count = (n: number, what: string) => `${n} ${what}${n === 1 ? "" : "s"}`;

/** What the new system keeps; `hostname` where it is the old one. */
export const keepsOf = (p: Pick<Plan, "network" | "hostKeys" | "authorizedKeys">, hostname?: string): string[] => [
  p.network.summary,
  count(p.hostKeys.length, "host key"),
  `${count(p.authorizedKeys.length, "key")} of root`,
  ...(hostname === undefined ? [] : [`hostname ${hostname}`]),
];

/** What the one line of a preview names of it. */
export const keepsShort = ({ keeps }: Pick<Plan, "keeps">) => `keeps ${keeps.slice(0, 3).join(", ")}`;
