/** Hashes of texts, files and values. Pure. */
import { createHash } from "node:crypto";

/** Hex. */
export const sha256 = (content: string | Uint8Array) => createHash("sha256").update(content).digest("hex");

/** JSON with sorted keys, without undefined values. */
export function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value) ?? "null";
  const entries = Object.entries(value)
    .filter(([, v]) => v !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${entries.map(([k, v]) => `${JSON.stringify(k)}:${canonical(v)}`).join(",")}}`;
}
