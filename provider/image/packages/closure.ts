/** A program's packages with all that they need, from an index. Pure. */
import { die } from "../../errors.ts";
import { dependencyName, type IndexEntry, parseIndex } from "./apkindex.ts";
import type { LockedPackage } from "./mirror.ts";
import type { RepositoryIndex } from "./mirror-index.ts";
import { compareVersions } from "./version.ts";

/** The packages that `wanted` needs, by depends and provides, each in its newest version. For apk's own packages. */
export function closure(wanted: string[], entries: (IndexEntry & { repository: string })[]): LockedPackage[] {
  const providers = new Map<string, IndexEntry & { repository: string }>();
  for (const e of entries)
    for (const name of [e.name, ...e.provides.map(dependencyName)]) {
      const other = providers.get(name);
      const better = !other || (other.name !== name && e.name === name);
      if (better || (other.name === e.name && compareVersions(e.version, other.version) > 0)) providers.set(name, e);
    }
  const out = new Map<string, LockedPackage>();
  const queue = [...wanted];
  for (let name = queue.shift(); name !== undefined; name = queue.shift()) {
    const e = providers.get(name);
    if (!e)
      die(
        `the mirror has no package that provides ${name}`,
        "use a mirror with Alpine's main repository (pine:mirror)",
      );
    if (out.has(e.name)) continue;
    out.set(e.name, locked(e));
    queue.push(...e.depends.map(dependencyName).filter(Boolean));
  }
  return [...out.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

export function locked(e: IndexEntry & { repository: string }): LockedPackage {
  const { name, version, checksum, size, installedSize, built, repository } = e;
  return { name, version, checksum, size, installedSize, built, repository };
}

/** The entries of several indexes. */
export function entriesOf(indexes: RepositoryIndex[]): (IndexEntry & { repository: string })[] {
  return indexes.flatMap((r) => parseIndex(r.text).map((e) => ({ ...e, repository: r.name })));
}
