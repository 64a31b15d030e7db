/** Alpine's package format 2 and its index, written with real signatures. */
import { createHash, createPublicKey, createSign, type KeyObject } from "node:crypto";
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import { END_OF_ARCHIVE, encodeTarEntry, type TarEntry, XATTR } from "./tar.ts";

const zip = promisify(gzip);

/** Who signs: `name` is that of the public key's file, as in /etc/apk/keys. */
export interface SigningKey {
  name: string;
  key: KeyObject;
}

export type ScriptName =
  | "pre-install"
  | "post-install"
  | "pre-upgrade"
  | "post-upgrade"
  | "pre-deinstall"
  | "post-deinstall"
  | "trigger";

/** A file of a package; `content`, `target` (symbolic link) or `directory`, one of them. */
export interface PackageFile {
  path: string;
  content?: string | Uint8Array;
  target?: string;
  directory?: boolean;
  /** Default 0644, 0755 for a directory, 0777 for a link. */
  mode?: number;
  uid?: number;
  gid?: number;
  /** Extended attributes of a file: hex of the value by name, such as security.capability. */
  xattrs?: Record<string, string>;
}

/** What a package is made of; names as in .PKGINFO, versions with Alpine's "-rN". */
export interface PackageSpec {
  name: string;
  version: string;
  description?: string;
  url?: string;
  license?: string;
  origin?: string;
  maintainer?: string;
  commit?: string;
  /** Seconds since 1970; also the time of every file. */
  builddate?: number;
  /** Installed size in bytes; counted when left out. */
  size?: number;
  depends?: string[];
  provides?: string[];
  replaces?: string[];
  installIf?: string[];
  triggers?: string[];
  providerPriority?: number;
  replacesPriority?: number;
  scripts?: Partial<Record<ScriptName, string>>;
  files: PackageFile[];
}

export interface BuiltPackage {
  fileName: string;
  bytes: Buffer;
  /** Its paragraph of the APKINDEX, without the blank line after it. */
  index: string;
}

/** Seconds since 1970 of what has no date of its own: the day Alpine 3.23 came out. */
export const BUILD_DATE = 1764720000;
const ARCH = "x86_64";

/** Makes and signs a package. */
export async function buildPackage(spec: PackageSpec, signer: SigningKey): Promise<BuiltPackage> {
  const when = spec.builddate ?? BUILD_DATE;
  const files = withParents(spec.files);
  const entries = files.map((f) => encodeTarEntry(dataEntry(f, when)));
  // apk does not unpack what has no size, such as a link alone.
  const counted = files.reduce((sum, f) => sum + bytesOf(f).length, 0);
  const size = spec.size ?? (counted || (files.length ? 1 : 0));
  const data = await zip(Buffer.concat([...entries, END_OF_ARCHIVE]), { level: 6 });
  const info = pkginfo({ ...spec, builddate: when, size }, createHash("sha256").update(data).digest("hex"));
  const control = await zip(
    Buffer.concat([
      encodeTarEntry({ path: ".PKGINFO", data: Buffer.from(info), mtime: when }),
      ...Object.entries(spec.scripts ?? {}).map(([name, text]) =>
        encodeTarEntry({ path: `.${name}`, data: Buffer.from(text), mode: 0o755, mtime: when }),
      ),
    ]),
  );
  const bytes = Buffer.concat([await signatureOf(control, signer), control, data]);
  const checksum = `Q1${createHash("sha1").update(control).digest("base64")}`;
  return {
    fileName: `${spec.name}-${spec.version}.apk`,
    bytes,
    index: indexRecord({ ...spec, builddate: when, size }, checksum, bytes.length),
  };
}

/** Signs the paragraphs of an index and packs them as APKINDEX.tar.gz. */
export async function buildIndex(records: string[], description: string, signer: SigningKey): Promise<Buffer> {
  const text = `${records.join("\n\n")}\n\n`;
  const tar = Buffer.concat([
    encodeTarEntry({ path: "DESCRIPTION", data: Buffer.from(description), mtime: BUILD_DATE }),
    encodeTarEntry({ path: "APKINDEX", data: Buffer.from(text), mtime: BUILD_DATE }),
    END_OF_ARCHIVE,
  ]);
  const body = await zip(tar);
  return Buffer.concat([await signatureOf(body, signer), body]);
}

/** Adds the folders that a package's files imply, each before what it holds. */
function withParents(files: PackageFile[]): PackageFile[] {
  const seen = new Set(files.filter((f) => f.directory).map((f) => f.path));
  const out: PackageFile[] = [];
  for (const file of files) {
    const parts = file.path.split("/").slice(0, -1);
    for (let i = 1; i <= parts.length; i++) {
      const path = parts.slice(0, i).join("/");
      if (!seen.has(path)) out.push({ path, directory: true });
      seen.add(path);
    }
    out.push(file);
  }
  return out;
}

function bytesOf(f: PackageFile): Buffer {
  return f.content === undefined ? Buffer.alloc(0) : Buffer.from(f.content as Uint8Array);
}

function dataEntry(f: PackageFile, mtime: number): Partial<TarEntry> & { path: string } {
  const owner = { path: f.path, uid: f.uid ?? 0, gid: f.gid ?? 0, mtime };
  if (f.directory) return { ...owner, type: "directory", mode: f.mode ?? 0o755 };
  const data = bytesOf(f);
  const pax: TarEntry["pax"] = {
    "APK-TOOLS.checksum.SHA1": createHash("sha1")
      .update(f.target ?? data)
      .digest("hex"),
  };
  for (const [name, hex] of Object.entries(f.xattrs ?? {}))
    pax[`${XATTR}${name}`] = Buffer.from(hex, "hex").toString("latin1");
  if (f.target !== undefined) return { ...owner, type: "symlink", mode: 0o777, target: f.target, pax };
  return { ...owner, type: "file", mode: f.mode ?? 0o644, data, pax };
}

async function signatureOf(bytes: Uint8Array, { name, key }: SigningKey): Promise<Buffer> {
  const signature = createSign("RSA-SHA1").update(bytes).sign(key);
  return zip(encodeTarEntry({ path: `.SIGN.RSA.${name}`, data: signature }));
}

function pkginfo(spec: PackageSpec, datahash: string): string {
  const lines: [string, string | number | undefined][] = [
    ["pkgname", spec.name],
    ["pkgver", spec.version],
    ["pkgdesc", spec.description ?? spec.name],
    ["url", spec.url ?? "https://localhost/"],
    ["builddate", spec.builddate],
    ["size", spec.size],
    ["arch", ARCH],
    ["origin", spec.origin ?? spec.name],
    ["commit", spec.commit],
    ["maintainer", spec.maintainer],
    ["replaces_priority", spec.replacesPriority],
    ["provider_priority", spec.providerPriority],
    ["license", spec.license ?? "MIT"],
    ...(spec.depends ?? []).map((d): [string, string] => ["depend", d]),
    ...(spec.provides ?? []).map((p): [string, string] => ["provides", p]),
    ...(spec.replaces ?? []).map((r): [string, string] => ["replaces", r]),
    ["install_if", spec.installIf?.join(" ")],
    ["triggers", spec.triggers?.join(" ")],
    ["datahash", datahash],
  ];
  return lines.flatMap(([key, value]) => (value === undefined ? [] : [`${key} = ${value}\n`])).join("");
}

function indexRecord(spec: PackageSpec, checksum: string, size: number): string {
  const fields: [string, string | number | undefined][] = [
    ["C", checksum],
    ["P", spec.name],
    ["V", spec.version],
    ["A", ARCH],
    ["S", size],
    ["I", spec.size],
    ["T", spec.description ?? spec.name],
    ["U", spec.url ?? "https://localhost/"],
    ["L", spec.license ?? "MIT"],
    ["o", spec.origin ?? spec.name],
    ["m", spec.maintainer],
    ["t", spec.builddate],
    ["c", spec.commit],
    ["k", spec.providerPriority],
    ["D", spec.depends?.join(" ")],
    ["p", spec.provides?.join(" ")],
    ["i", spec.installIf?.join(" ")],
  ];
  return fields.flatMap(([key, value]) => (value === undefined || value === "" ? [] : [`${key}:${value}`])).join("\n");
}

/** The public half of a key as the PEM that goes into /etc/apk/keys. */
export function publicPem(key: KeyObject): string {
  return createPublicKey(key).export({ type: "spki", format: "pem" }).toString();
}
