/** The file of a disk image: qcow2 as QEMU's own tool reads it, and the line of sha256sum. */
import { execFileSync } from "node:child_process";
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, statSync, truncateSync, writeSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { imageBySha256 } from "../../../../../provider/image/disk/blocks.ts";
import { notForOverwrite } from "../../../../../provider/image/disk/formats/pack.ts";
import { countsFor, writeQcow2 } from "../../../../../provider/image/disk/formats/qcow2.ts";
import { Store } from "../../../../../provider/image/store/store.ts";
import { writeSum } from "../../../../../provider/image/store/sum.ts";

const MiB = 1024 * 1024;
const signal = new AbortController().signal;

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "disk-file-"));
});
afterEach(() => rmSync(dir, { recursive: true }));

/** A sparse disk with some bytes at these places. */
function disk(size: number, places: number[]): string {
  const path = join(dir, "disk.raw");
  const fd = openSync(path, "w");
  for (const at of places) writeSync(fd, `data at ${at}`.slice(0, size - at), at);
  closeSync(fd);
  truncateSync(path, size);
  return path;
}
const qemuImg = (...args: string[]) => execFileSync("qemu-img", args, { encoding: "utf8" });

describe("qcow2", () => {
  test.each<[string, number, number[], number]>([
    ["nothing in it", 64 * MiB, [], 0],
    ["both ends", 64 * MiB, [0, 64 * MiB - 20], 2],
    ["a cluster that is half there", MiB + 512, [MiB], 1],
    ["more than one L2 table", 520 * MiB, [0, 512 * MiB - 20, 512 * MiB, 519 * MiB], 4],
  ])("with %s is what QEMU reads as the same disk", async (_, size, places, clusters) => {
    const raw = disk(size, places);
    const path = join(dir, "disk.qcow2");
    await writeQcow2(raw, path, signal);
    const { "virtual-size": virtual, format } = JSON.parse(qemuImg("info", "--output=json", path));
    const check = JSON.parse(qemuImg("check", "--output=json", path));
    expect(format).toBe("qcow2");
    expect(virtual).toBe(size);
    expect(check["check-errors"]).toBe(0);
    expect(check["allocated-clusters"] ?? 0).toBe(clusters);
    expect(check.leaks ?? 0).toBe(0);
    expect(check.corruptions ?? 0).toBe(0);
    expect(qemuImg("compare", "-f", "raw", "-F", "qcow2", raw, path)).toMatch(/identical/);
    expect(statSync(path).size).toBeLessThan((clusters + 10) * 65536);
  });
  // a block counts 32768 clusters
  test.each([1, 32_765, 32_766, 32_767, 32_768, 70_000])("counts %d clusters and those of the counts", (used) => {
    const { bytes, tables } = countsFor(used);
    const all = used + bytes.length / 65536;
    const counts = bytes.subarray(tables * 65536);
    const ones = Array.from({ length: counts.length / 2 }, (_, n) => counts.readUInt16BE(n * 2)).filter((n) => n === 1);
    expect(ones).toHaveLength(all);
    expect(counts.length / 65536).toBe(Math.ceil(all / 32768));
  });
  test("is the same bytes each time, and ends when it is told to", async () => {
    const raw = disk(600 * MiB, [0, 5 * MiB, 599 * MiB]);
    for (const name of ["a", "b"]) await writeQcow2(raw, join(dir, name), signal);
    expect(readFileSync(join(dir, "a")).equals(readFileSync(join(dir, "b")))).toBe(true);
    const over = new AbortController();
    over.abort(new Error("cancelled"));
    await expect(writeQcow2(raw, join(dir, "c"), over.signal)).rejects.toThrow("cancelled");
  });
});

test("the line beside it is what sha256sum reads", async () => {
  const raw = disk(MiB, [7]);
  const sum = execFileSync("sha256sum", [raw], { encoding: "utf8" }).split(" ")[0]!;
  await writeSum(raw, sum);
  expect(execFileSync("sha256sum", ["-c", "disk.raw.sha256"], { cwd: dir, encoding: "utf8" })).toBe("disk.raw: OK\n");
});

test("an image is found by its file's digest, of any format and from before there were formats", async () => {
  const store = await Store.open(join(dir, "store"));
  const facts = (sha256: string, more: object) => ({ sha256, size: 1, commit: "c", ...more });
  await mkdir(store.path("images"));
  await store.writeJson(store.path("images", "old.json"), facts("1", {}));
  await store.writeJson(store.path("images", "new.json"), facts("2", { fileFormat: "raw.zst", label: "gpt" }));
  await store.writeJson(store.path("images", "new.qcow2.json"), facts("3", { fileFormat: "qcow2", label: "mbr" }));
  const found = async (sha256: string) => {
    const image = await imageBySha256(store, sha256);
    return image && [image.name, basename(image.path), image.fileFormat, image.label];
  };
  expect(await found("1")).toEqual(["old", "old.raw.zst", "raw.zst", "gpt"]);
  expect(await found("2")).toEqual(["new", "new.raw.zst", "raw.zst", "gpt"]);
  expect(await found("3")).toEqual(["new", "new.qcow2", "qcow2", "mbr"]);
  expect(await found("4")).toBeUndefined();
});

test.each([
  ["raw.zst", "gpt", undefined],
  ["qcow2", "gpt", 'format: "qcow2"'],
  ["raw.zst", "mbr", 'partitionTable: "mbr"'],
  ["tar", "mbr", 'format: "tar" and partitionTable: "mbr"'],
])("what an overwrite cannot take of %s with %s", (format, label, said) => {
  expect(notForOverwrite(format, label)).toBe(said);
});
