/** Who comes when in a rollout. Pure. */

export interface Order {
  /** Names, or how many of the first ones. */
  canaries: number | readonly string[];
  /** Servers that may be down at one time, at least 1. */
  maxUnavailable: number;
}

/** By code units: the same on every machine, and whatever order the program's map has. */
export const byName = (names: Iterable<string>): string[] => [...names].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));

/** The canaries, in the order in which they are taken. */
export function canariesOf(names: readonly string[], canaries: Order["canaries"]): string[] {
  return typeof canaries === "object" ? byName(new Set(canaries)) : byName(names).slice(0, Number(canaries));
}

/**
 * The turns: all servers of one are changed together, and the next begins when they are done. Canaries come first;
 * no turn has more than `maxUnavailable` servers, and none is empty.
 */
export function turnsOf(names: readonly string[], { canaries, maxUnavailable }: Order): string[][] {
  const first = canariesOf(names, canaries);
  const rest = byName(names).filter((name) => !first.includes(name));
  return [...chunks(first, maxUnavailable), ...chunks(rest, maxUnavailable)];
}

export function chunks(names: string[], size: number): string[][] {
  const all: string[][] = [];
  for (let at = 0; at < names.length; at += size) all.push(names.slice(at, at + size));
  return all;
}
