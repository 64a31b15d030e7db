/** What a person probably meant. Pure. */

/** The entry of `names` that `name` probably stands for. */
export function nearest(name: string, names: readonly string[]): string | undefined {
  let best: string | undefined;
  let least = Math.min(3, Math.ceil(name.length / 3) + 1);
  for (const candidate of names) {
    const d = distance(name.toLowerCase(), candidate.toLowerCase());
    if (d < least) [best, least] = [candidate, d];
  }
  return best;
}

/** Names that look like a wrong one: an edit or two away, or containing it. Best first, 3 at most. */
export function closeNames(name: string, names: Iterable<string>): string[] {
  const scored: [number, string][] = [];
  for (const n of names) {
    const d = distance(name, n);
    if (d <= Math.max(1, Math.floor(name.length / 4))) scored.push([d, n]);
    else if (name.length > 3 && n.startsWith(`${name}-`)) scored.push([3, n]);
    else if (name.length > 3 && n.includes(name)) scored.push([5, n]);
  }
  return scored
    .sort((a, b) => a[0] - b[0] || a[1].length - b[1].length || (a[1] < b[1] ? -1 : 1))
    .slice(0, 3)
    .map(([, n]) => n);
}

/** Levenshtein distance with swaps of neighbours (optimal string alignment); 5 if the lengths differ by more than 4. */
function distance(a: string, b: string): number {
  if (Math.abs(a.length - b.length) > 4) return 5;
  let before: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, n) => n);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1;
      let d = Math.min(row[j - 1]! + 1, last[j]! + 1, last[j - 1]! + same);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) d = Math.min(d, before[j - 2]! + 1);
      row.push(d);
    }
    before = last;
    last = row;
  }
  return last[b.length]!;
}
