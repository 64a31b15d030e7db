/**
 * The program that lets a root grow, on files: the table as sfdisk reads it, also when its power goes at any of its
 * writes.
 */
import { execFileSync } from "node:child_process";
import { closeSync, openSync, readSync, statSync, truncateSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { asset } from "../../../provider/assets.ts";
import type { ImageOptions } from "../../../provider/image/disk/identity.ts";
import { sfdiskScript } from "../../../provider/image/disk/partitions.ts";
import { planDisk } from "../../../provider/image/disk/plan.ts";
import { run } from "../../../provider/local/run.ts";
import { any, environment, folders, program } from "../image/recipe/a-shell.ts";

const MiB = 1024 * 1024;
const SCRIPT = asset("system", "rootfs", "usr", "libexec", "pine", "grow");
const dir = folders();
const content = { bytes: 20 * MiB, inodes: 500, boot: 0 };

/** A disk of ours, then made larger. */
function disk(label: "gpt" | "mbr", mib: number, more: Partial<ImageOptions> = {}): { path: string; number: number } {
  const plan = planDisk("ab".repeat(32), { title: "Pine", label, size: 256 * MiB, ...more }, content);
  const path = join(dir.at, "disk");
  writeFileSync(path, "");
  truncateSync(path, plan.size);
  execFileSync("sfdisk", ["--quiet", path], { input: sfdiskScript(plan) });
  truncateSync(path, mib * MiB);
  return { path, number: plan.partitions.length };
}

const grow = (path: string, number: number, mib: number, o: { ok?: number[]; shell?: string[] } = {}) => {
  const [shell, ...before] = o.shell ?? ["sh"];
  return run(shell!, [...before, SCRIPT, "table", path, String((mib * MiB) / 512), String(number)], {
    env: environment(dir.at, { PINE_TMP: dir.at }),
    extendEnv: false,
    ok: o.ok,
  });
};

/** Both ends of a disk, where tables lie. */
function ends(path: string): string {
  const bytes = Buffer.alloc(MiB);
  const fd = openSync(path, "r");
  const both = [0, statSync(path).size - MiB].map((at) => bytes.toString("latin1", 0, readSync(fd, bytes, 0, MiB, at)));
  closeSync(fd);
  return both.join();
}
const copy = (from: string, to: string) => execFileSync("cp", ["--sparse=always", from, to]);

interface Table {
  lastlba?: number;
  partitions: { start: number; size: number; name?: string; uuid?: string }[];
}
/** As sfdisk reads it, what it says then, and what it finds wrong with it. */
async function tableOf(path: string): Promise<{ table: Table; said: string; wrong: string }> {
  const { stdout, stderr } = await run("sfdisk", ["--json", path]);
  const verify = await run("sfdisk", ["--verify", path], { ok: any });
  const wrong = `${stderr}${verify.stderr}`.trim();
  return { table: JSON.parse(stdout).partitiontable, said: stderr, wrong };
}

describe.each(["gpt", "mbr"] as const)("a disk with a %s", (label) => {
  test.each([257, 300, 1024, 40_000])("grows to %d MiB, and nothing else of it changes", async (mib) => {
    const { path, number } = disk(label, mib);
    const before = (await tableOf(path)).table;
    const { stdout } = await grow(path, number, mib);
    const { table, wrong } = await tableOf(path);
    expect(wrong).toBe("");
    const last = table.partitions.at(-1)!;
    const end = label === "gpt" ? mib - 1 : mib;
    expect(last.start + last.size).toBe(end * 2048);
    expect(Number(stdout)).toBe(last.size);
    const known = { ...before.partitions.at(-1)!, size: last.size };
    expect(table.partitions).toEqual([...before.partitions.slice(0, -1), known]);
    if (label === "gpt") expect(table.lastlba).toBe(mib * 2048 - 34);
  });
  test("again changes nothing, and a disk of its own size neither", async () => {
    const { path, number } = disk(label, 256);
    const own = ends(path);
    await grow(path, number, 256);
    expect((await tableOf(path)).wrong).toBe("");
    // but the place before the first partition, where the entries were for a moment
    expect(ends(path).slice(0, 34 * 512) === own.slice(0, 34 * 512)).toBe(true);
    truncateSync(path, 512 * MiB);
    await grow(path, number, 512);
    const once = ends(path);
    await grow(path, number, 512);
    expect(ends(path) === once).toBe(true);
  });
  test("with its power gone at any write has a table that is whole, and the next boot ends it", async () => {
    const original = disk(label, 512);
    copy(original.path, join(dir.at, "original"));
    const before = (await tableOf(original.path)).table.partitions.at(-1)!;
    const sizes = new Set<number>();
    let cuts = 0;
    for (let n = 1; ; n++) {
      copy(join(dir.at, "original"), original.path);
      writeFileSync(join(dir.at, "left"), String(n));
      // the n-th write to the disk and everything after it does not happen
      const count =
        'read left <"$PINE_TMP/left"; left=$((left - 1)); echo $left >"$PINE_TMP/left"; [ $left -gt 0 ] || exit 1';
      await program(dir.at, "dd", `case "$*" in *conv=notrunc,fsync*) ${count} ;; esac\nexec /usr/bin/dd "$@"`);
      const cut = await grow(original.path, original.number, 512, { ok: any });
      if (cut.exitCode === 0) break;
      cuts++;
      const { table, said } = await tableOf(original.path);
      // the second table may be at neither end yet, and the MBR of a GPT may be the shorter disk's: nobody boots by
      // them
      expect(said.replace(/^.*(PMBR size mismatch|backup GPT table is not on the end).*$/gm, "").trim()).toBe("");
      expect(table.partitions.at(-1)!.start).toBe(before.start);
      sizes.add(table.partitions.at(-1)!.size);
      writeFileSync(join(dir.at, "left"), "1000");
      await grow(original.path, original.number, 512);
      expect((await tableOf(original.path)).wrong).toBe("");
      expect((await tableOf(original.path)).table.partitions.at(-1)!.size).toBeGreaterThan(before.size);
    }
    expect(cuts).toBe(label === "gpt" ? 7 : 1);
    expect(sizes.size).toBe(label === "gpt" ? 2 : 1);
  });
});

test("an MBR of more than 2 TiB ends where its 32 bits do", async () => {
  const { path, number } = disk("mbr", 3 * MiB);
  await grow(path, number, 3 * MiB);
  const { start, size } = (await tableOf(path)).table.partitions.at(-1)!;
  expect(start + size).toBe(2 ** 32 - 2048);
});

test("what an older table at the disk's end has behind the root is not grown over", async () => {
  const { path, number } = disk("gpt", 400);
  // as an overwrite leaves it: the same image, and data behind it
  execFileSync("sfdisk", ["-q", "--relocate", "gpt-bak-std", path]);
  execFileSync("sfdisk", ["-q", "--append", path], { input: `start=${300 * 2048}, name=data\n` });
  const end = Buffer.from(ends(path).slice(-33 * 512), "latin1");
  const other = disk("gpt", 400);
  const fd = openSync(path, "r+");
  writeSync(fd, end, 0, end.length, 400 * MiB - end.length);
  closeSync(fd);
  const before = ends(path);
  const { exitCode, stderr } = await grow(other.path, number, 400, { ok: any });
  expect(exitCode).toBe(1);
  expect(stderr).toMatch(/^pine: \S+ ends with another partition table, whose partitions lie behind the root/);
  expect(ends(path) === before).toBe(true);
});

test.each<[string, (path: string) => void, RegExp]>([
  ["no table", (p) => writeFileSync(p, Buffer.alloc(MiB)), /has no partition table/],
  ["a damaged table", (p) => harm(p, 1024 + 2 * 128 + 40), /is damaged/],
  ["a header that is none", (p) => harm(p, 512), /of another shape/],
])("refuses a disk with %s, and writes nothing", async (_, change, message) => {
  const { path, number } = disk("gpt", 300);
  change(path);
  const before = ends(path);
  const { exitCode, stderr } = await grow(path, number, 300, { ok: any });
  expect(exitCode).toBe(1);
  expect(stderr).toMatch(message);
  expect(ends(path) === before).toBe(true);
});

function harm(path: string, at: number): void {
  const fd = openSync(path, "r+");
  const byte = Buffer.alloc(1);
  readSync(fd, byte, 0, 1, at);
  byte[0]! ^= 0xff;
  writeSync(fd, byte, 0, 1, at);
  closeSync(fd);
}
