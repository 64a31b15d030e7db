/**
 * The tar dialect of Alpine's packages, read and written by ourselves: members without an end mark, PAX records of
 * apk's own.
 */

export interface TarEntry {
  /** Relative path without a leading "./" or a trailing "/". */
  path: string;
  type: "file" | "directory" | "symlink" | "hardlink";
  /** Permission bits with setuid, setgid and sticky. */
  mode: number;
  uid: number;
  gid: number;
  /** Seconds since 1970. */
  mtime: number;
  /** Target of a link, "" otherwise. */
  target: string;
  data: Uint8Array;
  /**
   * PAX records other than path and linkpath, such as APK-TOOLS.checksum.SHA1; extended attributes have one character a
   * byte.
   */
  pax: Record<string, string>;
}

/** What the PAX records of extended attributes begin with: their values are bytes, not text. */
export const XATTR = "SCHILY.xattr.";
const encodingOf = (key: string) => (key.startsWith(XATTR) ? "latin1" : "utf8");

/** Two zero blocks: what ends a whole archive. Signature and control members of a package must not have it. */
export const END_OF_ARCHIVE = Buffer.alloc(1024);

const TYPES = { file: "0", hardlink: "1", symlink: "2", directory: "5" } as const;
const EMPTY = new Uint8Array();

/** A tar entry with its data, padded to whole blocks, preceded by a PAX header where one is needed. */
export function encodeTarEntry(entry: Partial<TarEntry> & { path: string }): Buffer {
  const e: TarEntry = {
    type: "file",
    mode: 0o644,
    uid: 0,
    gid: 0,
    mtime: 0,
    target: "",
    data: EMPTY,
    pax: {},
    ...entry,
  };
  const records = { ...e.pax };
  if (Buffer.byteLength(e.path) > 100) records.path = e.path;
  if (Buffer.byteLength(e.target) > 100) records.linkpath = e.target;
  const body = Buffer.concat(Object.entries(records).map(paxRecord));
  const parts: Uint8Array[] = [];
  if (body.length)
    parts.push(
      header({ ...e, path: `PaxHeaders/${e.path.split("/").pop()}`, mode: 0o644, target: "" }, "x", body.length),
      padded(body),
    );
  parts.push(header(e, TYPES[e.type], e.data.length), padded(e.data));
  return Buffer.concat(parts);
}

/** "<length> <key>=<value>\n", where the length counts its own digits. */
function paxRecord([key, value]: [string, string]): Buffer {
  const text = Buffer.from(` ${key}=${value}\n`, encodingOf(key));
  const rest = text.length;
  let length = rest + String(rest).length;
  if (String(length).length !== String(rest).length) length = rest + String(length).length;
  return Buffer.concat([Buffer.from(String(length)), text]);
}

function padded(data: Uint8Array): Uint8Array {
  return data.length % 512 ? Buffer.concat([data, Buffer.alloc(512 - (data.length % 512))]) : data;
}

function header(e: TarEntry, type: string, size: number): Buffer {
  const b = Buffer.alloc(512);
  const octal = (value: number, at: number, length: number) =>
    b.write(value.toString(8).padStart(length - 1, "0"), at, length - 1, "ascii");
  b.set(Buffer.from(e.path).subarray(0, 100), 0);
  octal(e.mode & 0o7777, 100, 8);
  octal(e.uid, 108, 8);
  octal(e.gid, 116, 8);
  octal(size, 124, 12);
  octal(e.mtime, 136, 12);
  b.write(" ".repeat(8), 148);
  b.write(type, 156);
  b.set(Buffer.from(e.target).subarray(0, 100), 157);
  b.write("ustar\x0000", 257, "latin1");
  b.write(e.uid === 0 ? "root" : "", 265);
  b.write(e.gid === 0 ? "root" : "", 297);
  let sum = 0;
  for (const byte of b) sum += byte;
  b.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  return b;
}

/**
 * Reads every entry of a tar, GNU or PAX; end marks between concatenated tars are passed over. Data are views, not
 * copies.
 */
export function decodeTar(tar: Uint8Array): TarEntry[] {
  const b = Buffer.from(tar.buffer, tar.byteOffset, tar.byteLength);
  const text = (at: number, length: number) => {
    const raw = b.subarray(at, at + length);
    const end = raw.indexOf(0);
    return raw.subarray(0, end < 0 ? length : end).toString("utf8");
  };
  const entries: TarEntry[] = [];
  let pax: Record<string, string> = {};
  for (let at = 0; at + 512 <= b.length; ) {
    const head = at;
    if (b[head] === 0) {
      at += 512;
      continue;
    }
    const number = (offset: number, length: number) => Number.parseInt(text(head + offset, length).trim() || "0", 8);
    const type = String.fromCharCode(b[head + 156]!);
    const size = number(124, 12);
    const data = b.subarray(head + 512, head + 512 + size);
    if (data.length !== size) throw new Error(`tar: ${text(head, 100)} is cut off`);
    at = head + 512 + Math.ceil(size / 512) * 512;
    if (type === "x") pax = { ...pax, ...paxRecords(data) };
    else if (type === "L") pax.path = data.toString("utf8").replace(/\0.*$/s, "");
    else if (type === "K") pax.linkpath = data.toString("utf8").replace(/\0.*$/s, "");
    else if (type !== "g") {
      const { path, linkpath, ...rest } = pax;
      const prefix = text(head + 257, 6) === "ustar" ? text(head + 345, 155) : "";
      entries.push({
        path: (path ?? (prefix ? `${prefix}/` : "") + text(head, 100))
          .replace(/^(\.?\/)+|\/+$/g, "")
          .replace(/^\.$/, ""),
        type: typeOf(type),
        mode: number(100, 8) & 0o7777,
        uid: number(108, 8),
        gid: number(116, 8),
        mtime: number(136, 12),
        target: linkpath ?? text(head + 157, 100),
        data,
        pax: rest,
      });
      pax = {};
    }
  }
  return entries;
}

function typeOf(flag: string): TarEntry["type"] {
  if (flag === "0" || flag === "\0") return "file";
  for (const [type, f] of Object.entries(TYPES)) if (f === flag) return type as TarEntry["type"];
  throw new Error(`tar: entry type ${JSON.stringify(flag)} is not known`);
}

function paxRecords(body: Buffer): Record<string, string> {
  const out: Record<string, string> = {};
  for (let at = 0; at < body.length; ) {
    const space = body.indexOf(0x20, at);
    const length = Number(body.subarray(at, space).toString());
    if (space < 0 || !(length > 0)) throw new Error("tar: damaged PAX header");
    const record = body.subarray(space + 1, at + length - 1);
    const equals = record.indexOf("=");
    const key = record.subarray(0, equals).toString("utf8");
    out[key] = record.subarray(equals + 1).toString(encodingOf(key));
    at += length;
  }
  return out;
}
