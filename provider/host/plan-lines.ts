/** Words of a plan that are the same for a machine and a container. Pure. */
import { humanBytes } from "../task.ts";
import type { Facts, Plan } from "./types.ts";

/** "send about 58 MB" */
export const sends = (p: Pick<Plan, "sendBytes" | "about">): string =>
  p.sendBytes === undefined ? "send the system" : `send ${p.about ? "about " : ""}${humanBytes(p.sendBytes)}`;

/** What is replaced, and what is sent. */
export const sendLines = (p: Pick<Plan, "sendBytes" | "about" | "existing">, facts: Facts): string[] => [
  ...(p.existing === "half"
    ? ["an unfinished or fallen-back installation of this stack is there and is replaced"]
    : []),
  `${sends(p)}${facts.tools.zstd ? "" : ", packed with gzip since the server has no zstd"}`,
];
