/** Parses what scripts print, one value per line. Pure. */

/** Turns `key=value` lines into a map; later ones win, other lines are left out. */
export function keyValues(lines: string | readonly string[]): Map<string, string> {
  const found = new Map<string, string>();
  for (const line of typeof lines === "string" ? lines.split("\n") : lines) {
    const at = line.indexOf("=");
    if (at > 0) found.set(line.slice(0, at), line.slice(at + 1));
  }
  return found;
}

/** The same as an object. */
export const assignments = (lines: readonly string[]): Record<string, string> => Object.fromEntries(keyValues(lines));
