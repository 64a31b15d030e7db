import { describe, expect, it } from "vitest";
import {
  type Candidate,
  type Chosen,
  candidates,
  type Place,
  parseInstalled,
  parsePlaces,
  pinned,
  toLock,
} from "../../../../provider/image/packages/answer.ts";
import { closure } from "../../../../provider/image/packages/closure.ts";
import { complaint } from "../../../../provider/image/packages/complaint.ts";
import { parseRepository, repositoryLine } from "../../../../provider/image/packages/mirror.ts";
import type { RepositoryIndex } from "../../../../provider/image/packages/mirror-index.ts";

const source = { mirror: "http://m/alpine", release: "v3.23" };
const index = (names: string[]): RepositoryIndex => ({
  ...parseRepository("main", source),
  path: "",
  text: names.map((n) => `C:Q1a\nP:${n}\nV:1-r0\n\n`).join(""),
});

// output of apk-tools 3.0.8 (Alpine 3.23.6), `apk add --simulate --no-progress …`
const unknown = `ERROR: unable to select packages:
  busibox (no such package):
    required by: world[busibox]
  nonesuch (no such package):
    required by: world[nonesuch]
`;
const conflict = `ERROR: unable to select packages:
  libcurl-8.22.0-r0:
    breaks: world[libcurl<8]
    satisfies: curl-8.22.0-r0[libcurl=8.22.0-r0]
               curl-8.22.0-r0[so:libcurl.so.4]
`;
const untagged = `WARNING: The repository tag for world dependency 'curl@edge' does not exist
ERROR: Not committing changes due to missing repository tags.
`;
const chosen = `( 1/3) Installing musl (1.2.5-r23)
( 2/3) Installing libncursesw@edge (6.5_p20251123-r0)
( 3/3) Installing busybox (1.37.0-r30)
OK: 58.7 MiB in 3 packages
`;

describe("apk's complaints", () => {
  const indexes = [index(["busybox", "curl", "libcurl"])];
  it("about packages that are not there come with what is close", () => {
    const e = complaint(unknown, { packages: ["busibox", "nonesuch"], indexes });
    expect(e.message).toBe(
      'packages: no package "busibox" in main; did you mean busybox?; no package "nonesuch" in main',
    );
  });
  it("about constraints name those who do not fit", () => {
    const e = complaint(conflict, { packages: ["curl", "libcurl<8"], indexes });
    expect(e.message).toMatch(
      /^packages: libcurl<8 cannot be installed together with the rest \(libcurl-8\.22\.0-r0: breaks: world/,
    );
    expect(e.culprits).toEqual(["libcurl"]);
  });
  it("about tags say how to give one", () =>
    expect(complaint(untagged, { packages: ["curl@edge"], indexes }).message).toMatch(
      /curl@edge asks for the tag @edge, which no repository has; give one in `repositories`: "@edge edge/,
    ));
  // the same apk, over an index of this test's own
  it.each([
    [
      "a name that several provide",
      "  virt (virtual):\n    note: please select one of the 'provided by'\n          packages explicitly\n    provided by: va vb\n    required by: needs-1-r0[virt]\n",
      "packages: virt is not a package: va, vb provide it (required by: needs-1-r0[virt])",
      "name one of them in `packages`: va or vb",
    ],
    [
      "one that one provides",
      "  single (virtual):\n    note: please select one of the 'provided by'\n          packages explicitly\n    provided by: one\n    required by: world[single]\n",
      "packages: single is not a package: one provides it",
      "name it in `packages`: one",
    ],
    [
      "what only a tagged repository has",
      "  other-2-r0:\n    masked in: @edge\n    satisfies: world[other]\n",
      "packages: other-2-r0 is only in a repository with the tag @edge",
      "ask for other@edge, or give the repository without a tag",
    ],
    [
      "what another forbids",
      "  c2-1-r0:\n    breaks: c1-1-r0[!c2]\n    satisfies: world[c2]\n",
      "packages: c2 cannot be installed together with the rest (c2-1-r0: breaks: c1-1-r0[!c2]; satisfies: world[c2])",
      "loosen the constraint that apk names, or change `upgradeTrigger` if the lock is old",
    ],
  ])("about %s say what to do", (_, said, message, hint) => {
    const e = complaint(`ERROR: unable to select packages:\n${said}`, {
      packages: ["virt", "single", "other", "c2"],
      indexes,
    });
    expect(e.message).toBe(`${message}; ${hint}`);
  });
  it("about two things have a hint for each", () => {
    const both =
      "  virt (virtual):\n    provided by: va vb\n    required by: world[virt]\n  c2-1-r0:\n    breaks: c1-1-r0[!c2]\n";
    expect(complaint(both, { packages: ["virt"], indexes }).hint).toMatch(
      /^name one of them .*; loosen the constraint/,
    );
  });
  it("that are new to us are passed on", () =>
    expect(complaint("ERROR: something else\n", { packages: [], indexes }).message).toMatch(
      /apk says: ERROR: something else/,
    ));
});

it("what apk chose is read", () =>
  expect(parseInstalled(chosen)).toEqual([
    { name: "musl", version: "1.2.5-r23" },
    { name: "libncursesw", version: "6.5_p20251123-r0", tag: "edge" },
    { name: "busybox", version: "1.37.0-r30" },
  ]));

it.each([
  ["main", "http://m/alpine/v3.23/main", undefined],
  ["edge/testing", "http://m/alpine/edge/testing", undefined],
  ["@edge edge/testing", "http://m/alpine/edge/testing", "edge"],
  ["https://x.example/own/", "https://x.example/own", undefined],
])("repository %s is at %s", (text, url, tag) => {
  const r = parseRepository(text, source);
  expect(r).toMatchObject({ url, tag });
  expect(repositoryLine(r)).toBe(tag ? `@${tag} ${url}` : url);
});

describe("what apk itself is started from", () => {
  const entry = (name: string, version: string, depends: string[] = [], provides: string[] = []) => ({
    name,
    version,
    depends,
    provides,
    arch: "x86_64",
    checksum: `Q1${name}${version}`,
    size: 1,
    installedSize: 1,
    built: 1,
    repository: "main",
  });
  it("is the newest of each package it needs, found by what they provide", () => {
    const entries = [
      entry("apk-tools", "3.0.1-r0", ["so:libz.so.1", "musl>=1.2", "!other"]),
      entry("apk-tools", "3.0.8-r0", ["so:libz.so.1", "musl>=1.2", "!other"]),
      entry("zlib", "1.3-r0", ["so:libc.musl-x86_64.so.1"], ["so:libz.so.1=1.3"]),
      entry("musl", "1.2-r0", [], ["so:libc.musl-x86_64.so.1=1"]),
      entry("other", "1-r0"),
    ];
    expect(closure(["apk-tools"], entries).map((p) => `${p.name} ${p.version}`)).toEqual([
      "apk-tools 3.0.8-r0",
      "musl 1.2-r0",
      "zlib 1.3-r0",
    ]);
  });
  it("is missed by name", () =>
    expect(() => closure(["apk-tools"], [entry("apk-tools", "3-r0", ["so:libz.so.1"])])).toThrow(
      /provides so:libz\.so\.1/,
    ));
});

describe("a name and a version that several repositories have", () => {
  const repository = (
    text: string,
    ...packages: [name: string, version: string, checksum: string][]
  ): RepositoryIndex => ({
    ...parseRepository(text, source),
    path: "",
    text: packages.map(([p, v, c]) => `C:Q1${c}\nP:${p}\nV:${v}\n\n`).join(""),
  });
  const lock = (chosen: Chosen[], from: Map<string, Candidate[]>, places?: Place[]) =>
    toLock(chosen, from, async () => places ?? expect.fail("apk is asked though nothing is open"));
  const one = repository("one", ["tool", "1.0-r0", "a"], ["same", "1-r0", "s"]);
  const two = repository("two", ["tool", "1.0-r0", "b"], ["same", "1-r0", "s"]);
  const tagged = repository("@x two", ["tool", "1.0-r0", "b"]);
  const tool = { name: "tool", version: "1.0-r0" };

  it.each([[[one, tagged]], [[tagged, one]]])("is told apart by the tag that apk prints", async (indexes) => {
    const from = candidates(indexes, []);
    expect(await lock([tool], from)).toMatchObject([{ repository: "one", checksum: "Q1a" }]);
    expect(await lock([{ ...tool, tag: "x" }], from)).toMatchObject([{ repository: "two", checksum: "Q1b" }]);
  });

  it("is asked for where both are without a tag, and is one package where the checksum is the same", async () => {
    const from = candidates([one, two], []);
    expect(await lock([{ name: "same", version: "1-r0" }], from)).toMatchObject([{ checksum: "Q1s" }]);
    const places = parsePlaces("/tmp/x/1/x86_64/tool-1.0-r0.apk\n/tmp/y/0/x86_64/tool-1.0-r0.apk\n", "/tmp/x");
    expect(places).toEqual([{ index: 1, file: "tool-1.0-r0.apk" }]);
    expect(await lock([tool], from, places)).toMatchObject([{ repository: "two", checksum: "Q1b" }]);
  });

  it("is an error where even apk does not tell, never the first one", async () => {
    await expect(lock([tool], candidates([one, two], []), [])).rejects.toThrow(
      "packages: tool 1.0-r0 is in one and two with different builds, and apk does not say which one it chose",
    );
    await expect(lock([{ ...tool, tag: "y" }], candidates([one], []))).rejects.toThrow(
      "tool@y=1.0-r0, which no index lists",
    );
  });

  it("is the kept one in its repository, gone from the mirror or not", async () => {
    const kept = { ...tool, checksum: "Q1old", size: 1, installedSize: 1, built: 1, repository: "one" };
    const from = candidates([one], [kept]);
    expect(await lock([tool], from)).toMatchObject([{ checksum: "Q1old" }]);
    expect(pinned({ ...tool, tag: "x" })).toBe("tool@x=1.0-r0");
  });
});
