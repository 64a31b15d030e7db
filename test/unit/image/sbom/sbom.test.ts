import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SPDX, Spec, Validation } from "@cyclonedx/cyclonedx-library";
import { describe, expect, it } from "vitest";
import { cyclonedxOf } from "../../../../provider/image/sbom/cyclonedx.ts";
import type { SbomInput } from "../../../../provider/image/sbom/parts.ts";
import { spdxOf } from "../../../../provider/image/sbom/spdx.ts";
import { idOf, licenceOf, personOf, publicAddress, purlOf, uuidOf } from "../../../../provider/image/sbom/terms.ts";
import { writeSboms } from "../../../../provider/image/sbom/write.ts";
import { Store } from "../../../../provider/image/store/store.ts";
import { aPackage, aSbom, oddPackages } from "./a-sbom.ts";

// biome-ignore lint/suspicious/noExplicitAny: documents of two formats, looked into
type Doc = any;
const spdx = (input: SbomInput): Doc => spdxOf(input);
const cyclonedx = (input: SbomInput): Doc => cyclonedxOf(input);
const problems = (doc: unknown) =>
  new Validation.JsonStrictValidator(Spec.Version.v1dot6).validate(JSON.stringify(doc));
const named = (list: Doc[], name: string) => list.find((p) => p.name === name);
const property = (of: Doc, name: string) => of.properties.find((p: Doc) => p.name === name)?.value;

describe("CycloneDX", () => {
  it("is valid, for a real Alpine and for odd fields", async () => {
    expect(await problems(cyclonedx(aSbom()))).toBeNull();
    expect(await problems(cyclonedx(aSbom({ packages: oddPackages })))).toBeNull();
  });

  it.each<[string, (doc: Doc) => void]>([
    ["a licence that is not on the list", (d) => Object.assign(d.components[0].licenses[0].license, { id: "custom" })],
    ["a component without a name", (d) => delete d.components[0].name],
    ["a field that nobody knows", (d) => Object.assign(d.metadata, { pine: 1 })],
    ["a serial number that is no UUID", (d) => Object.assign(d, { serialNumber: "urn:uuid:1" })],
    ["two references that are the same", (d) => d.components.push(d.components[0])],
  ])("its validator refuses %s", async (_, breakIt) => {
    const doc = cyclonedx(aSbom());
    breakIt(doc);
    expect(await problems(doc)).not.toBeNull();
  });

  it("says of a package what apk says, and calls apk's checksum no hash", () => {
    const doc = cyclonedx(aSbom());
    // biome-ignore format: what belongs together is in one line
    expect(doc.components.map((c: Doc) => c.name)).toEqual([
      "alpine-baselayout", "alpine-keys", "alpine-release", "apk-tools", "busybox", "c-ares", "cryptsetup-libs",
      "libcom_err", "linux-virt", "musl", "ssl_client", "sudo", "xz-libs", "/usr/bin/my tool",
    ]);
    const musl = named(doc.components, "musl");
    expect(musl).toMatchObject({
      purl: `pkg:apk/alpine/musl@${musl.version}?arch=x86_64&distro=alpine-3.23`,
      licenses: [{ license: { id: "MIT" } }],
      externalReferences: [
        { type: "website", url: "https://musl.libc.org/" },
        { type: "distribution", url: `https://mirror.example/alpine/v3.23/main/x86_64/musl-${musl.version}.apk` },
      ],
    });
    expect(musl.hashes).toBeUndefined();
    expect(property(musl, "pine:apk:control-checksum")).toMatch(/^Q1/);
    expect(named(doc.components, "sudo").licenses).toEqual([
      { license: { name: "custom ISC", acknowledgement: "declared" } },
    ]);
    expect(named(doc.components, "cryptsetup-libs").licenses[0].expression).toMatch(/ WITH /);
    const file = named(doc.components, "/usr/bin/my tool");
    expect(file).toMatchObject({ type: "file", hashes: [{ alg: "SHA-256", content: "2c".repeat(32) }] });
    const root = doc.metadata.component;
    expect(root).toMatchObject({ type: "operating-system", name: "alpine", version: "3.23" });
    expect(property(root, "pine:ostree:commit")).toBe("1b".repeat(32));
    expect(doc.dependencies).toEqual([
      { ref: root["bom-ref"], dependsOn: doc.components.map((c: Doc) => c["bom-ref"]) },
    ]);
  });

  it("knows every identifier of the parser's list: it may be written as one", () => {
    const require = createRequire(createRequire(import.meta.url).resolve("spdx-expression-parse"));
    const ids: string[] = [...require("spdx-license-ids"), ...require("spdx-license-ids/deprecated")];
    expect(ids.length).toBeGreaterThan(500);
    expect(ids.filter((id) => !SPDX.isSupportedSpdxId(id))).toEqual([]);
  });
});

// its own validator: test/e2e/rootfs-sbom.test.ts
describe("SPDX", () => {
  it("describes the tree, which contains each package and file", () => {
    const doc = spdx(aSbom());
    const [root, ...parts] = doc.packages.map((p: Doc) => p.SPDXID);
    expect(new Set([root, ...parts]).size).toBe(15);
    expect(doc.relationships.map((r: Doc) => Object.values(r).join(" "))).toEqual([
      `SPDXRef-DOCUMENT DESCRIBES ${root}`,
      ...parts.map((id: string) => `${root} CONTAINS ${id}`),
    ]);
    expect(doc.creationInfo.created).toBe("2026-10-12T12:54:18Z"); // the newest package's
    expect(doc.packages[0]).toMatchObject({ name: "alpine", versionInfo: "3.23" });
    expect(doc.packages[0].externalRefs[0].referenceLocator).toBe("1b".repeat(32));
  });

  it("puts no checksum to a package, and lists the licences that are not on SPDX' list", () => {
    const doc = spdx(aSbom());
    expect(doc.packages.flatMap((p: Doc) => (p.checksums ? [p.name] : []))).toEqual(["/usr/bin/my tool"]);
    const sudo = named(doc.packages, "sudo");
    expect(sudo.externalRefs[1]).toMatchObject({ referenceCategory: "OTHER", referenceType: "apk-control-checksum" });
    expect(named(doc.packages, "xz-libs").licenseDeclared).toBe(
      "GPL-2.0-or-later AND 0BSD AND LicenseRef-Public-Domain AND LGPL-2.1-or-later",
    );
    expect(doc.hasExtractedLicensingInfos.map((l: Doc) => [l.licenseId, l.extractedText])).toEqual([
      ["LicenseRef-Public-Domain", "Public-Domain"],
      [sudo.licenseDeclared, "custom ISC"],
    ]);
  });
});

describe("both", () => {
  it("are the same bytes for the same input, in whatever order, and others for another digest", () => {
    const [one, two] = [aSbom(), aSbom()];
    two.packages.reverse();
    for (const make of [spdx, cyclonedx]) expect(JSON.stringify(make(one))).toBe(JSON.stringify(make(two)));
    const other = aSbom({ digest: "ff".repeat(32) });
    expect(spdx(other).documentNamespace).not.toBe(spdx(one).documentNamespace);
    expect(cyclonedx(other).serialNumber).not.toBe(cyclonedx(one).serialNumber);
  });

  it("name an address only of what is locked so, never with a password, and say which are not Alpine's", () => {
    const packages = ["a", "b", "c", "d"].map((name) => aPackage({ name }));
    const repository = "https://me:secret@packages.example/own";
    const locked = [
      { ...packages[0]!, repository },
      { ...packages[1]!, repository: "lab" },
      { ...packages[2]!, repository: "main", checksum: `Q1${"B".repeat(27)}=` }, // another build
    ];
    const repositories = {
      [repository]: repository,
      lab: "http://127.0.0.1:8080/main",
      main: "https://m.example/main",
    };
    const input = aSbom({ packages, locked, repositories });
    expect(
      spdx(input)
        .packages.slice(1, 5)
        .map((p: Doc) => p.downloadLocation),
    ).toEqual(["https://packages.example/own/x86_64/a-1.0-r0.apk", "NOASSERTION", "NOASSERTION", "NOASSERTION"]);
    const purls = cyclonedx(input).components.map((c: Doc) => c.purl);
    expect(purls[0]).toMatch(/\?arch=x86_64&distro=alpine-3\.23&repository_url=https:%2F%2Fpackages\.example%2Fown$/);
    expect(purls[1]).toMatch(/\?arch=x86_64&distro=alpine-3\.23$/);
    expect(JSON.stringify([spdx(input), cyclonedx(input)])).not.toMatch(/secret/);
  });

  it("are in the store, whole and nothing beside them", async () => {
    const dir = await mkdtemp(join(tmpdir(), "pine-sbom-"));
    try {
      const store = await Store.open(dir);
      const input = aSbom();
      const paths = await writeSboms(store, input);
      expect(paths).toEqual({
        spdx: join(dir, "sboms", `${input.digest}.spdx.json`),
        cyclonedx: join(dir, "sboms", `${input.digest}.cdx.json`),
      });
      expect(JSON.parse(await readFile(paths.spdx, "utf8"))).toEqual(spdx(input));
      expect(JSON.parse(await readFile(paths.cyclonedx, "utf8"))).toEqual(cyclonedx(input));
      expect((await readdir(join(dir, "sboms"))).length).toBe(2);
      await expect(writeSboms(store, { ...input, digest: "../x" })).rejects.toThrow(/is not a digest; expected 64 hex/);
    } finally {
      await rm(dir, { recursive: true });
    }
  });
});

describe("terms", () => {
  it.each([
    ["MIT", "MIT", true, []],
    [" GPL-2.0-only AND MIT ", "GPL-2.0-only AND MIT", true, []],
    ["", "", false, []],
    ["Public-Domain", "LicenseRef-Public-Domain", false, ["Public-Domain"]],
    ["(MIT OR foo_1) AND ISC", `(MIT OR LicenseRef-${idOf("foo_1")}) AND ISC`, false, ["foo_1"]],
    ["MIT OR LicenseRef-Own", "MIT OR LicenseRef-Own", true, ["LicenseRef-Own"]],
    ["custom ISC", `LicenseRef-${idOf("custom ISC")}`, false, ["custom ISC"]],
    ["MIT WITH nothing", `LicenseRef-${idOf("MIT WITH nothing")}`, false, ["MIT WITH nothing"]],
  ])("licence %j", (field, declared, valid, words) => {
    const licence = licenceOf(field);
    expect(licence).toMatchObject({ declared, valid });
    expect([...licence.extracted.values()]).toEqual(words);
    expect(licence.id).toBe(field === "MIT" ? "MIT" : undefined);
  });

  it("package URLs are percent-encoded", () => {
    expect(purlOf("libstdc++", "15.2.0_git1~a+b-r0", { distro: "alpine-3.23", arch: "x86_64", none: undefined })).toBe(
      "pkg:apk/alpine/libstdc%2B%2B@15.2.0_git1~a%2Bb-r0?arch=x86_64&distro=alpine-3.23",
    );
    expect(purlOf("R", "1", { "x-y": "a&b=c d@e/(f)" })).toBe("pkg:apk/alpine/r@1?x-y=a%26b%3Dc%20d%40e%2F%28f%29");
  });

  it("identifiers are different for different texts", () => {
    expect(idOf("musl-dev")).toBe("musl-dev");
    const ids = ["libstdc++", "libstdc--", "libstdc", "a_b", "a b", "++", `${"a".repeat(60)}b`, "a".repeat(60)].map(
      idOf,
    );
    expect(new Set(ids).size).toBe(ids.length);
    for (const id of ids) expect(id).toMatch(/^[A-Za-z0-9.-]+$/);
  });

  it.each([
    ["https://musl.libc.org/", "https://musl.libc.org/"],
    ["https://me:pw@a.example/x", "https://a.example/x"],
    ["http://localhost/x", undefined],
    ["http://192.0.2.1/x", undefined],
    ["http://[::1]/x", undefined],
    ["javascript:alert(1)", undefined],
    ["somewhere", undefined],
  ])("address %s", (text, expected) => expect(publicAddress(text)).toBe(expected));

  it.each([
    ["Natanael Copa <ncopa@alpinelinux.org>", "Person: Natanael Copa (ncopa@alpinelinux.org)"],
    ["A (B) <a@b.example>", "Person: A B (a@b.example)"],
    ["<a@b.example>", "Person: a@b.example (a@b.example)"],
    ["somebody", "Person: somebody"],
    ["<>", undefined],
  ])("person %s", (maintainer, expected) => expect(personOf(maintainer)).toBe(expected));

  // Python's uuid.uuid5(uuid.NAMESPACE_URL, "https://pine.example/")
  it("UUIDs are as others make them", () =>
    expect(uuidOf("https://pine.example/")).toBe("399cd320-a098-5a86-b20f-2e3173780d4b"));
});
