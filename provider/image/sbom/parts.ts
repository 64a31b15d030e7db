/** The parts of an image, as both formats describe them. Pure. */
import type { InstalledPackage } from "../packages/installed.ts";
import type { LockedPackage } from "../packages/mirror.ts";
import { type Licence, licenceOf, publicAddress, purlOf } from "./terms.ts";

/** What a Rootfs is made of. */
export interface SbomInput {
  /** The Rootfs' digest: 64 hex digits. */
  digest: string;
  /** Checksum of its OSTree commit: 64 hex digits. */
  checksum: string;
  arch: string;
  /** "v3.23", "edge" */
  release: string;
  /** Seconds since 1970: the newest build date of its packages. */
  timestamp: number;
  target: string;
  packages: InstalledPackage[];
  locked: Pick<LockedPackage, "name" | "version" | "checksum" | "repository">[];
  /** What the user's program added: absolute path, and SHA-256 of the content in hex. */
  files?: { path: string; sha256: string }[];
  /** Name of a repository as in the lock, to its address without the architecture. */
  repositories: Record<string, string>;
}

/** A package with what both formats say of it. */
export interface Part {
  p: InstalledPackage;
  purl: string;
  licence: Licence;
  /** Address of its file, where that is known and public. */
  download?: string;
  homepage?: string;
  /** As in the lock. */
  repository?: string;
}

export const byName = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);
export const releaseOf = ({ release }: SbomInput) => release.replace(/^v(?=\d)/, "");
// spdx.org lends this prefix to those who have no site of their own (SPDX 2.3, 6.5)
export const namespaceOf = ({ digest }: SbomInput) => `https://spdx.org/spdxdocs/pine-rootfs-${digest}`;
export const summaryOf = (input: SbomInput) =>
  `Alpine Linux ${releaseOf(input)} for ${input.arch} (${input.target}), by Pine`;
export const filesOf = (input: SbomInput) => [...(input.files ?? [])].sort((a, b) => byName(a.path, b.path));

export function partsOf(input: SbomInput): Part[] {
  const locked = new Map(input.locked.map((l) => [`${l.name} ${l.version} ${l.checksum}`, l.repository]));
  const packages = [...input.packages].sort((a, b) => byName(a.name, b.name));
  return packages.map((p) => {
    const repository = locked.get(`${p.name} ${p.version} ${p.checksum}`);
    const url = repository === undefined ? undefined : input.repositories[repository];
    const address = url === undefined ? undefined : publicAddress(url)?.replace(/\/+$/, "");
    const purl = purlOf(p.name, p.version, {
      arch: p.arch,
      distro: `alpine-${releaseOf(input)}`,
      // not one of Alpine's own
      repository_url: repository?.includes("://") ? address : undefined,
    });
    return {
      p,
      purl,
      licence: licenceOf(p.license),
      download: address && `${address}/${input.arch}/${p.name}-${p.version}.apk`,
      homepage: publicAddress(p.url),
      repository: repository?.includes("://") ? address : repository,
    };
  });
}
