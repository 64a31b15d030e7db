/** Kernel modules that a boot loads, with what each of them needs. */
import { die } from "../../errors.ts";
import type { CpioEntry } from "./cpio.ts";

/** The text files of usr/lib/modules/<release>. */
export interface ModuleTables {
  /** modules.dep: `kernel/a.ko.gz: kernel/b.ko.gz …` */
  dep: string;
  softdep: string;
  builtin: string;
  /** modules.alias: `alias pci:v00001AF4d00001001sv*sd*bc*sc*i* virtio_pci` */
  alias: string;
}

/** `kernel/a-b.ko.gz` -> `a_b`: as the kernel names it. */
export const moduleName = (path: string) =>
  path
    .replace(/^.*\//, "")
    .replace(/\.ko(\.[a-z0-9]+)?$/, "")
    .replaceAll("-", "_");

/**
 * The files of the wanted modules and of all that they need, each after what it needs, and the names built in. Pure.
 */
export function moduleClosure(wanted: string[], tables: ModuleTables): { files: string[]; missing: string[] } {
  const files = new Map<string, { path: string; needs: string[] }>();
  for (const line of tables.dep.split("\n")) {
    const [path, needs = ""] = line.split(":");
    if (path?.trim()) files.set(moduleName(path), { path, needs: needs.split(" ").filter(Boolean).map(moduleName) });
  }
  const soft = new Map<string, string[]>();
  for (const line of tables.softdep.split("\n")) {
    const [, name, rest = ""] = /^softdep (\S+) (.*)$/.exec(line) ?? [];
    if (!name) continue;
    const words = rest.split(/\s+/).filter((w) => w && !w.endsWith(":"));
    soft.set(moduleName(name), [...(soft.get(moduleName(name)) ?? []), ...words.map(moduleName)]);
  }
  const builtin = new Set(tables.builtin.split("\n").filter(Boolean).map(moduleName));
  const out = new Set<string>();
  const seen = new Set<string>();
  const missing: string[] = [];
  const add = (name: string, asked: boolean) => {
    if (seen.has(name)) return;
    seen.add(name);
    const file = files.get(name);
    if (!file) {
      if (asked && !builtin.has(name)) missing.push(name);
      return;
    }
    for (const need of [...file.needs, ...(soft.get(name) ?? [])]) add(need, false);
    out.add(file.path);
  };
  for (const name of wanted) add(name.replaceAll("-", "_"), true);
  return { files: [...out], missing };
}

/**
 * The files of the wanted modules as {@link moduleClosure} has them; dies without ext4, which every root file system
 * here is.
 */
export function bootModules(release: string, wanted: string[], tables: ModuleTables): string[] {
  const { files, missing } = moduleClosure(wanted, tables);
  if (missing.includes("ext4")) die(`kernel ${release} has no ext4`, "choose another `kernel`, such as virt or lts");
  return files;
}

/** The filesystems of a list that a kernel has, as modules or built in. */
export function mountable(filesystems: readonly string[], tables: ModuleTables): string[] {
  const { missing } = moduleClosure([...filesystems], tables);
  return filesystems.filter((name) => !missing.includes(name));
}

/** The lines of a table about these modules. */
function tableOf(table: string, files: string[], moduleOf: (line: string) => string | undefined): string[] {
  const kept = new Set(files.map(moduleName));
  const lines = table.split("\n").filter((line) => kept.has(moduleName(moduleOf(line) ?? "")));
  return lines.map((line) => `${line}\n`);
}

/** Reads a text file of lib/modules/<release>. */
function tableEntry(release: string, name: string, text: string): CpioEntry {
  return { path: `lib/modules/${release}/${name}`, type: "file", mode: 0o644, data: Buffer.from(text) };
}

/**
 * Modules and the tables that modprobe reads. They stay packed, and busybox unpacks those that it loads. Unpacked they
 * are 12 MB (xfs alone 8.5): a kernel with 96 MiB has no room for that beside the archive, and panicked (measured,
 * linux-virt 6.18.56). Aliases of devices lead only to modules in `aliased` (paths).
 */
export function moduleEntries(
  release: string,
  files: { path: string; data: Uint8Array }[],
  tables: ModuleTables,
  aliased: string[] = files.map((f) => f.path),
): CpioEntry[] {
  for (const { path } of files) if (!/\.ko(\.gz)?$/.test(path)) die(`busybox cannot load ${path}`);
  const paths = files.map((f) => f.path);
  const dep = tableOf(tables.dep, paths, (line) => line.split(":")[0]);
  const alias = tableOf(tables.alias, aliased, (line) => line.split(" ")[2]);
  return [
    ...files.map(
      ({ path, data }): CpioEntry => ({ path: `lib/modules/${release}/${path}`, type: "file", mode: 0o644, data }),
    ),
    tableEntry(release, "modules.dep", dep.sort().join("")),
    tableEntry(release, "modules.alias", alias.join("")),
    tableEntry(release, "modules.builtin", tables.builtin),
  ];
}
