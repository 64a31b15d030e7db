/** What is inside a Rootfs, as CycloneDX. Pure. */
import { filesOf, namespaceOf, type Part, partsOf, releaseOf, type SbomInput, summaryOf } from "./parts.ts";
import { dateOf, type Licence, uuidOf } from "./terms.ts";

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
