/** What a package of the lab is made of, and the usual kinds of it. */
import type { PackageFile, PackageSpec } from "./apk-format.ts";

export interface Recipe extends Pick<PackageSpec, "installIf" | "scripts" | "depends" | "replaces"> {
  name: string;
  /** Alpine's repository of it, "main" when left out. */
  repo?: "main" | "community";
  /** Debian's package that gives version and files; undefined: `version` and `add` say it all. */
  debian?: string;
  version?: string;
  description: string;
  license: string;
  /** Paths of the Debian package to take, "*" for within a folder, "**" for all below; `from=to` moves a file. */
  take?: string[];
  add?: PackageFile[];
  /** Names it goes by besides its own; "VERSION" becomes its version, as in installIf. */
  provides?: string[];
  /** Extended attributes by path, as in PackageFile. */
  xattrs?: Record<string, Record<string, string>>;
  /** Libraries it needs that no file of it names, because they are opened at run time. */
  needs?: string[];
}

/** A file that can be executed. */
export const script = (path: string, content: string): PackageFile => ({ path, content, mode: 0o755 });
export const GPL2 = "GPL-2.0-or-later";
export const GPL3 = "GPL-3.0-or-later";

/** A program alone: Debian's package, Alpine's name if another, and the paths to take. */
export function program(debian: string, name: string, license: string, description: string, ...take: string[]): Recipe {
  return { name, debian, license, description, take };
}
