/** Data files of the provider: system/, keys/, schema.json. In a build they lie beside the bundle. */
import { readFileSync } from "node:fs";
import { join } from "node:path";

/** Absolute path of a data file, e.g. `asset("system/pine")`. esbuild replaces `import.meta.dirname` by `__dirname`. */
export function asset(...parts: string[]): string {
  return join(import.meta.dirname, ...parts);
}

export function assetText(...parts: string[]): string {
  return readFileSync(asset(...parts), "utf8");
}
