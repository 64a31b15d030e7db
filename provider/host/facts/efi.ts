/** The partition that UEFI booted from, out of its boot entry. Pure. */
import { guid, hex2 } from "./blocks.ts";

/** A device path's nodes (UEFI specification 2.10, 10.3): type, subtype, length of two bytes, data. */
const MEDIA = 4;
const HARD_DRIVE = 1;
const END = 0x7f;

/**
 * The PARTUUID, in lower case, that an EFI_LOAD_OPTION in hexadecimal digits names (3.1.3). That holds attributes (4
 * bytes), the path's length (2), a title in UTF-16 that ends with a zero, the path. undefined when the path names no
 * partition: a network, a whole disk.
 */
export function efiPartition(hex: string | undefined): string | undefined {
  const bytes = Buffer.from(hex ?? "", "hex");
  let at = 6;
  while (at + 2 <= bytes.length && bytes.readUInt16LE(at) !== 0) at += 2;
  at += 2;
  while (at + 4 <= bytes.length && bytes[at] !== END) {
    const size = bytes.readUInt16LE(at + 2);
    if (bytes[at] === MEDIA && bytes[at + 1] === HARD_DRIVE && size >= 42 && at + 42 <= bytes.length) {
      // number (4), start (8), size (8), signature (16), format, kind of the signature: 1 of a DOS table, 2 a GUID
      const [signature, kind] = [at + 24, bytes[at + 41]];
      if (kind === 2) return guid(bytes, signature);
      const id = bytes.readUInt32LE(signature).toString(16).padStart(8, "0");
      return kind === 1 ? `${id}-${hex2(bytes.readUInt32LE(at + 4))}` : undefined;
    }
    if (size < 4) return undefined;
    at += size;
  }
  return undefined;
}
