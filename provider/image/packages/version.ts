/** Versions in apk's order. Pure. */

/** What may follow a version's digits and letter: before a release, then after it. */
export const SUFFIXES = { alpha: -4, beta: -3, pre: -2, rc: -1, cvs: 1, svn: 2, git: 3, hg: 4, p: 5 };

/**
 * Parts of a version, in the order in which one may follow the other; a version that goes on with an earlier kind is
 * the newer one.
 */
const KINDS = ["first", "digits", "letter", "suffix", "number", "hash", "revision", "end"] as const;
type Part = [kind: (typeof KINDS)[number], text: string];

function partsOf(version: string): Part[] {
  const [, digits = "", letter = "", rest = "", hash, revision] =
    /^(\d+(?:\.\d+)*)([a-z]?)((?:_[a-z]+\d*)*)(?:~([0-9a-f]+))?(?:-r(\d+))?/.exec(version) ?? [];
  const out: Part[] = digits.split(".").map((d, n) => [n === 0 ? "first" : "digits", d]);
  if (letter) out.push(["letter", letter]);
  for (const [, name = "", number = ""] of rest.matchAll(/_([a-z]+)(\d*)/g)) {
    out.push(["suffix", name]);
    if (number) out.push(["number", number]);
  }
  if (hash) out.push(["hash", hash]);
  if (revision) out.push(["revision", revision]);
  return [...out, ["end", ""]];
}

const suffix = (name: string) => SUFFIXES[name as keyof typeof SUFFIXES] ?? 0;
const byText = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);

function comparePart([kind, a]: Part, [, b]: Part): number {
  // behind a point what begins with 0 is read as decimals
  if (kind === "letter" || kind === "hash" || (kind === "digits" && (a[0] === "0" || b[0] === "0")))
    return byText(a, b);
  return kind === "suffix" ? suffix(a) - suffix(b) : Number(a) - Number(b);
}

/**
 * Compares versions as apk 3 does (`apk version -t`, test/unit/fixtures/apk/versions.json): digits, a letter, suffixes
 * (_alpha … _p), ~hash, -r. Negative: `a` is older. For choosing apk itself; apk decides about all other packages.
 */
export function compareVersions(a: string, b: string): number {
  const [x, y] = [partsOf(a), partsOf(b)];
  for (let n = 0; ; n++) {
    const [p, q] = [x[n]!, y[n]!];
    if (p[0] !== q[0]) {
      // a suffix that comes before a release
      if (p[0] === "suffix" && suffix(p[1]) < 0) return -1;
      if (q[0] === "suffix" && suffix(q[1]) < 0) return 1;
      return KINDS.indexOf(q[0]) - KINDS.indexOf(p[0]);
    }
    const order = comparePart(p, q);
    if (order !== 0 || p[0] === "end") return order;
  }
}
