/** A repository's index, and the order of versions. */

/** A package as an index lists it. */
export interface IndexEntry {
  name: string;
  version: string;
  arch: string;
  /** "Q1" and base64: SHA-1 of the package's control part. */
  checksum: string;
  /** Size of the file, in bytes. */
  size: number;
  /** Size unpacked, in bytes. */
  installedSize: number;
  /** When it was built: seconds since 1970. */
  built: number;
  depends: string[];
  provides: string[];
}

const words = (text = "") => text.split(" ").filter(Boolean);

/** Lines that may come more than once: dependencies, what is provided. */
const LISTS = ["D", "p"];

/** Reads one block of an index: lines of a letter, a colon and a value. */
function entry(block: string): IndexEntry | undefined {
  const f: Record<string, string> = {};
  for (const line of block.split("\n")) {
    if (line[1] !== ":") continue;
    const [key, value] = [line[0]!, line.slice(2)];
    // apk joins lines of the same letter to one list
    f[key] = LISTS.includes(key) && f[key] !== undefined ? `${f[key]} ${value}` : (f[key] ?? value);
  }
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
