/** A commit whose delta, mirror, object or disk is not as it should be: libexec/pine/pull. */
import { chmodSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { Puller } from "./a-puller.ts";

let p: Puller;
const told = async (what: string) => (await p.run("pull", [what])).stdout;
const refs = async () => (await p.s.ostree(["refs", `--repo=${join(p.s.root, "ostree/repo")}`])).stdout;
beforeAll(async () => {
  p = await Puller.make(["busybox", "sh"]);
  await p.publish("2", "1.1.0");
  await told("stage");
});
afterEach(() => {
  p.answer = () => false;
});
afterAll(() => p?.end());

describe("a delta (63: ostree#748) that is", () => {
  test.each([
    ["cut off", (file: string) => truncateSync(file, 40)],
    ["empty", (file: string) => truncateSync(file, 0)],
    ["changed in one byte", (file: string) => flip(file)],
    ["another's", (file: string) => writeFileSync(file, readFileSync(join(p.repo, "config")))],
  ])("%s: the objects come instead", async (how, spoil) => {
    const name = `delta-${how.replaceAll(" ", "-")}`;
    const commit = await p.publish(name, `1.3.${name.length}`, { from: p.s.first });
    for (const file of filesBelow(join(p.repo, "deltas")).filter((f) => f.endsWith("superblock") || f.endsWith("/0")))
      spoil(file);
    const before = p.log().length;
    expect(await told("stage")).toMatch(new RegExp(`^commit=${commit}\n(.*\n)*decision=staged$`, "m"));
    expect(
      p
        .log()
        .slice(before)
        .match(/not by a delta: /g),
    ).toHaveLength(1);
    await p.s.ostree(["fsck", `--repo=${join(p.s.root, "ostree/repo")}`]);
    for (const file of filesBelow(join(p.repo, "deltas"))) writeFileSync(file, "");
  });

  test("changed, and the objects are away, too: told, once each, and what is here stays", async () => {
    const env = readFileSync(join(p.s.slots, "env"));
    const commit = await p.publish("delta-alone", "1.4.0", { from: p.s.first });
    for (const file of filesBelow(join(p.repo, "deltas")).filter((f) => f.endsWith("superblock"))) flip(file);
    p.answer = (_, response, path) => path.endsWith(".filez") && Boolean(response.writeHead(404).end());
    p.asked.length = 0;
    expect(await p.refused("pull", ["stage"])).toMatch(/the mirror is not complete yet: it lacks a file of commit/);
    expect(p.asked.filter((path) => path.endsWith("superblock"))).toHaveLength(1);
    expect([p.text("pull/staged.commit").includes(commit), p.s.bootable()]).toEqual([false, { a: "1" }]);
    expect(readFileSync(join(p.s.slots, "env"))).toEqual(env);
  });
  test("nobody's, for who is up to date: no delta is asked for (63: ostree#1321)", async () => {
    await p.publish("1", "1.4.1", { checksum: p.s.first });
    p.asked.length = 0;
    expect(await told("stage")).toMatch(/^decision=current$/m);
    expect(p.asked.filter((path) => !path.startsWith("pine/"))).toEqual([]);
    await p.publish("2", "1.4.2");
    await told("stage");
  });
});

test("a mirror that is not complete yet is told so, and what is here stays (62: rpm-ostree#872)", async () => {
  const commit = await p.publish("half", "1.6.0");
  p.answer = (_, response, path) => {
    if (!path.endsWith(".filez")) return false;
    response.writeHead(404).end();
    return true;
  };
  expect(await p.refused("pull", ["stage"])).toMatch(/the mirror is not complete yet: it lacks a file of commit/);
  expect([p.text("pull/staged.commit").includes(commit), (await refs()).includes("pine/staged")]).toEqual([
    false,
    true,
  ]);
  p.answer = () => false;
  expect(await told("stage")).toMatch(new RegExp(`^commit=${commit}\n(.*\n)*decision=staged$`, "m"));
});

test("what was spoiled here is found before it boots, and fetched again (65: ostree#1778)", async () => {
  const objects = filesBelow(join(p.s.root, "ostree/repo/objects")).filter((f) => f.endsWith(".file"));
  const mine = objects.find((f) => readFileSync(f, "utf8") === "half\n")!;
  // a new file: the old one may be a deployment's, too
  rmSync(mine);
  writeFileSync(mine, "HALF\n");
  chmodSync(mine, 0o644);
  await p.run("pull", ["verify"]);
  expect(readFileSync(mine, "utf8")).toBe("half\n");
  p.answer = (_, response) => {
    response.writeHead(404).end();
    return true;
  };
  rmSync(mine);
  writeFileSync(mine, "HALF\n");
  expect(await p.refused("pull", ["verify"])).toMatch(/the mirror is not complete|could not be fetched/);
});

test("a full disk: told, and the next run ends well (71)", async () => {
  const commit = await p.publish("full", "1.7.0");
  // as `unless-set` of an image's repository; a folder in memory is small
  expect(await p.refused("pull", ["stage"], { freeKib: 40 })).toMatch(/is too full/);
  expect(p.s.bootable()).toEqual({ a: "1" });
  expect(await told("stage")).toMatch(new RegExp(`^commit=${commit}\n(.*\n)*decision=staged$`, "m"));
});

const flip = (file: string) => {
  const bytes = readFileSync(file);
  bytes[bytes.length >> 1]! ^= 1;
  writeFileSync(file, bytes);
};

function filesBelow(dir: string): string[] {
  return readdirSync(dir, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}
