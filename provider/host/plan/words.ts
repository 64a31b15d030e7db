/** Words of a plan that are the same for a machine and a container. Pure. */
import { humanBytes } from "../../words.ts";
import type { Facts } from "../facts/types/facts.ts";
import type { Plan } from "./types.ts";

/** "send 58 MB", or "send 36 to 69 MB" of what is not packed yet. */
export function sends(p: Pick<Plan, "sendBytes" | "sendRange" | "about">): string {
  if (p.sendBytes === undefined) return "send the system";
  if (p.sendRange) {
    const [least, most] = p.sendRange.map(humanBytes) as [string, string];
    const [size, unit] = least.split(" ");
    return `send ${most.endsWith(` ${unit}`) ? size : least} to ${most}`;
  }
  return `send ${p.about ? "about " : ""}${humanBytes(p.sendBytes)}`;
}

/** What is replaced, and what is sent. */
export const sendLines = (p: Pick<Plan, "sendBytes" | "sendRange" | "about" | "existing">, facts: Facts): string[] => [
  ...(p.existing === "half"
    ? ["an unfinished or fallen-back installation of this stack is there and is replaced"]
    : []),
  `${sends(p)}${facts.tools.zstd ? "" : ", packed with gzip since the server has no zstd"}`,
];

export const count = (n: number, what: string) => `${n} ${what}${n === 1 ? "" : "s"}`;

/** What goes along to the new system; `hostname` where it is the old one. */
export const keepsOf = (p: Pick<Plan, "network" | "hostKeys" | "authorizedKeys">, hostname?: string): string[] => [
  p.network.summary,
  count(p.hostKeys.length, "host key"),
  `${count(p.authorizedKeys.length, "key")} of root`,
  ...(hostname === undefined ? [] : [`hostname ${hostname}`]),
];
