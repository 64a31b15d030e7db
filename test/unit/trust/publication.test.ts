/** What is signed of a branch, one publication after the other. The servers' own reading of it: system/pull.test.ts. */
import { describe, expect, it } from "vitest";
import { manifestProblem } from "../../../provider/trust/manifest.ts";
import {
  KeysLost,
  nextPublication,
  type Published,
  parseManifestFile,
  publishedAt,
} from "../../../provider/trust/publication.ts";
import { publicKeyOf } from "../../../provider/trust/signify.ts";
import { checksum, keyOf, manifest } from "./a-manifest.ts";

const [a, b, c] = [keyOf(1), keyOf(2), keyOf(3)];
const NOTHING = { withdrawn: [], barriers: [] };
const EMPTY = { keys: "" };
const by = (keys: (typeof a)[], spare: string[] = []) => ({ keys, spare });
const values = (p: Published, name: string) =>
  [...p.manifest.text.matchAll(new RegExp(`^${name}=(.*)$`, "gm"))].map((m) => m[1]);

describe("the number of a publication", () => {
  it.each([
    ["is the time", EMPTY, 1000, "1000"],
    ["grows when the clock stands still", nextPublication(manifest, by([a]), NOTHING, EMPTY, 1000), 1000, "1001"],
    ["grows when the clock was set back", nextPublication(manifest, by([a]), NOTHING, EMPTY, 9000), 1000, "9001"],
  ])("%s", (_, before, now, number) => {
    const next = nextPublication(manifest, by([a]), NOTHING, before, now);
    expect([values(next, "number"), values(next, "published")]).toEqual([[number], [String(now)]]);
  });
});

it("is a manifest that a server takes from `up`, too", () => {
  const { manifest: signed } = nextPublication(manifest, by([a]), NOTHING, EMPTY, 1000);
  expect(manifestProblem({ keys: [publicKeyOf(a)], version: "1.2.0" }, checksum, signed)).toBeUndefined();
});

it("says what is withdrawn, and over which versions the way leads", () => {
  const statement = { withdrawn: ["d".repeat(64)], barriers: [{ version: "1.1.0", checksum: "e".repeat(64) }] };
  const next = nextPublication(manifest, by([a]), statement, EMPTY, 1000);
  expect([values(next, "withdrawn"), values(next, "barrier")]).toEqual([["d".repeat(64)], [`1.1.0 ${"e".repeat(64)}`]]);
});

describe("the chain of keys (fleet.md 58, 59: FCOS#749, ublue-os/bluefin#1484)", () => {
  const first = nextPublication(manifest, by([a]), NOTHING, EMPTY, 1000);
  const both = nextPublication(manifest, by([b, a]), NOTHING, first, 1001);
  const second = nextPublication(manifest, by([b]), NOTHING, both, 1002);
  const steps = (p: Published) =>
    p.keys
      .split("\n")
      .filter(Boolean)
      .map((line) => line.split(" ").slice(0, 2).join(" "));
  const [A, B, C] = [a, b, c].map(publicKeyOf);

  it("grows by a line for each change, and never loses one", () => {
    expect([first, both, second].map((p) => values(p, "step"))).toEqual([["0"], ["1"], ["2"]]);
    expect(steps(first)).toEqual([]);
    expect(steps(second)).toEqual([`1 ${B},${A}`, `2 ${B}`]);
    expect(second.keys.startsWith(both.keys)).toBe(true);
  });
  it("stays while the keys stay, in whatever order they are given", () =>
    expect(nextPublication(manifest, by([a, b]), NOTHING, both, 1003).keys).toBe(both.keys));
  it("counts a spare key, which need not sign", () => {
    const spare = nextPublication(manifest, by([a], [C!]), NOTHING, first, 1001);
    expect([values(spare, "key"), steps(spare)]).toEqual([[A, C], [`1 ${A},${C}`]]);
    // the first key is lost
    const after = nextPublication(manifest, by([c], [B!]), NOTHING, spare, 1002);
    expect(steps(after)[1]).toBe(`2 ${C},${B}`);
  });
  it("has no gap: what none of the last keys signs is refused", () =>
    expect(() => nextPublication(manifest, by([c]), NOTHING, second, 1003)).toThrow(KeysLost));
  it("is made again where a run was cut off between the chain and the manifest", () =>
    expect(steps(nextPublication(manifest, by([b]), NOTHING, { ...both, keys: second.keys }, 1004))).toEqual(
      steps(second),
    ));
});

describe("a manifest file", () => {
  it.each([
    ["<html><body>Sign in</body></html>\n\nx\n", undefined],
    ["", undefined],
    ["pine=1\npublished=77\n\nsignature\n", 77],
    ["pine=1\n\nsignature\n", undefined],
  ])("%j was published at %s", (file, at) => expect(publishedAt(file)).toBe(at));
  it("is read as it was written", () =>
    expect(parseManifestFile("pine=1\nref=r\n\nx\ny\n")).toEqual({ text: "pine=1\nref=r\n", signatures: ["x", "y"] }));
});
