/** Bills of materials of a Rootfs: SPDX 2.3 and CycloneDX 1.6. Same input, same bytes: no clock, nothing random. */
import { byName, filesOf, namespaceOf, type Part, partsOf, releaseOf, type SbomInput, summaryOf } from "./parts.ts";
import { dateOf, idOf, personOf } from "./terms.ts";

const ROOT = "SPDXRef-Rootfs";
const spdxId = ({ p }: Part) => `SPDXRef-Package-${idOf(p.name)}`;
const spdxFileId = (path: string) => `SPDXRef-File-${idOf(path)}`;
const unsaid = { filesAnalyzed: false, licenseConcluded: "NOASSERTION", copyrightText: "NOASSERTION" };

/** A reference to what SPDX has no category for. */
const other = (referenceType: string, referenceLocator: string, comment: string) => ({
  referenceCategory: "OTHER",
  referenceType,
  referenceLocator,
  comment,
});

/** The bill of materials as SPDX 2.3 (JSON). */
export function spdxOf(input: SbomInput): object {
  const parts = partsOf(input);
  const files = filesOf(input);
  return {
    spdxVersion: "SPDX-2.3",
    dataLicense: "CC0-1.0",
    SPDXID: "SPDXRef-DOCUMENT",
    name: `pine-rootfs-${input.digest}`,
    documentNamespace: namespaceOf(input),
    creationInfo: { created: dateOf(input.timestamp), creators: ["Tool: pine"] },
    packages: [spdxRoot(input), ...parts.map(spdxPackage), ...files.map(spdxFile)],
    ...extractedLicences(parts),
    relationships: [
      relation("SPDXRef-DOCUMENT", "DESCRIBES", ROOT),
      ...parts.map((part) => relation(ROOT, "CONTAINS", spdxId(part))),
      ...files.map(({ path }) => relation(ROOT, "CONTAINS", spdxFileId(path))),
    ],
  };
}

const relation = (from: string, relationshipType: string, to: string) => ({
  spdxElementId: from,
  relationshipType,
  relatedSpdxElement: to,
});

/** The whole Rootfs, which contains the rest. */
function spdxRoot(input: SbomInput): object {
  return {
    name: "alpine",
    SPDXID: ROOT,
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
  };
}

/** A file of the recipe's, as a package: what SPDX calls a file must have a SHA-1. */
function spdxFile({ path, sha256 }: { path: string; sha256: string }): object {
  return {
    name: path,
    SPDXID: spdxFileId(path),
    packageFileName: path,
    primaryPackagePurpose: "FILE",
    downloadLocation: "NOASSERTION",
    ...unsaid,
    licenseDeclared: "NOASSERTION",
    checksums: [{ algorithm: "SHA256", checksumValue: sha256 }],
  };
}

/** Words of packages' licence fields that are not SPDX's names. The document has no such list when there are none. */
function extractedLicences(parts: Part[]): object {
  const extracted = new Map(parts.flatMap(({ licence }) => [...licence.extracted]));
  if (extracted.size === 0) return {};
  const comment = "words of a package's licence field; the licence's own text is not in it";
  return {
    hasExtractedLicensingInfos: [...extracted]
      .sort(([a], [b]) => byName(a, b))
      .map(([licenseId, extractedText]) => ({ licenseId, extractedText, comment })),
  };
}

function spdxPackage(part: Part): object {
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
