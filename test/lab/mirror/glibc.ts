/**
 * Debian's programs beside musl: their packages, and a layer of lab-<library> packages with exactly the libraries they
 * need, in usr/lib/x86_64-linux-gnu. All paths are real files without links between them, so that they work with and
 * without a merged /usr.
 */
import type { PackageFile, PackageSpec } from "./apk-format.ts";
import { alpineVersion, type DebianPackage, readDebian } from "./debian.ts";
import { type ElfInfo, readElf, stubLibrary } from "./elf.ts";
import { gconvPackage } from "./gconv.ts";
import { keymapPackage } from "./keymaps.ts";
import { LIBRARY_PACKAGES, licenseOf, STUBBED, TLS_PACKAGES } from "./libraries.ts";
import type { Recipe } from "./recipe.ts";
import { RECIPES } from "./recipes.ts";
import type { TarEntry } from "./tar.ts";
import type { Repository } from "./tree.ts";

const LIBRARY_FOLDER = "usr/lib/x86_64-linux-gnu";
const LOADER = "ld-linux-x86-64.so.2";

/** Every Debian package the lab is made of. */
export const DEBIAN_NAMES = [
  ...new Set([
    ...RECIPES.flatMap((r) => r.debian ?? []),
    ...[LIBRARY_PACKAGES, Object.values(STUBBED), TLS_PACKAGES, ["kbd", "console-data"]].flat(),
  ]),
].sort();

/** Where Debian's libraries lie; multipath's own are right in lib. */
const LIBRARY = /^(usr\/)?lib(64)?\/(x86_64-linux-gnu\/)?[^/]+\.so[^/]*$/;

interface Library {
  debian: string;
  content: Uint8Array;
  elf: ElfInfo;
}

/** Makes all packages that come from Debian, by repository. `debs` are files by Debian package name. */
export async function debianPackages(
  lock: DebianPackage[],
  debs: Map<string, string>,
): Promise<Record<Repository, PackageSpec[]>> {
  const versions = new Map(lock.map((p) => [p.name, alpineVersion(p.version)]));
  const contents = new Map<string, TarEntry[]>();
  const read = async (name: string) => {
    if (!contents.has(name)) contents.set(name, await readDebian(debs.get(name)!));
    return contents.get(name)!;
  };
  const libraries = await findLibraries(read);
  const used = new Set<string>();
  const out: Record<Repository, PackageSpec[]> = { main: [], community: [] };
  for (const recipe of RECIPES) {
    const taken = [...takeFiles(recipe, recipe.debian ? await read(recipe.debian) : []), ...(recipe.add ?? [])];
    const files = taken.map((f) => ({ ...f, xattrs: recipe.xattrs?.[f.path] }));
    const version = recipe.version ?? versions.get(recipe.debian!)!;
    const needs = neededBy(files, recipe.needs ?? [], libraries, recipe.name);
    for (const n of needs) used.add(n);
    out[recipe.repo ?? "main"].push({
      name: recipe.name,
      version,
      description: recipe.description,
      license: recipe.license,
      url: recipe.debian ? `https://packages.debian.org/bookworm/${recipe.debian}` : undefined,
      origin: recipe.debian ?? recipe.name,
      depends: [...(recipe.depends ?? []), ...packagesOf(needs, libraries)],
      provides: [
        ...(recipe.provides ?? []).map((p) => p.replace("VERSION", version)),
        ...commandsOf(files).map((c) => `cmd:${c}=${version}`),
      ],
      installIf: recipe.installIf?.map((i) => i.replace("VERSION", version)),
      scripts: recipe.scripts,
      files,
    });
  }
  const tls = await tlsPackage(read, libraries, versions.get("libgnutls30")!);
  for (const n of tls.needs) used.add(n);
  out.main.push(
    ...libraryPackages(used, libraries, versions),
    gconvPackage(await read("libc6"), versions.get("libc6")!),
    tls.spec,
    await keymapPackage(await read("kbd"), await read("console-data"), versions.get("console-data")!),
  );
  return out;
}

/**
 * All shared libraries that may be used, by the name programs ask for; stubs take the place of what the lab does
 * without.
 */
async function findLibraries(read: (name: string) => Promise<TarEntry[]>): Promise<Map<string, Library>> {
  const libraries = new Map<string, Library>();
  const elves = async (name: string, sonames?: string[]) => {
    for (const e of await read(name)) {
      if (e.type !== "file" || !LIBRARY.test(e.path)) continue;
      const elf = readElf(e.data);
      if (elf?.soname && (!sonames || sonames.includes(elf.soname)) && !libraries.has(elf.soname))
        libraries.set(elf.soname, { debian: name, content: e.data, elf });
    }
  };
  for (const name of LIBRARY_PACKAGES) await elves(name);
  const imported = new Set([...libraries.values()].flatMap((l) => [...l.elf.imports]));
  for (const recipe of RECIPES)
    for (const f of recipe.debian ? takeFiles(recipe, await read(recipe.debian)) : []) {
      const elf = readElf((f.content as Uint8Array) ?? new Uint8Array());
      // a program has a library's variables as its own, to be copied there
      for (const name of [...(elf?.imports ?? []), ...(elf?.exports ?? []).map((e) => e.name)]) imported.add(name);
    }
  for (const [soname, debian] of Object.entries(STUBBED)) {
    await elves(debian, [soname]);
    const real = libraries.get(soname);
    if (!real) throw new Error(`the lab wants to stub ${soname}, but Debian's ${debian} has no such library`);
    const content = stubLibrary(
      soname,
      real.elf.exports.filter((f) => imported.has(f.name)),
    );
    libraries.set(soname, {
      debian,
      content,
      elf: readElf(content) ?? { needed: [], imports: new Set(), exports: [] },
    });
  }
  return libraries;
}

/** The libraries that files need, and those named, with what they need in turn. */
function neededBy(files: PackageFile[], named: string[], libraries: Map<string, Library>, who: string): Set<string> {
  const out = new Set<string>();
  const add = (soname: string, from: string) => {
    if (out.has(soname)) return;
    const library = libraries.get(soname);
    if (!library) throw new Error(`${from} needs ${soname}, which none of the lab's Debian packages has`);
    out.add(soname);
    for (const next of library.elf.needed) add(next, soname);
  };
  for (const soname of named) add(soname, who);
  for (const f of files) {
    const elf = f.content instanceof Uint8Array ? readElf(f.content) : undefined;
    for (const soname of elf?.needed ?? []) add(soname, `${who}: ${f.path}`);
    if (elf) add(LOADER, who);
    // glibc opens it by itself when a thread ends that way.
    if (["pthread_exit", "pthread_cancel"].some((name) => elf?.imports.has(name))) add("libgcc_s.so.1", who);
  }
  return out;
}

const labName = (debian: string) => (debian === "libc6" ? "lab-glibc" : `lab-${debian.toLowerCase()}`);

function packagesOf(sonames: Iterable<string>, libraries: Map<string, Library>): string[] {
  return [...new Set([...sonames].map((s) => labName(libraries.get(s)!.debian)))].sort();
}

function libraryPackages(
  used: Set<string>,
  libraries: Map<string, Library>,
  versions: Map<string, string>,
): PackageSpec[] {
  const byPackage = new Map<string, string[]>();
  for (const soname of used) {
    const { debian } = libraries.get(soname)!;
    byPackage.set(debian, [...(byPackage.get(debian) ?? []), soname]);
  }
  return [...byPackage].map(([debian, sonames]) => {
    const files = sonames.sort().map(
      (soname): PackageFile => ({
        path: soname === LOADER ? `lib64/${soname}` : `${LIBRARY_FOLDER}/${soname}`,
        content: libraries.get(soname)!.content,
        mode: 0o755,
      }),
    );
    const needs = sonames.flatMap((s) => libraries.get(s)!.elf.needed);
    return {
      name: labName(debian),
      version: versions.get(debian)!,
      description: `Debian's ${debian} for the lab's programs`,
      license: licenseOf(debian),
      origin: debian,
      depends: packagesOf(needs, libraries).filter((n) => n !== labName(debian)),
      files,
    };
  });
}

/**
 * The real libraries of TLS, which go before their stubs on every processor since 2009: glibc looks there first. What
 * needs https depends on it, and everything else that is installed beside it gets it too.
 */
async function tlsPackage(
  read: (name: string) => Promise<TarEntry[]>,
  libraries: Map<string, Library>,
  version: string,
): Promise<{ spec: PackageSpec; needs: Set<string> }> {
  const files: PackageFile[] = [];
  const [own, wanted] = [new Set<string>(), new Set<string>()];
  for (const name of TLS_PACKAGES)
    for (const e of await read(name)) {
      const elf = e.type === "file" && LIBRARY.test(e.path) ? readElf(e.data) : undefined;
      const soname = elf?.soname;
      if (!elf || !soname) continue;
      own.add(soname);
      for (const other of elf.needed) wanted.add(other);
      files.push({ path: `${LIBRARY_FOLDER}/glibc-hwcaps/x86-64-v2/${soname}`, content: e.data, mode: 0o755 });
    }
  const needs = neededBy(
    [],
    [...wanted].filter((n) => !own.has(n)),
    libraries,
    "lab-tls",
  );
  return {
    needs,
    spec: {
      name: "lab-tls",
      version,
      description: "TLS for the lab's programs: what is a stub without it",
      license: "LGPL-2.1-or-later",
      origin: "gnutls28",
      depends: [...packagesOf(needs, libraries), "ca-certificates-bundle"],
      files,
    },
  };
}

/** The files of a Debian package that a recipe takes; a pattern leaves out what an earlier rule took. */
export function takeFiles(recipe: Pick<Recipe, "name" | "take">, entries: TarEntry[]): PackageFile[] {
  const out: PackageFile[] = [];
  const done = new Set<TarEntry>();
  for (const rule of recipe.take ?? []) {
    const [from, to] = rule.split("=") as [string, string?];
    const literal = from.replace(/[.+^${}()|[\]\\]/g, "\\$&");
    const pattern = new RegExp(`^${literal.replace(/\*\*?/g, (stars) => (stars === "**" ? ".*" : "[^/]*"))}$`);
    const found = entries.filter((e) => e.type !== "directory" && pattern.test(e.path));
    if (found.length === 0) throw new Error(`${recipe.name}: Debian's package has no ${from}`);
    for (const e of found) {
      if (from.includes("*") && done.has(e)) continue;
      done.add(e);
      const path = to ?? e.path;
      if (out.some((f) => f.path === path)) throw new Error(`${recipe.name}: ${path} is taken twice`);
      out.push(e.type === "symlink" ? { path, target: e.target } : { path, content: e.data, mode: e.mode });
    }
  }
  return out;
}

function commandsOf(files: PackageFile[]): string[] {
  const commands = files.filter((f) => !f.directory && /^(usr\/)?s?bin\/[^/]+$/.test(f.path));
  return [...new Set(commands.map((f) => f.path.split("/").pop()!))].sort();
}
