/** Debian's packages: fetched through the machine's own apt, whose signed indexes give version and checksum. */
import { createHash } from "node:crypto";
import { copyFile, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { type RunError, run } from "../../../provider/local/run.ts";
import { cachePath, exists, sha256File } from "./cache.ts";
import { decodeTar, type TarEntry } from "./tar.ts";

export interface DebianPackage {
  name: string;
  version: string;
  sha256: string;
}

/**
 * Version and checksum of each name, decided once and kept in the cache so that the lab does not change from day to
 * day.
 */
export async function debianLock(names: string[]): Promise<DebianPackage[]> {
  const wanted = [...new Set(names)].sort();
  const file = join(
    await cachePath("debian"),
    `lock-${createHash("sha256").update(wanted.join()).digest("hex").slice(0, 12)}.json`,
  );
  if (await exists(file)) return JSON.parse(await readFile(file, "utf8"));
  const lock = await askApt(wanted);
  await writeFile(`${file}.${process.pid}`, `${JSON.stringify(lock, null, 2)}\n`);
  await rename(`${file}.${process.pid}`, file);
  return lock;
}

async function askApt(names: string[]): Promise<DebianPackage[]> {
  const hint = "is this Debian 12 with its main and security sources, and was `apt-get update` run?";
  const { stdout } = await run("apt-cache", ["show", "--no-all-versions", ...names.map((n) => `${n}:amd64`)]).catch(
    (error: RunError) => {
      throw new Error(`apt does not know all of the lab's Debian packages; ${hint} ${error.message}`);
    },
  );
  const known = new Map<string, DebianPackage>();
  for (const paragraph of `${stdout}\n`.split(/\n\n+/)) {
    const field = (key: string) => new RegExp(`^${key}: (.*)$`, "m").exec(paragraph)?.[1];
    const [name, version, sha256] = [field("Package"), field("Version"), field("SHA256")];
    if (name && version && sha256) known.set(name, { name, version, sha256 });
  }
  return names.map((name) => {
    const found = known.get(name);
    if (!found) throw new Error(`apt does not know the Debian package ${name}; ${hint}`);
    return found;
  });
}

/** The .deb files of a lock, by package name; what the cache lacks is downloaded and compared with the lock. */
export async function fetchDebian(lock: DebianPackage[], log: (line: string) => void): Promise<Map<string, string>> {
  const folder = await cachePath("debian");
  const path = (p: DebianPackage) => join(folder, `${p.sha256}.deb`);
  const missing: DebianPackage[] = [];
  for (const p of lock) if (!(await exists(path(p)))) missing.push(p);
  if (missing.length) {
    log(`downloading ${missing.length} Debian packages`);
    const work = join(folder, `tmp-${process.pid}`);
    await cachePath("debian", `tmp-${process.pid}`);
    const args = [
      "-q",
      "-o",
      "APT::Sandbox::User=root",
      "download",
      ...missing.map((p) => `${p.name}:amd64=${p.version}`),
    ];
    await run("apt-get", args, { cwd: work, timeout: 900_000 }).catch(async (error) => {
      // Security updates replace versions: forget the lock, so that the next call asks apt again.
      for (const f of await readdir(folder)) if (f.startsWith("lock-")) await rm(join(folder, f));
      throw new Error(
        `Debian no longer has a version the lab was locked to; run \`apt-get update\` and try again. ${error.message}`,
      );
    });
    const sums = new Map<string, string>();
    for (const f of await readdir(work)) sums.set(await sha256File(join(work, f)), join(work, f));
    for (const p of missing) {
      const got = sums.get(p.sha256);
      if (!got)
        throw new Error(`the download of ${p.name} ${p.version} has not the checksum of Debian's index, ${p.sha256}`);
      await copyFile(got, `${path(p)}.part`);
      await rename(`${path(p)}.part`, path(p));
    }
    await rm(work, { recursive: true });
  }
  return new Map(lock.map((p) => [p.name, path(p)]));
}

/** The files of a .deb in memory, hard links resolved. */
export async function readDebian(file: string): Promise<TarEntry[]> {
  const chunks: Buffer[] = [];
  const output = new PassThrough();
  output.on("data", (chunk: Buffer) => chunks.push(chunk));
  await run("dpkg-deb", ["--fsys-tarfile", file], { output, timeout: 120_000 });
  output.end();
  const entries = decodeTar(Buffer.concat(chunks));
  const byPath = new Map(entries.map((e) => [e.path, e]));
  return entries.map((e) => {
    const original = e.type === "hardlink" ? byPath.get(e.target.replace(/^\.?\//, "")) : undefined;
    return original ? { ...original, path: e.path } : e;
  });
}

/**
 * Debian's version as Alpine writes versions: "1:4.5.1+dfsg-1+deb12u3" becomes "4.5.1-r3", so that security updates
 * count up.
 */
export function alpineVersion(debian: string): string {
  const really = /\+really([^-]+)/.exec(debian)?.[1];
  const upstream = really ?? debian.replace(/^\d+:/, "").replace(/-[^-]*$/, "");
  const plain = /^\d+(\.\d+)*([a-z]|_p\d+)?/.exec(upstream.replace(/p(\d+)$/, "_p$1"))?.[0];
  if (!plain) throw new Error(`cannot write Debian's version ${debian} as Alpine's`);
  return `${plain}-r${/deb\d+u(\d+)/.exec(debian)?.[1] ?? 0}`;
}
