/** apk's installed database (lib/apk/db/installed): what is in a tree. */
import { die } from "../../errors.ts";

/** A package as the database lists it. */
export interface InstalledPackage {
  name: string;
  version: string;
  arch: string;
  /** "Q1" and base64: SHA-1 of the package's control part. */
  checksum: string;
  /** "" where the package says none; so for `url` and `license`. */
  description: string;
  url: string;
  /** As the package has it: not always an SPDX expression. */
  license: string;
  /** The package whose build it comes from. */
  origin: string;
  /** `Name <address>` */
  maintainer?: string;
  /** Seconds since 1970; 0 where the package says none. */
  built: number;
  /** Commit of the repository with its build recipe. */
  commit?: string;
  /** Size of the file, in bytes. */
  size: number;
  /** Size unpacked, in bytes. */
  installedSize: number;
}

const checksum = /^Q1[A-Za-z0-9+/]{27}=$/;

function damaged(what: string): never {
  die(
    `apk's installed database is damaged: ${what}`,
    "expected blocks of lines as P:name, with a blank line between: find out what changed lib/apk/db/installed after apk",
  );
}

/**
 * The packages of a database, in its order; with or without its lists of files. Throws a PineError when it is damaged.
 */
export function parseInstalledDatabase(text: string): InstalledPackage[] {
  const known = new Set<string>();
  const packages: InstalledPackage[] = [];
  let line = 1;
  for (const block of text.split("\n\n")) {
    if (block.trim() !== "") {
      const p = packageOf(fieldsOf(block, line));
      if (known.has(p.name)) damaged(`${p.name} is listed twice`);
      known.add(p.name);
      packages.push(p);
    }
    line += block.split("\n").length + 1;
  }
  return packages.length > 0 ? packages : damaged("it lists no packages");
}

/** Reads the fields before the list of files; of the list only its form. `first`: the block's first line. */
function fieldsOf(block: string, first: number): Record<string, string> {
  const fields: Record<string, string> = {};
  let inFolder = false;
  for (const [n, line] of block.split("\n").entries()) {
    if (line === "") continue; // before the first block, after the last
    const where = `line ${first + n}`;
    const [, key = "", value = ""] =
      /^([A-Za-z]):(.*)$/.exec(line) ?? damaged(`${where} is ${JSON.stringify(line.slice(0, 80))}`);
    if (key === "F") inFolder = true;
    else if ("RMaZ".includes(key)) {
      if (!inFolder) damaged(`${where} belongs to a file, and there is no folder (F:) before it`);
      if (key === "Z" && !checksum.test(value)) damaged(`${where} is not a checksum (Z:${value})`);
    } else if (inFolder) damaged(`${where} (${key}:) is within a list of files`);
    else if (fields[key] !== undefined) damaged(`${where} has a second ${key}: in one block`);
    else fields[key] = value;
  }
  return fields;
}

function packageOf(f: Record<string, string>): InstalledPackage {
  const name = f.P ?? damaged(`a block has no name (P:), but ${JSON.stringify(f).slice(0, 80)}`);
  if (!/^[A-Za-z0-9._][A-Za-z0-9._+-]*$/.test(name)) damaged(`${JSON.stringify(name)} is not a package name`);
  const must = (key: string, what: string, shape: RegExp): string => {
    const value = f[key] ?? damaged(`${name} has no ${what} (${key}:)`);
    return shape.test(value) ? value : damaged(`the ${what} of ${name} is ${JSON.stringify(value)}`);
  };
  const number = (key: string, what: string) => Number(f[key] === undefined ? 0 : must(key, what, /^\d{1,15}$/));
  return {
    name,
    version: must("V", "version", /^[A-Za-z0-9._~+-]+$/),
    arch: f.A === undefined ? "noarch" : must("A", "architecture", /^[A-Za-z0-9_-]+$/),
    checksum: must("C", "checksum", checksum),
    description: f.T ?? "",
    url: f.U ?? "",
    license: f.L ?? "",
    origin: f.o || name,
    ...(f.m ? { maintainer: f.m } : {}),
    built: number("t", "build date"),
    ...(f.c ? { commit: f.c } : {}),
    size: number("S", "size"),
    installedSize: number("I", "installed size"),
  };
}
