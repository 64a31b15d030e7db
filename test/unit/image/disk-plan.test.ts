import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { type DiskPlan, imageName, planDisk, sfdiskScript } from "../../../provider/image/disk-plan.ts";

const MiB = 1024 * 1024;
const checksum = "ab".repeat(32);
const content = { bytes: 90 * MiB, inodes: 5600 };
const title = "Pine";
const free = (plan: DiskPlan) => plan.partitions.root.size - content.bytes;

describe("planDisk", () => {
  test("leaves 256 MiB free, aligned, root last", () => {
    const plan = planDisk(checksum, { title }, content);
    const { bios, esp, root } = plan.partitions;
    expect([bios.start, esp.start, root.start]).toEqual([MiB, 2 * MiB, 10 * MiB]);
    expect(root.start + root.size + MiB).toBe(plan.size);
    expect(plan.size % (64 * MiB)).toBe(0);
    expect(free(plan)).toBeGreaterThan(256 * MiB);
    expect(free(plan)).toBeLessThan(360 * MiB);
  });
  test.each([
    ["in bytes of content", { bytes: 2000 * MiB, inodes: 5600 }, 2100 * MiB],
    ["in inodes", { bytes: 90 * MiB, inodes: 200_000 }, 3000 * MiB],
  ])("grows with the content, %s", (_, more, least) => {
    expect(planDisk(checksum, { title }, more).size).toBeGreaterThan(least);
  });
  test("takes the size that is asked for", () => {
    const plan = planDisk(checksum, { title, size: 1024 * MiB, espSize: 32 * MiB }, content);
    expect(plan.size).toBe(1024 * MiB);
    expect(plan.partitions.root.size).toBe((1024 - 1 - 1 - 32 - 1) * MiB);
  });
  test("refuses what is too small, with the size that is enough", () => {
    let said = "";
    try {
      planDisk(checksum, { title, size: 128 * MiB }, content);
    } catch (e) {
      said = (e as Error).message;
    }
    const [, needed] = /too small for this commit; it needs (\d+) MiB/.exec(said) ?? [];
    expect(Number(needed)).toBeGreaterThan(90 + 64);
    expect(planDisk(checksum, { title, size: Number(needed) * MiB }, content).size).toBe(Number(needed) * MiB);
    expect(() => planDisk(checksum, { title, size: (Number(needed) - 1) * MiB }, content)).toThrow(/too small/);
  });
  test.each([
    ["a size that is not whole MiB", { size: 512 * MiB + 512 }, /whole MiB/],
    ["an ESP that is no FAT16", { espSize: 4 * MiB }, /EFI system partition/],
    ["an ESP that is too large for FAT16", { espSize: 100 * MiB }, /EFI system partition/],
  ])("refuses %s", (_, options, message) => {
    expect(() => planDisk(checksum, { title, ...options }, content)).toThrow(message);
  });
  test("identifiers are a function of commit and options", () => {
    const ids = (p: DiskPlan) => [
      p.guid,
      p.rootUuid,
      p.espSerial,
      p.hashSeed,
      ...Object.values(p.partitions).map((x) => x.uuid),
    ];
    const one = ids(planDisk(checksum, { title }, content));
    expect(ids(planDisk(checksum, { title }, content))).toEqual(one);
    expect(new Set(one).size).toBe(one.length);
    for (const other of [
      planDisk("cd".repeat(32), { title }, content),
      planDisk(checksum, { title: "other" }, content),
      planDisk(checksum, { title, kernelArguments: ["quiet"] }, content),
    ])
      expect(ids(other).filter((id) => one.includes(id))).toEqual([]);
    expect(one[1]).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  });
  test("the name too, and of what makes it", () => {
    const name = imageName(checksum, { title }, "1");
    expect(imageName(checksum, { title, kernelArguments: [] }, "1")).toBe(name);
    expect(imageName(checksum, { title, size: 1024 * MiB }, "1")).not.toBe(name);
    expect(imageName(checksum, { title }, "2")).not.toBe(name);
  });
});

test("sfdisk makes of the script what was planned, the same bytes each time", () => {
  const plan = planDisk(checksum, { title }, content);
  const dir = mkdtempSync(join(tmpdir(), "disk-plan-"));
  const make = (name: string) => {
    const path = join(dir, name);
    writeFileSync(path, "");
    truncateSync(path, plan.size);
    execFileSync("sfdisk", ["--quiet", path], { input: sfdiskScript(plan) });
    return path;
  };
  try {
    const table = JSON.parse(execFileSync("sfdisk", ["--json", make("a")], { encoding: "utf8" })).partitiontable;
    expect(table.id).toBe(plan.guid.toUpperCase());
    expect(
      table.partitions.map((p: Record<string, unknown>) => [
        p.name,
        Number(p.start) * 512,
        Number(p.size) * 512,
        p.type,
        p.uuid,
      ]),
    ).toEqual(
      (["bios", "esp", "root"] as const).map((name) => {
        const p = plan.partitions[name];
        return [name, p.start, p.size, p.type, p.uuid.toUpperCase()];
      }),
    );
    expect(() => execFileSync("cmp", [join(dir, "a"), make("b")])).not.toThrow();
  } finally {
    rmSync(dir, { recursive: true });
  }
});
