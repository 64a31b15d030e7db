/** Random numbers that come again: of a seed and words, 0 to 1. */
import { createHash } from "node:crypto";

export function chance(seed: number, ...words: (string | number)[]): number {
  const digest = createHash("sha256")
    .update(JSON.stringify([seed, ...words]))
    .digest();
  return digest.readUInt32BE(0) / 2 ** 32;
}
