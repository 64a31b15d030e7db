/**
 * What a power cut may leave of a file that was written a moment before: nothing, half, or as many zeros (ext4 with
 * delayed allocation, xfs).
 */
import { readdirSync } from "node:fs";
import { join } from "node:path";

export const harms: [string, (bytes: Buffer) => Buffer][] = [
  ["nothing", () => Buffer.alloc(0)],
  ["half", (b) => b.subarray(0, b.length >> 1)],
  ["zeros", (b) => Buffer.alloc(b.length)],
];

/** Files below a folder that fit. */
export function filesOf(folder: string, fits: RegExp): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((e) => e.isFile())
    .map((e) => join(e.parentPath, e.name))
    .filter((path) => fits.test(path));
}
