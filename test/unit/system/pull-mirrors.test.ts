/**
 * A mirror in the middle of an upload: the signed manifest alone says which commit, and each pull ends complete, or not
 * at all and with the reason (62: coreos/rpm-ostree#872, CentOS/sig-atomic-buildscripts#186). PINE_PULLS: how many.
 */
import { cpSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { chance } from "../../faults/random.ts";
import { Puller } from "./a-puller.ts";

const PULLS = Number(process.env.PINE_PULLS ?? 10);

let p: Puller;
beforeAll(async () => {
  p = await Puller.make(["busybox", "sh"]);
});
afterEach(() => {
  p.answer = () => false;
});
afterAll(() => p?.end());

const filesOf = (dir: string): string[] =>
  readdirSync(dir, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(dir, join(entry.parentPath, entry.name)));

/** What the newest upload brings comes in any order, and rests at any moment: which files of it a folder has. */
function halfSynced(old: string, random: () => number): Map<string, string> {
  const folder = new Map(filesOf(old).map((path) => [path, join(old, path)]));
  const changed = filesOf(p.repo)
    .filter(
      (path) => !existsSync(join(old, path)) || !readFileSync(join(old, path)).equals(readFileSync(p.published(path))),
    )
    .map((path) => [random(), path] as const)
    .sort(([x], [y]) => x - y);
  for (const [, path] of changed.slice(0, Math.floor(random() * (changed.length + 1))))
    folder.set(path, p.published(path));
  return folder;
}

test(`two folders, each half synced in an order of its own, take turns: ${PULLS} pulls`, async () => {
  let drawn = 0;
  const random = () => chance(62, drawn++);
  const counts = { whole: 0, refused: 0 };
  let runs = await p.publish("start", "1.1.0");
  await p.run("pull", ["stage"]);
  for (let n = 0; n < PULLS; n++) {
    const old = join(p.s.dir, "old");
    rmSync(old, { recursive: true, force: true });
    cpSync(p.repo, old, { recursive: true });
    const newest = await p.publish(`upload-${n}`, `1.2.${n}`, n % 2 ? { from: p.s.first } : {});
    const folders = [halfSynced(old, random), halfSynced(old, random)];
    let turn = 0;
    p.answer = (_, response, path) => {
      const file = folders[turn++ % 2]!.get(path);
      if (file) response.end(readFileSync(file));
      else response.writeHead(404).end();
      return true;
    };
    const said = await p.refused("pull", ["stage"]);
    counts[said === "done" ? "whole" : "refused"]++;
    if (said !== "done")
      expect(said).toMatch(
        /the mirror is not complete yet|publication \d+ is older|cannot be asked: it has no such file|could not be fetched/,
      );
    const staged = /^commit=(.*)$/m.exec(p.text("pull/staged.commit"))![1]!;
    expect([runs, newest]).toContain(staged);
    await p.s.ostree(["ls", "-RC", `--repo=${join(p.s.root, "ostree/repo")}`, staged]);
    expect(p.s.bootable()).toEqual({ a: "1" });
    p.answer = () => false;
    expect(await p.refused("pull", ["stage"])).toBe("done");
    runs = newest;
    expect(p.text("pull/staged.commit")).toContain(newest);
  }
  await p.s.ostree(["fsck", "--quiet", `--repo=${join(p.s.root, "ostree/repo")}`]);
  console.log(`${PULLS} pulls from a mirror under way: ${counts.whole} whole, ${counts.refused} refused`);
  expect(counts.refused).toBeGreaterThan(0);
}, 600_000);

test.each([
  ["rubbish", "rubbish\n"],
  ["of an earlier upload", undefined],
])("summary and branch are %s: nobody reads them", async (name, text) => {
  const paths = () => filesOf(p.repo).filter((path) => /^(summary|refs\/)/.test(path));
  const before = paths().map((path) => [path, readFileSync(p.published(path))] as const);
  const commit = await p.publish(`told-${name.length}`, `1.3.${name.length}`, { from: p.s.first });
  for (const [path, was] of before) writeFileSync(p.published(path), text ?? was);
  p.asked.length = 0;
  expect(await p.refused("pull", ["stage"])).toBe("done");
  expect(p.text("pull/staged.commit")).toContain(commit);
  expect(p.asked.filter((path) => path.startsWith("refs/"))).toEqual([]);
});
