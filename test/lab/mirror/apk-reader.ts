/** Reads packages and indexes back, to make new releases of them. */
import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import type { PackageFile, PackageSpec, ScriptName } from "./apk-format.ts";
import { decodeTar, type TarEntry, XATTR } from "./tar.ts";

const unzip = promisify(gunzip);

/** The paragraphs of an APKINDEX.tar.gz. */
export async function readIndex(bytes: Uint8Array): Promise<string[]> {
  const entry = decodeTar(await unzip(bytes)).find((e) => e.path === "APKINDEX");
  if (!entry) throw new Error("no APKINDEX in this index");
  return Buffer.from(entry.data).toString("utf8").trim().split("\n\n");
}

/** Reads a package back into what makes it again: its three members are one long tar when decompressed together. */
export async function readPackage(bytes: Uint8Array): Promise<PackageSpec> {
  const entries = decodeTar(await unzip(bytes));
  const at = entries.findIndex((e) => e.path === ".PKGINFO");
  if (at < 0) throw new Error("no .PKGINFO in this package");
  const info = new Map<string, string[]>();
  for (const line of Buffer.from(entries[at]!.data).toString("utf8").split("\n")) {
    const m = /^([a-z_]+) = (.*)$/.exec(line);
    if (m) info.set(m[1]!, [...(info.get(m[1]!) ?? []), m[2]!]);
  }
  const one = (key: string) => info.get(key)?.[0];
  const number = (key: string) => (one(key) === undefined ? undefined : Number(one(key)));
  const list = (key: string) => info.get(key)?.flatMap((v) => v.split(" "));
  const dataStart = entries.findIndex((e, i) => i > at && !e.path.startsWith("."));
  const scripts: PackageSpec["scripts"] = {};
  for (const e of entries.slice(at + 1, dataStart < 0 ? undefined : dataStart))
    scripts[e.path.slice(1) as ScriptName] = Buffer.from(e.data).toString("utf8");
  return {
    name: one("pkgname")!,
    version: one("pkgver")!,
    description: one("pkgdesc"),
    url: one("url"),
    license: one("license"),
    origin: one("origin"),
    maintainer: one("maintainer"),
    commit: one("commit"),
    builddate: number("builddate"),
    size: number("size"),
    depends: list("depend"),
    provides: list("provides"),
    replaces: list("replaces"),
    installIf: list("install_if"),
    triggers: list("triggers"),
    providerPriority: number("provider_priority"),
    replacesPriority: number("replaces_priority"),
    scripts,
    files: dataStart < 0 ? [] : entries.slice(dataStart).map(fileOf),
  };
}

function fileOf(e: TarEntry): PackageFile {
  const { path, mode, uid, gid } = e;
  if (e.type === "directory") return { path, directory: true, mode, uid, gid };
  if (e.type === "symlink") return { path, target: e.target };
  const xattrs = Object.entries(e.pax)
    .filter(([key]) => key.startsWith(XATTR))
    .map(([key, value]) => [key.slice(XATTR.length), Buffer.from(value, "latin1").toString("hex")]);
  const file: PackageFile = { path, content: e.data, mode, uid, gid };
  return xattrs.length ? { ...file, xattrs: Object.fromEntries(xattrs) } : file;
}
