/** How each command on a server ended, for who looks for a fault: never its script, its arguments or what it said. */
import type { Task } from "../../task.ts";

/** Begins to measure; the answer tells an end, with the seconds since. */
export function tellsEnd(task: Task, target: string, what = "a command"): (end: string) => void {
  const began = performance.now();
  return (end) => task.debug?.(`${target}: ${what}: ${end} after ${((performance.now() - began) / 1000).toFixed(1)} s`);
}
