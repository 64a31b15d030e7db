import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { dependencyName, indexBlocks, parseIndex } from "../../../../provider/image/packages/apkindex.ts";
import { compareVersions } from "../../../../provider/image/packages/version.ts";

describe("versions are ordered as apk orders them", () => {
  // answers of `apk version -t A B` (apk-tools 3.0.8 of Alpine 3.23.6)
  it.each([
    ["1.0", "1.0", 0],
    ["1.0-r0", "1.0-r1", -1],
    ["1.9", "1.10", -1],
    ["1.2.3", "1.2", 1],
    ["1.2a", "1.2", 1],
    ["1.2a", "1.2b", -1],
    ["1.2_alpha1", "1.2", -1],
    ["1.2_rc1", "1.2_beta2", 1],
    ["1.2_p1", "1.2", 1],
    ["1.2_p20251123", "1.2_p20240101", 1],
    ["3.5.4-r0", "3.5.5-r0", -1],
    ["20260909-r0", "20251003-r0", 1],
  ])("%s and %s", (a, b, expected) => {
    expect(Math.sign(compareVersions(a, b))).toBe(expected);
    expect(Math.sign(compareVersions(b, a))).toBe(expected === 0 ? 0 : -expected);
  });
});

it.each([
  ["so:libz.so.1=1.3.1", "so:libz.so.1"],
  ["curl~8.17", "curl"],
  ["curl@edge", "curl"],
  ["restic>=0.18", "restic"],
  ["!mkinitfs", ""],
  ["/bin/sh", "/bin/sh"],
])("the name in %s is %s", (dependency, name) => expect(dependencyName(dependency)).toBe(name));

// blocks of Alpine 3.23's index, shortened
const text = `C:Q1rBR9j99PGKjmp+N8KjbKUwPaUvA=
P:apk-tools
V:3.0.8-r0
A:x86_64
S:55400
I:115096
T:Alpine Package Keeper
t:1788244002
D:musl>=1.2.3_git20230424 libapk=3.0.8-r0 so:libapk.so.3.0.0
p:apk-tools3=3.0.8-r0 cmd:apk=3.0.8-r0

C:Q1NAB2/7iWQcGqtGdilxboeNlDyjQ=
P:musl
V:1.2.5-r23
A:x86_64
S:414882
I:666216
t:1775835052
p:so:libc.musl-x86_64.so.1=1

`;

it("an index is read", () => {
  const [apk, musl] = parseIndex(text);
  expect(apk).toMatchObject({
    name: "apk-tools",
    version: "3.0.8-r0",
    size: 55400,
    installedSize: 115096,
    built: 1788244002,
  });
  expect(apk!.depends).toEqual(["musl>=1.2.3_git20230424", "libapk=3.0.8-r0", "so:libapk.so.3.0.0"]);
  expect(musl!.provides).toEqual(["so:libc.musl-x86_64.so.1=1"]);
  expect([...indexBlocks(text).keys()]).toEqual(["apk-tools", "musl"]);
});

// apk-tools' own test/unit/version.data has 738 comparisons, of which four went wrong before: decimals behind a point,
// and hashes
it("versions are compared as apk compares them", () => {
  const { versions, rows } = JSON.parse(
    readFileSync(join(import.meta.dirname, "../../fixtures/apk/versions.json"), "utf8"),
  ) as { versions: string[]; rows: string[] };
  const ours = (a: string) => versions.map((b) => "<=>"[Math.sign(compareVersions(a, b)) + 1]).join("");
  expect(versions.map((a) => [a, ours(a)])).toEqual(versions.map((a, n) => [a, rows[n]]));
  expect(versions.length ** 2).toBeGreaterThan(2500);
});

it("what an index has in several lines is one list, as apk takes it (apk-tools, test/solver/provides22)", () => {
  const [one] = parseIndex("C:Q1FFN5AdpAOBJWKMR89pp/C66o+FE=\nP:jre\nV:1.0\nD:a b\np:java\np:so:l.so=0\nD:c\nV:2\n\n");
  expect(one).toMatchObject({ version: "1.0", depends: ["a", "b", "c"], provides: ["java", "so:l.so=0"] });
});
