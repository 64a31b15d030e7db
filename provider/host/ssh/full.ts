/** Turns a full disk on a server into one error. Pure. */
import { PineError } from "../../errors.ts";
import { RunError } from "../../local/run.ts";

/** What programs and our own scripts say when a disk is full. */
const FULL = /No space left on device|Disk quota exceeded|is too full|min-free-space/;

/** The error to show when a script on a server failed for lack of room; else undefined. */
export function fullDisk(error: unknown, target: string): PineError | undefined {
  if (!(error instanceof RunError) || !FULL.test(error.stderr)) return undefined;
  const lines = error.stderr.trim().split("\n");
  // our scripts say how much is missing or free; a program's own line says which file it was
  const ours = lines.filter((line) => line.startsWith("pine: ")).map((line) => line.slice("pine: ".length));
  const why = ours.pop() ?? lines.find((line) => FULL.test(line))!;
  return new PineError(`${target} has no room for the new system: ${why}`, {
    hint: "free some space there, for example with apt-get clean, or take a larger disk, then run `up` again",
    cause: error,
  });
}
