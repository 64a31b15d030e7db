/** Entries of a tar archive, packed as people pack them. */
import type { Stats } from "node:fs";
import { readFile } from "node:fs/promises";
import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import { Header, Parser, type ReadEntry } from "tar";
import { messageOf } from "../../errors.ts";
import {
  ArchiveFault,
  type Budget,
  checkExtended,
  MAX_BYTES,
  MAX_ENTRIES,
  type RawEntry,
  shown,
  tooLarge,
} from "./entries.ts";
import { DEVICE, fromDisk, ONLY, TAKEN } from "./rules.ts";

/**
 * Maximum bytes of a tar within the limits. Each entry has a header, two more blocks for a long name, and what fills
 * its last block.
 */
const MAX_TAR = MAX_BYTES + MAX_ENTRIES * 2048;
const OTHERS = { "504b": "zip", fd37: "xz", "28b5": "zstd", "425a": "bzip2", "377a": "7z", "1f8b": "gzip in gzip" };

/** A tar's bytes, without its compression. */
export async function unpacked(from: string, { size }: Stats): Promise<Buffer> {
  if (size > MAX_TAR) throw tooLarge();
  const bytes = await fromDisk(from, readFile(from));
  const packed = bytes[0] === 0x1f && bytes[1] === 0x8b;
  const tar = packed
    ? await promisify(gunzip)(bytes, { maxOutputLength: MAX_TAR }).catch((e: NodeJS.ErrnoException) => {
        if (e.code === "ERR_BUFFER_TOO_LARGE") throw tooLarge();
        throw new ArchiveFault("damaged", `${from} is cut or damaged (${messageOf(e)})`, "make it again", e);
      })
    : bytes;
  const header = tar.length >= 512 ? new Header(tar, 0) : undefined;
  if (header?.cksumValid || header?.nullBlock) return tar;
  const start = tar.subarray(0, 2).toString("hex");
  const kind = OTHERS[start as keyof typeof OTHERS];
  throw new ArchiveFault("format", `${from} is ${kind ? `packed as ${kind}` : "not a tar"}`, `${TAKEN}: unpack it`);
}

const FILES = ["File", "OldFile", "ContiguousFile"];
const REFUSED: Record<string, readonly [code: string, what: string]> = {
  CharacterDevice: DEVICE,
  BlockDevice: DEVICE,
  FIFO: ["fifo", "FIFO"],
};

/**
 * The entries of a tar. The parser gets it in one piece, so that contents are views and not copies, and no name is cut
 * within a character.
 */
export function readTar(tar: Buffer, from: string, budget: Budget): Promise<RawEntry[]> {
  // the parser does not accept a tar without entries
  if (tar.every((b) => b === 0)) return Promise.resolve([]);
  return new Promise((resolve, reject) => {
    const out: RawEntry[] = [];
    let ended = false;
    const or =
      <T>(work: (x: T) => void) =>
      (x: T) => {
        try {
          work(x);
        } catch (e) {
          reject(e);
        }
      };
    const refuse = ({ path, type }: ReadEntry) => {
      const [code, what] = REFUSED[type] ?? ["type", `of a kind that is not accepted (${type})`];
      throw new ArchiveFault(code, `entry ${shown(path)} is ${REFUSED[type] ? `a ${what}` : what}`, ONLY);
    };
    const parser = new Parser({
      strict: true,
      onReadEntry: or((entry: ReadEntry) => {
        const { path, type, linkpath: target } = entry;
        budget.take(entry.size);
        if (type === "Directory") out.push({ path, type: "folder", mode: entry.mode ?? 0o755 });
        else if (type === "SymbolicLink") out.push({ path, type: "link", mode: 0o777, target });
        else if (type === "Link") out.push({ path, type: "hardlink", mode: 0, target });
        else if (FILES.includes(type)) {
          const chunks: Buffer[] = [];
          const made: RawEntry = { path, type: "file", mode: entry.mode ?? 0o644, content: new Uint8Array() };
          entry.on("end", () => {
            made.content = chunks.length === 1 ? chunks[0] : Buffer.concat(chunks);
          });
          entry.on("data", (c: Buffer) => chunks.push(c));
          out.push(made);
        } else refuse(entry);
        entry.resume();
      }),
    });
    parser.on("ignoredEntry", or(refuse));
    parser.on("meta", or(checkExtended));
    parser.on("nullBlock", () => {
      ended = true;
    });
    const damaged = (why: string, cause?: Error) =>
      reject(new ArchiveFault("damaged", `${from} is cut or damaged (${why})`, "make it again", cause));
    parser.on("error", (e: Error) => {
      if (!/path is required/.test(e.message)) return damaged(e.message, e);
      reject(new ArchiveFault("empty", `an entry after ${shown(out.at(-1)?.path ?? "")} has an empty name`));
    });
    parser.on("end", () => (ended ? resolve(out) : damaged("its end is missing")));
    parser.end(tar);
  });
}
