/** What has its name is whole: on the disk before, and looked at when it is used. */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { open } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { isWhole, keepTree, manifest } from "../../../provider/image/store/kept-tree.ts";
import { placeFile, writeWhole } from "../../../provider/local/files.ts";

let dir = "";
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "pine-whole-"));
});
afterEach(() => {
  vi.restoreAllMocks();
  rmSync(dir, { recursive: true });
});

/** Whether `path` had its name at each fsync(2), in order. */
async function syncs(path: string): Promise<boolean[]> {
  const file = await open(dir, "r");
  const prototype = Object.getPrototypeOf(file) as { sync: () => Promise<void> };
  await file.close();
  const seen: boolean[] = [];
  const real = prototype.sync;
  vi.spyOn(prototype, "sync").mockImplementation(function (this: unknown) {
    seen.push(existsSync(path));
    return real.call(this);
  });
  return seen;
}

describe("a file", () => {
  it("that is written is flushed before it has its name, and its folders are flushed", async () => {
    const path = join(dir, "a/b/f");
    const seen = await syncs(path);
    await writeWhole(path, "x");
    // b in a, a in dir, the file; then its name
    expect(seen).toEqual([false, false, false, true]);
    expect(readFileSync(path, "utf8")).toBe("x");
  });
  it("that was made by a program is flushed before it has its name", async () => {
    writeFileSync(join(dir, "draft"), "x");
    const seen = await syncs(join(dir, "f"));
    await placeFile(join(dir, "draft"), join(dir, "f"));
    expect(seen).toEqual([false, true]);
    expect(readdirSync(dir)).toEqual(["f"]);
  });
});

describe("a folder of the cache", () => {
  const make = (name: string) => {
    mkdirSync(join(dir, name, "usr/bin"), { recursive: true });
    writeFileSync(join(dir, name, "usr/bin/tool"), "a program");
    writeFileSync(join(dir, name, "usr/bin/other"), "another");
    return join(dir, name);
  };
  it.each<[string, (tree: string) => void]>([
    ["a file cut to nothing by a power cut", (t) => truncateSync(join(t, "usr/bin/tool"))],
    ["a file that is missing: a clean-up came between", (t) => rmSync(join(t, "usr/bin/other"))],
    ["a file too many", (t) => writeFileSync(join(t, "usr/bin/more"), "")],
    ["zeros in place of a file's bytes", (t) => writeFileSync(join(t, "usr/bin/tool"), Buffer.alloc(9))],
    ["no manifest", (t) => rmSync(`${t}.manifest`)],
    ["an empty manifest", (t) => truncateSync(`${t}.manifest`)],
  ])("that has %s is made again", async (_, harm) => {
    const path = join(dir, "tree");
    await keepTree(make("new"), path);
    expect(await manifest(path)).toBe(readFileSync(`${path}.manifest`, "utf8").trim());
    harm(path);
    expect(await isWhole(path)).toBe(false);
    await keepTree(make("new"), path);
    expect(await isWhole(path)).toBe(true);
    expect(readFileSync(join(path, "usr/bin/tool"), "utf8")).toBe("a program");
  });
});
