/** What of a store goes. That OSTree then has the rest whole: e2e/commit-gc.test.ts. */
import { mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { GRACE_MS, spare } from "../../../../provider/image/store/grace.ts";
import { Store } from "../../../../provider/image/store/store.ts";
import { oldBases } from "../../../../provider/image/tree/base.ts";
import { type Contents, collect, garbage } from "../../../../provider/image/upkeep/gc.ts";
import { quietTask } from "../../../../provider/task.ts";

const [a, b, c] = ["a".repeat(64), "b".repeat(64), "c".repeat(64)] as [string, string, string];
const [d1, d2] = ["1".repeat(64), "2".repeat(64)] as [string, string];
const has: Contents = {
  commits: [a, b, c],
  rootfs: new Map([
    [d1, a],
    [d2, b],
  ]),
  // biome-ignore format: what belongs together is in one line
  files: [
    `rootfs/${d1}.json`, `rootfs/${d2}.json`, `sboms/${d1}.cdx.json`, `sboms/${d2}.spdx.json`,
    `commits/${a}.json`, `commits/${b}.json`, `sysroots/${b}.tar.zst`, `sysroots/${b}.gz.json`, `sysroots/${a}.json`,
    `deltas/${a}-${b}.delta`, `deltas/${a}-${c}.json`, `deltas/empty-${b}.delta`, `deltas/empty-${a}.json`,
    "images/x-1.raw.zst", "images/x-1.json", "images/y-2.json", `rehearsals/${b}-0123.json`,
  ],
};
const left = (keep: string[]) => {
  const gone = garbage(has, keep);
  return [has.commits, has.files].map((all, n) => all.filter((x) => ![gone.commits, gone.files][n]!.includes(x)));
};

it.each<[string, string[], string[], string[]]>([
  ["nothing", [], [], []],
  ["a rootfs: its tree", [`rootfs/${d1}`], [a], [0, 2, 4, 8, 12].map((n) => has.files[n]!)],
  ["a commit: what is made of it, not its rootfs", [`commit/${b}`], [b], [5, 6, 7, 11, 16].map((n) => has.files[n]!)],
  [
    "two commits: the delta between them",
    [`commit/${a}`, `commit/${b}`],
    [a, b],
    [4, 5, 6, 7, 8, 9, 11, 12, 16].map((n) => has.files[n]!),
  ],
  ["an image", ["image/x-1"], [], ["images/x-1.raw.zst", "images/x-1.json"]],
  ["an image by its file", ["image/x-1.raw.zst"], [], ["images/x-1.raw.zst", "images/x-1.json"]],
  ["what is not there", [`commit/${"9".repeat(64)}`, "image/z", "something/else"], [], []],
])("keeping %s", (_, keep, commits, files) => expect(left(keep)).toEqual([commits, files]));

it("a name that is no artifact's is left alone", () => {
  const files = ["deltas/.tmp", "tmp/x", "lock", "roots/x.json"];
  expect(garbage({ ...has, files }, []).files).toEqual([]);
});

/** Files that went. No commit goes with them: the toolbox is not asked. */
const collected = async (store: Store) =>
  (await collect({ store, toolbox: undefined as never, task: quietTask() })).files;

it("what is younger than an hour stays, what is older goes", async () => {
  const dir = mkdtempSync(join(tmpdir(), "pine-gc-"));
  try {
    const store = await Store.open(dir);
    mkdirSync(store.path("deltas"));
    const names = ["young", "old"].map((name) => store.path("deltas", `empty-${name}.delta`));
    for (const name of names) writeFileSync(name, "x");
    const then = new Date(Date.now() - 2 * 3_600_000);
    utimesSync(names[1]!, then, then);
    expect(await collected(store)).toEqual(["deltas/empty-old.delta"]);
    expect(readdirSync(store.path("deltas"))).toEqual(["empty-young.delta"]);
  } finally {
    rmSync(dir, { recursive: true });
  }
});

describe("what was made long ago and is used now", () => {
  const setUp = async () => {
    const dir = mkdtempSync(join(tmpdir(), "pine-grace-"));
    const store = await Store.open(dir);
    const path = store.image("x");
    mkdirSync(store.path("images"));
    writeFileSync(path, "");
    const long = new Date(Date.now() - 2 * GRACE_MS);
    utimesSync(path, long, long);
    return { dir, store, path, end: () => rmSync(dir, { recursive: true }) };
  };

  it("stays, though nobody has said yet that it is needed", async () => {
    const { store, path, end } = await setUp();
    expect(await spare(store, [path], quietTask())).toBe(true);
    expect(await collected(store)).toEqual([]);
    end();
  });
  it("goes otherwise, and who finds it afterwards is told so", async () => {
    const { store, path, end } = await setUp();
    expect(await collected(store)).toEqual(["images/x.raw.zst"]);
    expect(await spare(store, [path], quietTask())).toBe(false);
    end();
  });
  it("is not found while a collection has the lock that saw it before", async () => {
    const { store, path, end } = await setUp();
    let spared: Promise<boolean> | undefined;
    await store.withLock(quietTask(), async () => {
      spared = spare(store, [path], quietTask());
      await new Promise((done) => setTimeout(done, 50));
      rmSync(path);
    });
    expect(await spared).toBe(false);
    end();
  });
});

it("bases that were used within the hour stay beside the six newest", () => {
  const now = 10 * GRACE_MS;
  const bases = (...ages: number[]) => ages.map((age, n) => ({ key: `b${n}`, used: now - age * GRACE_MS }));
  expect(oldBases(bases(2, 3, 4, 5, 6, 7), now).old).toEqual([]);
  expect(oldBases(bases(8, 3, 4, 5, 6, 7, 2), now)).toEqual({
    kept: ["b6", "b1", "b2", "b3", "b4", "b5"],
    old: ["b0"],
  });
  expect(oldBases(bases(0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 1.2), now).old).toEqual(["b8"]);
});
