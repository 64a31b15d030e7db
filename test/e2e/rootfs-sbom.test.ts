/**
 * Bills of materials in the form of SPDX, judged by SPDX' own validator; those of a built Rootfs are in rootfs-build.
 */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { spdxOf } from "../../provider/image/sbom/spdx.ts";
import { spdxProblems } from "../lab/spdx/index.ts";
import { aSbom, oddPackages } from "../unit/image/sbom/a-sbom.ts";

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "pine-spdx-"));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

async function problems(doc: unknown): Promise<string[]> {
  const file = join(dir, "a.spdx.json");
  await writeFile(file, JSON.stringify(doc));
  return spdxProblems(file);
}

it("they are valid, for a real Alpine and for odd fields", async () => {
  expect(await problems(spdxOf(aSbom()))).toEqual([]);
  expect(await problems(spdxOf(aSbom({ packages: oddPackages })))).toEqual([]);
});

// biome-ignore lint/suspicious/noExplicitAny: a document, broken
it.each<[string, (doc: any) => void, RegExp]>([
  ["no namespace", (d) => delete d.documentNamespace, /document_namespace/],
  ["a licence that is not on the list", (d) => Object.assign(d.packages[1], { licenseDeclared: "custom" }), /custom/],
  ["a licence that is not explained", (d) => d.hasExtractedLicensingInfos.pop(), /LicenseRef-custom/],
  ["a relationship to nothing", (d) => d.packages.pop(), /SPDXRef-File-/],
  ["nothing that it describes", (d) => d.relationships.shift(), /DESCRIBES/],
  ["a checksum of another length", (d) => Object.assign(d.packages.at(-1).checksums[0], { checksumValue: "ab" }), /64/],
])("the validator refuses %s", async (_, breakIt, says) => {
  const doc = spdxOf(aSbom());
  breakIt(doc);
  expect((await problems(doc)).join("\n")).toMatch(says);
});
