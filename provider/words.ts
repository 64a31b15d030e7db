/** Numbers and lists as people read them, and words as a shell does. */
import { PineError } from "./errors.ts";

/** Bytes for people: "83 MB" (decimal units, as disks and plans are sold). */
export function humanBytes(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`;
  const units = ["kB", "MB", "GB", "TB"];
  let value = bytes;
  let unit = "B";
  for (const next of units) {
    if (value < 999.5) break;
    value /= 1000;
    unit = next;
  }
  return `${value < 9.95 ? value.toFixed(1) : Math.round(value)} ${unit}`;
}

/** As much of a checksum as people are shown. */
export const short = (checksum: string): string => checksum.slice(0, 12);

/** Names as a list in words: "hostname and authorizedKeys". */
export const listed = (names: readonly string[]) =>
  names.length < 2 ? names.join("") : `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`;

/** A word of a POSIX shell that stands for exactly `text`. */
export function shellQuote(text: string): string {
  if (text.includes("\0")) throw new PineError("an argument of a remote command holds a NUL byte");
  return /^[A-Za-z0-9_@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
