/** The file with a file's sha256, beside it, as sha256sum reads it. */
import { readFile } from "node:fs/promises";
import { basename } from "node:path";
import { writeWhole } from "../../local/files.ts";

/** `<file>.sha256` beside a file, for `sha256sum -c` in its folder. */
export async function writeSum(path: string, sha256: string): Promise<void> {
  const line = `${sha256}  ${basename(path)}\n`;
  const there = await readFile(`${path}.sha256`, "utf8").catch(() => "");
  if (there !== line) await writeWhole(`${path}.sha256`, line);
}
