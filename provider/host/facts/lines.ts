/** The lines of a facts script: `name=value`, where a name may repeat. Pure. */

/** The script's lines: key -> values, in their order. */
export type Lines = Map<string, string[]>;

/** `key=value` lines as a map; other lines (a login's greeting) and control characters are dropped. */
export function factLines(text: string): Lines {
  const lines: Lines = new Map();
  for (const line of text.split("\n")) {
    const m = /^([a-zA-Z0-9_.]+)=(.*)$/.exec(line.replaceAll(/\p{Cc}/gu, " ").trimEnd());
    if (!m) continue;
    const [key, value] = [m[1]!, m[2]!.trim()];
    if (value === "") continue;
    const values = lines.get(key);
    if (values) values.push(value);
    else lines.set(key, [value]);
  }
  return lines;
}
