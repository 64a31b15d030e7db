/**
 * Alpine's signed files, format 2: gzip members one after the other, each a piece of a tar. First the signature
 * (of the bytes that follow), then for an index the index, for a package its control part and its data.
 */
import { createHash, createPublicKey, verify } from "node:crypto";
import { Readable } from "node:stream";
import { createGunzip, inflateRawSync } from "node:zlib";
import { Parser, type ReadEntry } from "tar";
import { PineError } from "../../errors.ts";
import { humanBytes } from "../../words.ts";

/** Public keys: name as in signatures -> PEM. */
export type Keys = Record<string, string>;

/** A file that is not what it should be: cut, changed, signed by nobody we know. `check` says which check failed. */
export class BadFile extends PineError {
  override name = "BadFile";
  constructor(
    readonly file: string,
    readonly check: "format" | "size" | "key" | "signature" | "checksum" | "data",
    readonly reason: string,
    hint?: string,
  ) {
    super(`${file}: ${reason}`, { hint });
  }
}

/**
 * Bytes that parts may unpack to: what nobody has signed yet is kept small. A signature of RSA-4096 is a tar of some 2
 * kB, a control part holds a few scripts, an index some hundred bytes a package: each limit is far above.
 */
export const LIMITS = { signature: 64 << 10, control: 16 << 20, index: 512 << 20 };

/** Splits off the gzip member at `at`: its content, and where the next one starts. */
export function gzipMember(
  bytes: Uint8Array,
  at: number,
  file: string,
  limit: number,
): { content: Buffer; end: number } {
  const bad = (what: string) => new BadFile(file, "format", what);
  if (Buffer.from(bytes.subarray(at, at + 3)).toString("latin1") === "ADB")
    throw bad("is in apk's newer format (ADB), which Pine does not read yet");
  if (bytes[at] !== 0x1f || bytes[at + 1] !== 0x8b) throw bad(`is not an apk file (no gzip member at byte ${at})`);
  const flags = bytes[at + 3] ?? 0;
  let start = at + 10;
  if (flags & 4) start += 2 + (bytes[start] ?? 0) + 256 * (bytes[start + 1] ?? 0);
  for (const text of [8, 16]) if (flags & text) start = bytes.indexOf(0, start) + 1;
  if (flags & 2) start += 2;
  try {
    // `info` makes zlib say how much it read
    const { buffer, engine } = inflateRawSync(bytes.subarray(start), {
      info: true,
      maxOutputLength: limit,
    } as object) as unknown as {
      buffer: Buffer;
      engine: { bytesWritten: number };
    };
    return { content: buffer, end: start + engine.bytesWritten + 8 };
  } catch (e) {
    if ((e as NodeJS.ErrnoException).code === "ERR_BUFFER_TOO_LARGE")
      throw new BadFile(
        file,
        "size",
        `unpacks to more than ${humanBytes(limit)}`,
        "no package or index of Alpine is so large: use another mirror",
      );
    throw new BadFile(file, "format", `is cut or damaged (${(e as Error).message})`);
  }
}

/** The wanted files of a tar (in memory, uncompressed). */
export function readTar(tar: Uint8Array, wanted: (path: string) => boolean): Promise<Map<string, Buffer>> {
  return new Promise((resolve, reject) => {
    const out = new Map<string, Buffer>();
    const parser = new Parser({
      strict: true,
      onReadEntry(entry: ReadEntry) {
        if (!wanted(entry.path)) return void entry.resume();
        entry.concat().then((data) => out.set(entry.path, Buffer.from(data)), reject);
      },
    });
    parser.on("end", () => setImmediate(() => resolve(out)));
    parser.on("error", reject);
    parser.end(Buffer.from(tar.buffer, tar.byteOffset, tar.byteLength));
  });
}

const digests: Record<string, string> = { RSA: "sha1", RSA256: "sha256", RSA512: "sha512" };

/** Checks the signature, and answers where the signed bytes start. `signedEnd(start)` is where they end. */
async function checkSignature(
  bytes: Uint8Array,
  file: string,
  keys: Keys,
  signedEnd: (start: number) => number,
): Promise<number> {
  const first = gzipMember(bytes, 0, file, LIMITS.signature);
  const signatures = await readTar(first.content, (p) => p.startsWith(".SIGN.")).catch(() => new Map<string, Buffer>());
  if (signatures.size === 0) throw new BadFile(file, "signature", "is not signed");
  const unknown: string[] = [];
  for (const [path, signature] of signatures) {
    const [, kind = "", key = ""] = /^\.SIGN\.([A-Z0-9]+)\.(.*)$/.exec(path) ?? [];
    const pem = Object.hasOwn(keys, key) ? keys[key] : undefined;
    const digest = digests[kind];
    if (!digest || !pem) {
      unknown.push(digest ? key : `${key} (${kind})`);
      continue;
    }
    const signed = bytes.subarray(first.end, signedEnd(first.end));
    if (verify(digest, signed, createPublicKey(pem), signature)) return first.end;
    throw new BadFile(
      file,
      "signature",
      `the signature by key ${key} does not match its content`,
      "the file was changed or did not arrive whole: try again, or use another mirror",
    );
  }
  throw new BadFile(
    file,
    "key",
    `it is signed with key ${unknown.join(", ")}, which is not among the trusted ones (${Object.keys(keys).join(", ") || "none"})`,
    "add that key (pine:repositoryKeys or the Rootfs' keys) if you trust it, or use another mirror",
  );
}

/** The text of a signed index. */
export async function readIndex(bytes: Uint8Array, file: string, keys: Keys): Promise<string> {
  const start = await checkSignature(bytes, file, keys, () => bytes.length);
  const entries = await readTar(gzipMember(bytes, start, file, LIMITS.index).content, (p) => p === "APKINDEX");
  const index = entries.get("APKINDEX");
  if (!index) throw new BadFile(file, "format", "holds no APKINDEX");
  return index.toString("utf8");
}

/** What a package's control part says: keys of .PKGINFO, each with all its values. */
export type PackageInfo = Map<string, string[]>;

/**
 * Checks a package: signature, that its control part is the one the index lists (`checksum`: Q1 and base64 of a
 * SHA-1), and that the data fits the control part.
 */
export async function checkPackage(
  bytes: Uint8Array,
  file: string,
  keys: Keys,
  checksum?: string,
): Promise<{ info: PackageInfo; checksum: string }> {
  let control: ReturnType<typeof gzipMember> | undefined;
  const start = await checkSignature(bytes, file, keys, (at) => {
    control = gzipMember(bytes, at, file, LIMITS.control);
    return control.end;
  });
  const { content, end } = control!;
  const found = `Q1${createHash("sha1").update(bytes.subarray(start, end)).digest("base64")}`;
  if (checksum && found !== checksum)
    throw new BadFile(
      file,
      "checksum",
      `its checksum is ${found}, the index says ${checksum}`,
      "the mirror is being updated: try again",
    );
  const info: PackageInfo = new Map();
  for (const line of (await readTar(content, (p) => p === ".PKGINFO")).get(".PKGINFO")?.toString("utf8").split("\n") ??
    []) {
    const [, key, value] = /^([a-z_]+) = (.*)$/.exec(line) ?? [];
    if (key && value !== undefined) info.set(key, [...(info.get(key) ?? []), value]);
  }
  const datahash = info.get("datahash")?.[0];
  if (!datahash) throw new BadFile(file, "format", "names no datahash");
  if (createHash("sha256").update(bytes.subarray(end)).digest("hex") !== datahash)
    throw new BadFile(
      file,
      "data",
      "the data does not match the datahash of its control part",
      "it was changed or did not arrive whole: try again",
    );
  return { info, checksum: found };
}

/**
 * Bytes that a package's data may unpack to: twice what its control part names, for a tar's headers and padding, plus
 * 64 MiB. It grows with the named size, since a fixed limit is too small one day (chainguard-dev/apko#2063,
 * rust-lang/cargo#11337).
 */
export const dataLimit = (named: number): number => 2 * named + (64 << 20);

/** Dies when data unpacks to more than its signed control part allows, before apk fills the disk with it. */
export async function checkDataSize(bytes: Uint8Array, info: PackageInfo, file: string): Promise<void> {
  const control = gzipMember(bytes, 0, file, LIMITS.signature).end;
  const data = bytes.subarray(gzipMember(bytes, control, file, LIMITS.control).end);
  if (data.length === 0) return;
  const named = Number(info.get("size")?.[0] ?? 0);
  const most = dataLimit(named);
  let sum = 0;
  for await (const piece of Readable.from([data]).pipe(createGunzip({ chunkSize: 1 << 20 }))) {
    sum += (piece as Buffer).length;
    if (sum > most)
      throw new BadFile(
        file,
        "size",
        `its data unpacks to more than ${humanBytes(most)}, and its control part names ${humanBytes(named)}`,
        "no package of Alpine does that: use another mirror, or ask who signed it",
      );
  }
}

/** Q1 and base64 -> hex, for file names. */
export function checksumHex(checksum: string): string {
  return Buffer.from(checksum.slice(2), "base64").toString("hex");
}
