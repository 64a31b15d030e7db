/** Bills of materials of a Rootfs: SPDX 2.3 and CycloneDX 1.6. Same input, same bytes: no clock, nothing random. */
import type { InstalledPackage } from "./installed.ts";
import type { LockedPackage } from "./mirror.ts";
import { dateOf, idOf, type Licence, licenceOf, personOf, publicAddress, purlOf, uuidOf } from "./sbom-terms.ts";

/** What a Rootfs is made of. */
export interface SbomInput {
  /** Of the Rootfs: 64 hex digits. */
  digest: string;
  /** Of its OSTree commit: 64 hex digits. */
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
interface Part {
  p: InstalledPackage;
  purl: string;
  licence: Licence;
  /** Address of its file, where that is known and public. */
  download?: string;
  homepage?: string;
  /** As in the lock. */
  repository?: string;
}

const byName = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);
const releaseOf = ({ release }: SbomInput) => release.replace(/^v(?=\d)/, "");
// spdx.org lends this prefix to those who have no site of their own (SPDX 2.3, 6.5)
const namespaceOf = ({ digest }: SbomInput) => `https://spdx.org/spdxdocs/pine-rootfs-${digest}`;
const summaryOf = (input: SbomInput) => `Alpine Linux ${releaseOf(input)} for ${input.arch} (${input.target}), by Pine`;
const filesOf = (input: SbomInput) => [...(input.files ?? [])].sort((a, b) => byName(a.path, b.path));

function partsOf(input: SbomInput): Part[] {
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

const spdxId = ({ p }: Part) => `SPDXRef-Package-${idOf(p.name)}`;
const spdxFileId = (path: string) => `SPDXRef-File-${idOf(path)}`;
const unsaid = { filesAnalyzed: false, licenseConcluded: "NOASSERTION", copyrightText: "NOASSERTION" };

/** The bill of materials as SPDX 2.3 (JSON). */
export function spdxOf(input: SbomInput): object {
  const parts = partsOf(input);
  const files = filesOf(input);
  const root = "SPDXRef-Rootfs";
  const other = (referenceType: string, referenceLocator: string, comment: string) => ({
    ...{ referenceCategory: "OTHER", referenceType, referenceLocator, comment },
  });
  const extracted = new Map(parts.flatMap(({ licence }) => [...licence.extracted]));
  const relation = (from: string, relationshipType: string, to: string) => ({
    ...{ spdxElementId: from, relationshipType, relatedSpdxElement: to },
  });
  return {
    spdxVersion: "SPDX-2.3",
    dataLicense: "CC0-1.0",
    SPDXID: "SPDXRef-DOCUMENT",
    name: `pine-rootfs-${input.digest}`,
    documentNamespace: namespaceOf(input),
    creationInfo: { created: dateOf(input.timestamp), creators: ["Tool: pine"] },
    packages: [
      {
        name: "alpine",
        SPDXID: root,
        versionInfo: releaseOf(input),
        summary: summaryOf(input),
        primaryPackagePurpose: "OPERATING-SYSTEM",
        downloadLocation: "NOASSERTION",
        ...unsaid,
        licenseDeclared: "NOASSERTION",
        externalRefs: [
          other("ostree-commit", input.checksum, "checksum of the OSTree commit that is this tree"),
          other("pine-digest", input.digest, "of everything the tree was built from"),
        ],
      },
      ...parts.map((part) => spdxPackage(part, other)),
      ...files.map(({ path, sha256 }) => ({
        // no SPDX file: those must have a SHA-1
        name: path,
        SPDXID: spdxFileId(path),
        packageFileName: path,
        primaryPackagePurpose: "FILE",
        downloadLocation: "NOASSERTION",
        ...unsaid,
        licenseDeclared: "NOASSERTION",
        checksums: [{ algorithm: "SHA256", checksumValue: sha256 }],
      })),
    ],
    ...(extracted.size > 0
      ? {
          hasExtractedLicensingInfos: [...extracted]
            .sort(([a], [b]) => byName(a, b))
            .map(([licenseId, extractedText]) => ({
              licenseId,
              extractedText,
              comment: "words of a package's licence field; the licence's own text is not in it",
            })),
        }
      : {}),
    relationships: [
      relation("SPDXRef-DOCUMENT", "DESCRIBES", root),
      ...parts.map((part) => relation(root, "CONTAINS", spdxId(part))),
      ...files.map(({ path }) => relation(root, "CONTAINS", spdxFileId(path))),
    ],
  };
}

function spdxPackage(part: Part, other: (type: string, locator: string, comment: string) => object): object {
  const { p, purl, licence, download, homepage } = part;
  const supplier = p.maintainer && personOf(p.maintainer);
  return {
    name: p.name,
    SPDXID: spdxId(part),
    versionInfo: p.version,
    ...(supplier ? { supplier } : {}),
    ...(p.description ? { summary: p.description } : {}),
    ...(homepage ? { homepage } : {}),
    downloadLocation: download ?? "NOASSERTION",
    ...unsaid,
    licenseDeclared: licence.declared || "NOASSERTION",
    sourceInfo: `built from ${p.origin}${p.commit ? `, commit ${p.commit} of its build recipes` : ""}`,
    ...(p.built > 0 ? { builtDate: dateOf(p.built) } : {}),
    externalRefs: [
      { referenceCategory: "PACKAGE-MANAGER", referenceType: "purl", referenceLocator: purl },
      other(
        "apk-control-checksum",
        p.checksum,
        "apk's checksum: Q1 and in base64 the SHA-1 of the package's control part, not of its file",
      ),
    ],
  };
}

/** The bill of materials as CycloneDX 1.6 (JSON). */
export function cyclonedxOf(input: SbomInput): object {
  const parts = partsOf(input);
  const files = filesOf(input);
  const root = `pine-rootfs-${input.digest}`;
  const fileRef = (path: string) => `file:${path}`;
  return {
    $schema: "http://cyclonedx.org/schema/bom-1.6.schema.json",
    bomFormat: "CycloneDX",
    specVersion: "1.6",
    serialNumber: `urn:uuid:${uuidOf(namespaceOf(input))}`,
    version: 1,
    metadata: {
      timestamp: dateOf(input.timestamp),
      tools: { components: [{ type: "application", name: "pine" }] },
      component: {
        type: "operating-system",
        "bom-ref": root,
        name: "alpine",
        version: releaseOf(input),
        description: summaryOf(input),
        properties: propertiesOf({
          "pine:arch": input.arch,
          "pine:digest": input.digest,
          "pine:ostree:commit": input.checksum,
          "pine:target": input.target,
        }),
      },
    },
    components: [
      ...parts.map(cyclonedxComponent),
      ...files.map(({ path, sha256 }) => ({
        type: "file",
        "bom-ref": fileRef(path),
        name: path,
        hashes: [{ alg: "SHA-256", content: sha256 }],
      })),
    ],
    dependencies: [{ ref: root, dependsOn: [...parts.map(({ purl }) => purl), ...files.map((f) => fileRef(f.path))] }],
  };
}

function cyclonedxComponent({ p, purl, licence, download, homepage, repository }: Part): object {
  const references = [
    ...(homepage ? [{ type: "website", url: homepage }] : []),
    ...(download ? [{ type: "distribution", url: download }] : []),
  ];
  return {
    type: "library",
    "bom-ref": purl,
    ...(p.maintainer ? { publisher: p.maintainer } : {}),
    name: p.name,
    version: p.version,
    ...(p.description ? { description: p.description } : {}),
    ...(p.license.trim() ? { licenses: [cyclonedxLicence(licence, p.license.trim())] } : {}),
    purl,
    ...(references.length > 0 ? { externalReferences: references } : {}),
    properties: propertiesOf({
      "pine:apk:built": p.built > 0 ? dateOf(p.built) : undefined,
      "pine:apk:commit": p.commit,
      // not a hash of the component: SHA-1 of the package's control part
      "pine:apk:control-checksum": p.checksum,
      "pine:apk:installed-size": String(p.installedSize),
      "pine:apk:origin": p.origin,
      "pine:apk:repository": repository,
      "pine:apk:size": String(p.size),
    }),
  };
}

function cyclonedxLicence(licence: Licence, field: string): object {
  const acknowledgement = "declared";
  if (licence.id !== undefined) return { license: { id: licence.id, acknowledgement } };
  return licence.valid ? { expression: field, acknowledgement } : { license: { name: field, acknowledgement } };
}

const propertiesOf = (all: Record<string, string | undefined>) =>
  Object.entries(all).flatMap(([name, value]) => (value === undefined ? [] : [{ name, value }]));
