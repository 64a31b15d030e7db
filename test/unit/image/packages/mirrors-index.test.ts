/** Indexes of several mirrors: signed by whom, and how old. */
import { afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import { fetchIndexes } from "../../../../provider/image/packages/mirror-index.ts";
import { freshKey } from "../../../lab/mirror/cache.ts";
import { aPackage, type Built, Mirror, type TwoMirrors, twoMirrors } from "./mirrors-tools.ts";

const key = freshKey("lab.rsa.pub");
const stranger = freshKey("stranger.rsa.pub");
let packages: Built[];
beforeAll(async () => {
  packages = [await aPackage("ann", key)];
});

let lab: TwoMirrors;
let [a, b] = [new Mirror(), new Mirror()];
beforeEach(async () => {
  lab = await twoMirrors(packages, key);
  ({ a, b } = lab);
});
afterEach(() => lab.end());
const indexes = (repositories = ["main", "community"]) => fetchIndexes(repositories, lab.source(), lab.task);

it.each([
  ["signed by a stranger", stranger, /signed with key stranger\.rsa\.pub, which is not among the trusted ones/],
  ["signed under a trusted name", { ...stranger, name: key.name }, /the signature by key lab\.rsa\.pub does not match/],
])("%s is told, and the next mirror's is taken", async (_, signer, why) => {
  await a.has(packages, signer);
  expect((await indexes())[0]!.text).toContain("P:ann");
  expect(lab.warned).toEqual([expect.stringMatching(why)]);
  expect(lab.warned[0]).toContain(`stopped using the mirror ${a.url}`);
});
const old = async (built: number) => [await aPackage("old", key, { built })];
it("older than the last one seen on any mirror is told, and the next mirror's is taken", async () => {
  // b was the first once
  await fetchIndexes(["main"], { ...lab.source(), mirror: b.url, fallbacks: [a.url] }, lab.task);
  await a.has(await old(1_600_000_000), key);
  const [main] = await indexes(["main"]);
  expect(main).toMatchObject({ url: `${a.url}/v3.23/main`, text: expect.stringContaining("P:ann") });
  expect(lab.warned).toEqual([
    expect.stringMatching(
      /^stopped using the mirror .* is older than what was seen of that repository before \(newest package 2020-09-13, before 2023-11-14\).*; trying /,
    ),
  ]);
});
it("that did not change is older all the same when another mirror had a newer one", async () => {
  await a.has(await old(1_600_000_000), key);
  await indexes(["main"]);
  await fetchIndexes(["main"], { ...lab.source(), mirror: b.url, fallbacks: [a.url] }, lab.task);
  expect(lab.warned).toEqual([]);
  expect((await indexes(["main"]))[0]!.text).toContain("P:ann");
  expect(lab.warned).toEqual([expect.stringMatching(/is older than what was seen/)]);
});
it("older on every mirror: the newest of them, and each is told", async () => {
  await indexes(["main"]);
  await a.has(await old(1_500_000_000), key);
  await b.has(await old(1_600_000_000), key);
  const [main] = await indexes(["main"]);
  expect(main!.text).toContain("t:1600000000");
  expect(lab.warned).toEqual([
    expect.stringMatching(/^stopped using .*2017-07-14/),
    expect.stringMatching(/^stopped using .*2020-09-13/),
    `no mirror has newer indexes: Pine uses those of ${b.url}`,
  ]);
});
