/** Files that travel in provider/system/, as they lie in an image. */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { asset } from "../../assets.ts";

/** A file of ours for a tree: absolute path there, text, four octal digits. */
export interface OwnFile {
  path: string;
  content: string;
  mode: string;
}

const known = new Map<string, OwnFile[]>();

/**
 * Everything below a folder of system/, by its path below it, sorted: `filesOf("extras/iomon")`. Programs are 0755, all
 * else 0644.
 */
export function filesOf(folder: string): OwnFile[] {
  const files = known.get(folder) ?? filesBelow(asset("system", folder));
  known.set(folder, files);
  return files;
}

function filesBelow(dir: string): OwnFile[] {
  return readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((e) => !e.isDirectory())
    .map((e) => join(e.parentPath ?? e.path, e.name))
    .sort()
    .map((path) => ({
      path: path.slice(dir.length),
      content: readFileSync(path, "utf8"),
      mode: (statSync(path).mode & 0o100) === 0 ? "0644" : "0755",
    }));
}
