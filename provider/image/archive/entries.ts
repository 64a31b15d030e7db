/** What an archive may hold, and its one normal form. Pure: read.ts reads the entries. */
import { PineError } from "../../errors.ts";

/** One thing in an archive. */
export interface ArchiveEntry {
  /** Normalised path below the folder that the archive fills: `etc/app.conf`. */
  path: string;
  type: "file" | "folder" | "link";
  /**
   * Permission bits (0o7777) as the archive has them, with setuid and setgid: the person chose them. A link has 0o777.
   */
  mode: number;
  /** A file's content. */
  content?: Uint8Array;
  /** A link's target, as written. An absolute one is a path in the image. */
  target?: string;
}

/** As a tar has it: a hard link is a name for another entry, `target`. */
export interface RawEntry extends Omit<ArchiveEntry, "type"> {
  type: ArchiveEntry["type"] | "hardlink";
}

/** An archive that is refused. `code`: `archive-parent`. */
export class ArchiveError extends PineError {
  override name = "ArchiveError";
  constructor(
    readonly code: string,
    message: string,
    options: { hint?: string; cause?: unknown } = {},
  ) {
    super(message, options);
  }
}

/** What is wrong with an archive. `message` says which entry, not which property. */
export class ArchiveFault extends Error {
  /** `code`: the last part, `parent` of `archive-parent`. */
  constructor(
    readonly code: string,
    message: string,
    readonly hint?: string,
    cause?: unknown,
  ) {
    super(message, { cause });
  }
}

/** Entries: a tree of sources with its dependencies has some 50,000, and each costs a line and a file of the build. */
export const MAX_ENTRIES = 100_000;
/** Bytes of all contents: they are in memory while an image is made. */
export const MAX_BYTES = 2 ** 30;
/** Limits of Linux: bytes of a name (NAME_MAX) and of a path (PATH_MAX, 4096 with its end). */
const NAME_MAX = 255;
const PATH_MAX = 4095;
/** How many links Linux follows on one path (MAXSYMLINKS): what needs more leads nowhere. */
const MAX_HOPS = 40;
/** Mode of folders that exist only because something lies in them. */
const FOLDER_MODE = 0o755;

/** An entry's name for a message: escaped and short. */
export const shown = (path: string) => JSON.stringify(path.length > 80 ? `${path.slice(0, 60)}…` : path);

const bad = (code: string, path: string, reason: string, hint?: string) =>
  new ArchiveFault(code, `entry ${shown(path)} ${reason}`, hint);

// biome-ignore lint/suspicious/noControlCharactersInRegex: they must not be in a name
const CONTROL = /[\u0000-\u001f\u007f]/;

/** Counts what has been read, and stops before too much fills the memory. */
export class Budget {
  private entries = 0;
  private bytes = 0;
  /** `bytes`: of the content. */
  take(bytes: number, entries = 1): void {
    this.entries += entries;
    this.bytes += bytes;
    if (this.entries > MAX_ENTRIES)
      throw new ArchiveFault("entries", `it has more than ${MAX_ENTRIES} entries`, "make a package of it");
    if (this.bytes > MAX_BYTES) throw tooLarge();
  }
}

export const tooLarge = () =>
  new ArchiveFault("size", `its contents have more than ${MAX_BYTES / 2 ** 30} GiB`, "make a package of it");

/** A name as archives have it ("./a/", "a/./b") -> "a/b"; "" for the archive's own folder. */
export function normalName(path: string): string {
  if (path === "") throw bad("empty", path, "has an empty name");
  if (path.startsWith("/")) throw bad("absolute", path, "has an absolute path", "pack it relative to its folder");
  if (CONTROL.test(path)) throw bad("control", path, "has control characters in its name");
  // what a decoder puts in place of bytes that are not UTF-8
  if (path.includes("\ufffd")) throw bad("encoding", path, "has a name that is not UTF-8");
  const parts = path.replace(/\/$/, "").split("/");
  if (parts.includes("")) throw bad("empty", path, "has an empty part in its name");
  if (parts.includes("..")) throw bad("dots", path, "has a .. in its path");
  const long = parts.find((p) => Buffer.byteLength(p) > NAME_MAX);
  if (long) throw bad("name-long", path, `has a name of more than ${NAME_MAX} bytes`);
  return parts.filter((p) => p !== ".").join("/");
}

/**
 * Looks at an extended header (pax: `27 path=etc/app.conf\n`) for what the parser would misread in silence. For a name
 * with a line end it takes the short name; for a file with holes it takes the map as content.
 */
export function checkExtended(text: string): void {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; ) {
    const [start, length, key = ""] = /^(\d+) ([^=\n]+)=/.exec(bytes.toString("utf8", at)) ?? [];
    if (!start || Number(length) <= start.length) return;
    const value = bytes.toString("utf8", at + Buffer.byteLength(start), at + Number(length) - 1);
    if (key.startsWith("GNU.sparse."))
      throw new ArchiveFault("sparse", "it has files with holes", "pack it without --sparse");
    if (/^(link)?path$/.test(key) && CONTROL.test(value))
      throw bad("control", value, "has control characters in its name");
    at += Number(length);
  }
}

/** `name` below a folder of the archive; "" is the archive's own. */
export const below = (folder: string, name: string) => [folder, name].filter(Boolean).join("/");

/** Hard links become what they are links to. Only within one tar. */
export function withoutHardLinks(raw: RawEntry[]): ArchiveEntry[] {
  const named = new Map(raw.map((e) => [normalName(e.path), e]));
  return raw.map((entry) => {
    let found: RawEntry | undefined = entry;
    for (let hops = 0; found?.type === "hardlink"; hops++) {
      const target: string = found.target ?? "";
      const inside = hops < MAX_HOPS && !/^\/|^$|(^|\/)\.\.(\/|$)/.test(target);
      found = inside ? named.get(normalName(target)) : undefined;
      if (!found || found.type === "folder")
        throw bad("hardlink", entry.path, `is a hard link to ${shown(target)}, which is not a file of the archive`);
    }
    return { ...(found as ArchiveEntry), path: entry.path };
  });
}

/**
 * The entries in normal form, sorted by path, with every folder that something lies in (mode 0755 where the archive has
 * no entry of it). Equal entries of one path become one. `list`: paths normalised. A folder "" is left out: the archive
 * does not decide its owner and mode. Throws {@link ArchiveFault}.
 */
export function assemble(list: ArchiveEntry[]): ArchiveEntry[] {
  const all = new Map<string, ArchiveEntry>();
  for (const e of list) {
    if (e.path === "" && e.type === "folder") continue;
    if (e.path === "") throw bad("empty", ".", "is not a folder");
    if (Buffer.byteLength(e.path) > PATH_MAX) throw bad("path-long", e.path, `has more than ${PATH_MAX} bytes`);
    const other = all.get(e.path);
    if (other && !same(other, e)) throw bad("twice", e.path, "is there twice, with different content");
    all.set(e.path, e);
  }
  for (const path of [...all.keys()]) {
    for (let up = parentOf(path); up !== ""; up = parentOf(up)) {
      const parent = all.get(up);
      if (parent?.type === "file") throw bad("parent", path, `lies below ${shown(up)}, which is a file`);
      if (parent?.type === "link") throw bad("below-link", path, `lies below ${shown(up)}, which is a link`);
      if (parent) break;
      all.set(up, { path: up, type: "folder", mode: FOLDER_MODE });
    }
  }
  const budget = new Budget();
  for (const e of all.values()) {
    budget.take(e.content?.length ?? 0);
    if (e.type === "link") checkLink(e, all);
  }
  return [...all.values()].sort((a, b) => (a.path < b.path ? -1 : 1));
}

const parentOf = (path: string) => path.slice(0, Math.max(0, path.lastIndexOf("/")));

const same = (a: ArchiveEntry, b: ArchiveEntry) =>
  a.type === b.type &&
  a.mode === b.mode &&
  a.target === b.target &&
  Buffer.compare(a.content ?? Buffer.alloc(0), b.content ?? Buffer.alloc(0)) === 0;

/**
 * Follows a link as Linux would, through the archive's other links: no relative one may climb above the archive's
 * folder.
 */
function checkLink({ path, target = "" }: ArchiveEntry, all: Map<string, ArchiveEntry>): void {
  if (target === "") throw bad("target-empty", path, "is a link to nothing");
  if (CONTROL.test(target)) throw bad("target-control", path, "is a link to a path with control characters");
  if (target.includes("\ufffd")) throw bad("target-encoding", path, "is a link to a path that is not UTF-8");
  if (Buffer.byteLength(target) > PATH_MAX) throw bad("target-long", path, `is a link to more than ${PATH_MAX} bytes`);
  if (target.startsWith("/")) return;
  const at = parentOf(path).split("/").filter(Boolean);
  const rest = target.split("/");
  for (let hops = 0; rest.length > 0; ) {
    const next = rest.shift()!;
    if (next === "" || next === ".") continue;
    if (next === "..") {
      if (at.pop() !== undefined) continue;
      const why = `is a link to ${shown(target)}, which leads out of the archive's folder`;
      throw bad("link-out", path, why, "an absolute target is a path in the image");
    }
    const met = all.get([...at, next].join("/"));
    if (met?.type !== "link") at.push(next);
    else if (met.target!.startsWith("/") || ++hops > MAX_HOPS) return;
    else rest.unshift(...met.target!.split("/"));
  }
}
