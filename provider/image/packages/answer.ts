/**
 * What apk chose, as a lock. A name and a version do not say which package it is: two repositories may have both, built
 * apart. apk says the tag; where that leaves several, it is asked for the place of each. Pure except for that question.
 */
import { PineError } from "../../errors.ts";
import { entriesOf, locked } from "./closure.ts";
import type { LockedPackage } from "./mirror.ts";
import type { RepositoryIndex } from "./mirror-index.ts";

/** A package that apk chose. `tag`: its repository's, where apk names one. */
export interface Chosen {
  name: string;
  version: string;
  tag?: string;
}

/** Where apk would fetch a package: `index` counts the repositories as they were given to it. */
export interface Place {
  index: number;
  /** Name of the file: `musl-1.2.5-r23.apk`. */
  file: string;
}

/** A package that could have been meant. */
export interface Candidate {
  index: number;
  tag?: string;
  package: LockedPackage;
}

/** Reads `( 1/62) Installing musl (1.2.5-r23)` and `Installing other@edge (2-r0)`. */
export function parseInstalled(output: string): Chosen[] {
  return [...output.matchAll(/^\(\s*\d+\/\d+\) Installing ([^@\s]+)(?:@(\S+))? \(([^)\s]+)\)/gm)].map(
    ([, name = "", tag, version = ""]) => ({ name, version, ...(tag !== undefined && { tag }) }),
  );
}

/** Reads `/tmp/…/0/x86_64/musl-1.2.5-r23.apk`, where `folder` has the repositories by their numbers. */
export function parsePlaces(output: string, folder: string): Place[] {
  return output.split("\n").flatMap((line) => {
    const [, index, file] = /^(\d+)\/[^/]+\/([^/]+\.apk)$/.exec(line.slice(folder.length + 1)) ?? [];
    return line.startsWith(`${folder}/`) && index && file ? [{ index: Number(index), file }] : [];
  });
}

/** The same package as a constraint. */
export const pinned = ({ name, version, tag }: Chosen): string => `${name}${tag ? `@${tag}` : ""}=${version}`;

export const placeOf = (places: Place[], { name, version }: Chosen): Place | undefined =>
  places.find((p) => p.file === `${name}-${version}.apk`);

/**
 * Candidates by name and version, in the order of the repositories. Of a package in `keep` its repository has only that
 * version.
 */
export function candidates(indexes: RepositoryIndex[], keep: LockedPackage[]): Map<string, Candidate[]> {
  const out = new Map<string, Candidate[]>();
  for (const [index, repository] of indexes.entries()) {
    const kept = keep.filter((p) => p.repository === repository.name);
    const listed = entriesOf([repository]).map(locked);
    for (const p of [...kept, ...listed]) {
      const key = `${p.name} ${p.version}`;
      const before = out.get(key) ?? [];
      // a kept package stands for the listed one of the same version
      if (before.some((c) => c.index === index)) continue;
      out.set(key, [...before, { index, tag: repository.tag, package: p }]);
    }
  }
  return out;
}

/**
 * The packages that apk chose, sorted by name. `places`: asked only where name, version and tag leave several that
 * differ. Throws PineError where even that does not tell which one is meant: the order of repositories decides nothing.
 */
export async function toLock(
  chosen: Chosen[],
  from: Map<string, Candidate[]>,
  places: () => Promise<Place[]>,
): Promise<LockedPackage[]> {
  let asked: Place[] | undefined;
  const lock: LockedPackage[] = [];
  for (const c of chosen) {
    const all = (from.get(`${c.name} ${c.version}`) ?? []).filter((p) => p.tag === c.tag);
    let one = all[0];
    if (all.some((p) => p.package.checksum !== one!.package.checksum)) {
      asked ??= await places();
      const place = placeOf(asked, c);
      one = all.find((p) => p.index === place?.index);
      if (!one)
        throw new PineError(
          `packages: ${c.name} ${c.version} is in ${all.map((p) => p.package.repository).join(" and ")} with different builds, and apk does not say which one it chose`,
          { hint: `give one of them a tag in \`repositories\` ("@tag ${all[0]!.package.repository}")` },
        );
    }
    if (!one) throw new PineError(`apk chose ${pinned(c)}, which no index lists`);
    lock.push(one.package);
  }
  return lock.sort((a, b) => (a.name < b.name ? -1 : 1));
}
