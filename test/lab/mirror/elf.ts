/**
 * As much of ELF (64 bit, little endian) as it takes to find what a library needs and offers, and to write a library
 * that does nothing.
 */

export interface ElfInfo {
  needed: string[];
  soname?: string;
  /** Names of dynamic symbols that must come from elsewhere. */
  imports: Set<string>;
  /** Dynamic symbols it defines. */
  exports: ElfSymbol[];
}

export interface ElfSymbol {
  name: string;
  /** Symbol version, if it has any. */
  version?: string;
  /** Bytes of a variable; 0 for a function. */
  size: number;
}

const SHT_DYNAMIC = 6;
const SHT_DYNSYM = 11;
const SHT_VERDEF = 0x6ffffffd;
const SHT_VERSYM = 0x6fffffff;

/** What the dynamic part of a file says; undefined if it is no dynamic ELF file. */
export function readElf(bytes: Uint8Array): ElfInfo | undefined {
  const b = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (b.length < 64 || b.toString("latin1", 0, 6) !== "\x7fELF\x02\x01") return undefined;
  const u64 = (at: number) => Number(b.readBigUInt64LE(at));
  const sections = Array.from({ length: b.readUInt16LE(60) }, (_, i) => {
    const at = u64(40) + i * b.readUInt16LE(58);
    return { type: b.readUInt32LE(at + 4), at: u64(at + 24), size: u64(at + 32), link: b.readUInt32LE(at + 40) };
  });
  const dynamic = sections.find((s) => s.type === SHT_DYNAMIC);
  if (!dynamic) return undefined;
  const text = (table: number, offset: number) => {
    const from = sections[table]!.at + offset;
    return b.toString("latin1", from, b.indexOf(0, from));
  };
  const info: ElfInfo = { needed: [], imports: new Set(), exports: [] };
  for (let at = dynamic.at; at < dynamic.at + dynamic.size; at += 16) {
    const tag = u64(at);
    if (tag === 1) info.needed.push(text(dynamic.link, u64(at + 8)));
    if (tag === 14) info.soname = text(dynamic.link, u64(at + 8));
  }
  const versions = new Map<number, string>();
  const verdef = sections.find((s) => s.type === SHT_VERDEF);
  for (let at = verdef?.at; verdef && at !== undefined; ) {
    const base = (b.readUInt16LE(at + 2) & 1) === 1;
    if (!base) versions.set(b.readUInt16LE(at + 4), text(verdef.link, b.readUInt32LE(at + b.readUInt32LE(at + 12))));
    const next = b.readUInt32LE(at + 16);
    at = next ? at + next : undefined;
  }
  const symbols = sections.find((s) => s.type === SHT_DYNSYM);
  const versym = sections.find((s) => s.type === SHT_VERSYM);
  for (let i = 1; symbols && i < symbols.size / 24; i++) {
    const at = symbols.at + i * 24;
    const name = text(symbols.link, b.readUInt32LE(at));
    if (b.readUInt16LE(at + 6) === 0) info.imports.add(name);
    else {
      const version = versym && versions.get(b.readUInt16LE(versym.at + i * 2) & 0x7fff);
      const kind = b[at + 4]! & 15; // 1: variable, 2: function
      if (kind === 1 || kind === 2) info.exports.push({ name, version, size: kind === 1 ? u64(at + 16) : 0 });
    }
  }
  return info;
}

/** System V's hash of a symbol or version name. */
function elfHash(name: string): number {
  let h = 0;
  for (const c of Buffer.from(name, "latin1")) {
    h = ((h << 4) + c) >>> 0;
    const high = h & 0xf0000000;
    h = (h ^ (high >>> 24)) & ~high;
  }
  return h >>> 0;
}

/** Texts, each ended by a zero byte; where each begins. */
class Strings {
  private text = "\0";
  add(s: string): number {
    const at = this.text.length;
    this.text += `${s}\0`;
    return at;
  }
  bytes = () => Buffer.from(this.text, "latin1");
}

/** The versions that a library defines; the first is its own name. */
const versionTable = (soname: string, soAt: number, versions: string[], strings: Strings): Buffer =>
  Buffer.concat(
    [soname, ...versions].map((name, i) => {
      const d = Buffer.alloc(28);
      for (const [at, value] of [1, i === 0 ? 1 : 0, i + 1, 1].entries()) d.writeUInt16LE(value, at * 2);
      for (const [at, value] of [elfHash(name), 20, i < versions.length ? 28 : 0].entries())
        d.writeUInt32LE(value, 8 + at * 4);
      d.writeUInt32LE(i === 0 ? soAt : strings.add(name), 20);
      return d;
    }),
  );

/** One bucket: every symbol hangs in one chain. */
function hashTable(symbols: ElfSymbol[]): Buffer {
  const count = symbols.length + 1;
  const hash = Buffer.alloc((2 + 1 + count) * 4);
  for (const [i, value] of [1, count, symbols.length ? 1 : 0].entries()) hash.writeUInt32LE(value, i * 4);
  for (let i = 1; i < count; i++) hash.writeUInt32LE(i + 1 < count ? i + 1 : 0, (3 + i) * 4);
  return hash;
}

/** The symbols, still without their addresses, and the version of each. */
function symbolTables(symbols: ElfSymbol[], versions: string[], strings: Strings) {
  const count = symbols.length + 1;
  const symtab = Buffer.alloc(count * 24);
  const versym = Buffer.alloc(count * 2);
  for (const [i, f] of symbols.entries()) {
    const at = (i + 1) * 24;
    symtab.writeUInt32LE(strings.add(f.name), at);
    symtab[at + 4] = f.size ? 0x11 : 0x12; // global variable, global function
    symtab.writeUInt16LE(1, at + 6);
    symtab.writeBigUInt64LE(BigInt(f.size || 3), at + 16);
    versym.writeUInt16LE(f.version ? versions.indexOf(f.version) + 2 : 1, (i + 1) * 2);
  }
  return { symtab, versym };
}

/** Writes the header of a library for x86-64, with three segments. */
function writeHeader(out: Buffer): void {
  out.write("\x7fELF\x02\x01\x01", 0, "latin1");
  for (const [offset, value] of [
    [16, 3],
    [18, 62],
    [52, 64],
    [54, 56],
    [56, 3],
    [58, 64],
  ] as const)
    out.writeUInt16LE(value, offset);
  out.writeUInt32LE(1, 20);
  out.writeBigUInt64LE(64n, 32);
}

interface Segment {
  type: number;
  flags: number;
  from: number;
  size: number;
  align: number;
  /** Bytes in memory; default as in the file. */
  memory?: number;
}

function writeSegment(out: Buffer, i: number, { type, flags, from, size, align, memory = size }: Segment): void {
  const p = 64 + i * 56;
  out.writeUInt32LE(type, p);
  out.writeUInt32LE(flags, p + 4);
  for (const [k, value] of [from, from, from, size, memory, align].entries())
    out.writeBigUInt64LE(BigInt(value), p + 8 + k * 8);
}

/** What the loader is told: where the tables are. */
const dynamicTags = (
  soAt: number,
  at: Record<string, number>,
  strings: Buffer,
  versions: number,
): [number, number][] => [
  [14, soAt], // SONAME
  [4, at.hash!],
  [5, at.strings!],
  [6, at.symtab!],
  [10, strings.length],
  [11, 24],
  ...(versions
    ? ([
        [0x6ffffff0, at.versym!],
        [0x6ffffffc, at.verdef!],
        [0x6ffffffd, versions + 1],
      ] as [number, number][])
    : []),
  [0, 0],
];

/**
 * A shared library whose functions all return 0 and whose variables are 0: for what a program links but the lab's
 * systems never use.
 */
export function stubLibrary(soname: string, symbols: ElfSymbol[]): Buffer {
  const strings = new Strings();
  const versions = [...new Set(symbols.flatMap((f) => f.version ?? []))];
  const soAt = strings.add(soname);
  const verdef = versionTable(soname, soAt, versions, strings);
  const { symtab, versym } = symbolTables(symbols, versions, strings);
  const code = Buffer.from("31c0c300", "hex");
  const parts = { hash: hashTable(symbols), symtab, versym, verdef, strings: strings.bytes(), code };
  const at: Record<string, number> = {};
  let end = 64 + 3 * 56;
  for (const [name, part] of Object.entries(parts)) {
    at[name] = end = Math.ceil(end / 16) * 16;
    end += part.length;
  }
  const dynamicAt = Math.ceil(end / 4096) * 4096;
  const dynamic = dynamicTags(soAt, at, parts.strings, versions.length);
  const fileEnd = dynamicAt + dynamic.length * 16;
  // Variables lie behind the file's end, where the loader gives zeros.
  let memoryEnd = fileEnd;
  for (const [i, f] of symbols.entries()) {
    symtab.writeBigUInt64LE(BigInt(f.size ? memoryEnd : at.code!), (i + 1) * 24 + 8);
    memoryEnd += Math.ceil(f.size / 16) * 16;
  }
  const out = Buffer.alloc(fileEnd);
  writeHeader(out);
  const data = { flags: 6, from: dynamicAt, size: fileEnd - dynamicAt };
  writeSegment(out, 0, { type: 1, flags: 5, from: 0, size: end, align: 4096 });
  writeSegment(out, 1, { type: 1, ...data, align: 4096, memory: memoryEnd - dynamicAt });
  writeSegment(out, 2, { type: 2, ...data, align: 8 });
  for (const [name, part] of Object.entries(parts)) out.set(part, at[name]!);
  for (const [i, [tag, value]] of dynamic.entries()) {
    out.writeBigUInt64LE(BigInt(tag), dynamicAt + i * 16);
    out.writeBigUInt64LE(BigInt(value), dynamicAt + i * 16 + 8);
  }
  return out;
}
