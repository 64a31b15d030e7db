/** A repository's index, and the order of versions. */

/** A package as an index lists it. */
export interface IndexEntry {
  name: string;
  version: string;
  arch: string;
  /** "Q1" and base64: SHA-1 of the package's control part. */
  checksum: string;
  /** Of the file, in bytes. */
  size: number;
  /** Unpacked, in bytes. */
  installedSize: number;
  /** When it was built: seconds since 1970. */
  built: number;
  depends: string[];
  provides: string[];
}

const words = (text = "") => text.split(" ").filter(Boolean);

/** Reads one block of an index: lines of a letter, a colon and a value. */
function entry(block: string): IndexEntry | undefined {
  const f: Record<string, string> = {};
  for (const line of block.split("\n")) if (line[1] === ":") f[line[0]!] ??= line.slice(2);
  if (!f.P || !f.V || !f.C?.startsWith("Q1")) return undefined;
  return {
    name: f.P,
    version: f.V,
    arch: f.A ?? "noarch",
    checksum: f.C,
    size: Number(f.S ?? 0),
    installedSize: Number(f.I ?? 0),
    built: Number(f.t ?? 0),
    depends: words(f.D),
    provides: words(f.p),
  };
}

/** The blocks of an index, by package name; a name may have several versions. */
export function indexBlocks(text: string): Map<string, string[]> {
  const out = new Map<string, string[]>();
  for (const block of text.split("\n\n")) {
    const name = /^P:(.*)$/m.exec(block)?.[1];
    if (name) out.set(name, [...(out.get(name) ?? []), block.trim()]);
  }
  return out;
}

/** All entries of an index. */
export function parseIndex(text: string): IndexEntry[] {
  return text.split("\n\n").flatMap((block) => entry(block) ?? []);
}

/** The name in a dependency or something provided: `so:libz.so.1=1.3` -> `so:libz.so.1`, `!foo` -> "". */
export function dependencyName(dependency: string): string {
  return /^([^!<>=~@][^<>=~@]*)/.exec(dependency)?.[1] ?? "";
}

/** `!curl@edge>=8` -> `curl`: as in /etc/apk/world, where a package can also be kept out. */
export const packageName = (constraint: string) => dependencyName(constraint.replace(/^!/, ""));

const suffixes = ["alpha", "beta", "pre", "rc", "", "cvs", "svn", "git", "hg", "p"];

/** Compares versions as apk does: digits, a letter, suffixes (_alpha … _p), ~hash, -r. Negative: `a` is older. */
export function compareVersions(a: string, b: string): number {
  const parse = (v: string) => {
    const [, digits = "", letter = "", rest = "", , revision = "0"] =
      /^([0-9.]*)([a-z]?)((?:_[a-z]+[0-9]*)*)(~[0-9a-f]+)?(?:-r(\d+))?/.exec(v) ?? [];
    const tail = rest
      .split("_")
      .slice(1)
      .map((s) => {
        const [, name = "", n = "0"] = /^([a-z]+)(\d*)$/.exec(s) ?? [];
        return [suffixes.indexOf(name), Number(n || 0)] as const;
      });
    return { digits: digits.split(".").map(Number), letter, tail, revision: Number(revision) };
  };
  const [x, y] = [parse(a), parse(b)];
  for (let n = 0; n < Math.max(x.digits.length, y.digits.length); n++) {
    const d = (x.digits[n] ?? -1) - (y.digits[n] ?? -1);
    if (d !== 0) return d;
  }
  if (x.letter !== y.letter) return x.letter < y.letter ? -1 : 1;
  for (let n = 0; n < Math.max(x.tail.length, y.tail.length); n++) {
    const none = [suffixes.indexOf(""), 0] as const;
    const [p, q] = [x.tail[n] ?? none, y.tail[n] ?? none];
    if (p[0] !== q[0]) return p[0] - q[0];
    if (p[1] !== q[1]) return p[1] - q[1];
  }
  return x.revision - y.revision;
}

/** The names of an index that look like a wrong one: an edit or two away, or that contain it. Best first, 3 at most. */
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

/** Levenshtein distance with swaps of neighbours, given up above 4. */
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
