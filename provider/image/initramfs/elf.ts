/** What a program needs to start: its loader and its libraries, read from its ELF headers. Pure. */

export interface ElfNeeds {
  /** Path of the loader; undefined for a library or a static program. */
  loader?: string;
  /** Names of libraries (DT_NEEDED). */
  needed: string[];
}

const PT_LOAD = 1;
const PT_DYNAMIC = 2;
const PT_INTERP = 3;
const DT_NEEDED = 1;
const DT_STRTAB = 5;

/** `undefined` when it is not a 64-bit little-endian ELF file. Layout: elf(5). */
export function elfNeeds(bytes: Uint8Array): ElfNeeds | undefined {
  const b = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  if (b.length < 64 || b.readUInt32BE(0) !== 0x7f454c46 || b[4] !== 2 || b[5] !== 1) return undefined;
  const at = (n: number) => Number(b.readBigUInt64LE(n));
  const text = (start: number) => b.toString("latin1", start, b.indexOf(0, start));
  const headers = Array.from({ length: b.readUInt16LE(56) }, (_, n) => at(32) + n * b.readUInt16LE(54)).map((h) => ({
    type: b.readUInt32LE(h),
    offset: at(h + 8),
    address: at(h + 16),
    size: at(h + 32),
  }));
  const interp = headers.find((h) => h.type === PT_INTERP);
  const dynamic = headers.find((h) => h.type === PT_DYNAMIC);
  const needs: ElfNeeds = { loader: interp && text(interp.offset), needed: [] };
  if (!dynamic) return needs;
  const entries = Array.from({ length: Math.floor(dynamic.size / 16) }, (_, n) => {
    const entry = dynamic.offset + n * 16;
    return { tag: at(entry), value: at(entry + 8) };
  });
  const strings = entries.find((e) => e.tag === DT_STRTAB)?.value ?? 0;
  const segment = headers.find((h) => h.type === PT_LOAD && strings >= h.address && strings < h.address + h.size);
  const table = strings - (segment ? segment.address - segment.offset : 0);
  needs.needed = entries.filter((e) => e.tag === DT_NEEDED).map((e) => text(table + e.value));
  return needs;
}
