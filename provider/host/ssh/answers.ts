/** What scripts print, a value a line. Pure. */

/** `key=value` lines of a file as an object. */
export function assignments(values: string[]): Record<string, string> {
  return Object.fromEntries(
    values.flatMap((l) => {
      const at = l.indexOf("=");
      return at > 0 ? [[l.slice(0, at), l.slice(at + 1)]] : [];
    }),
  );
}

/** Lines `key=value` to a map; later ones win. */
export function keyValues(text: string): Map<string, string> {
  const found = new Map<string, string>();
  for (const line of text.split("\n")) {
    const at = line.indexOf("=");
    if (at > 0) found.set(line.slice(0, at), line.slice(at + 1));
  }
  return found;
}
