import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { imageName } from "../../../../provider/image/disk/identity.ts";
import { bootPartition, type DiskPlan, partitionOf, sfdiskScript } from "../../../../provider/image/disk/partitions.ts";
import { planDisk } from "../../../../provider/image/disk/plan.ts";
import { bootFor } from "../../../../provider/image/disk/sizes.ts";
import { swapHeader } from "../../../../provider/image/disk/swap.ts";

const MiB = 1024 * 1024;
const checksum = "ab".repeat(32);
const content = { bytes: 90 * MiB, inodes: 5600, boot: 14 * MiB };
const title = "Pine";
const rootOf = (plan: DiskPlan) => partitionOf(plan, "root");
const free = (plan: DiskPlan) => rootOf(plan).size - content.bytes;

describe("planDisk", () => {
  test("leaves 256 MiB free, aligned, root last", () => {
    const plan = planDisk(checksum, { title }, content);
    expect(plan.partitions.map((p) => [p.name, p.start / MiB])).toEqual([
      ["bios", 1],
      ["esp", 2],
      ["root", 10],
    ]);
    const root = rootOf(plan);
    expect(root.start + root.size + MiB).toBe(plan.size);
    expect(plan.size % (64 * MiB)).toBe(0);
    expect(free(plan)).toBeGreaterThan(256 * MiB);
    expect(free(plan)).toBeLessThan(360 * MiB);
  });
  test.each([
    ["in bytes of content", { bytes: 2000 * MiB, inodes: 5600, boot: 14 * MiB }, 2100 * MiB],
    ["in inodes", { bytes: 90 * MiB, inodes: 200_000, boot: 14 * MiB }, 3000 * MiB],
  ])("grows with the content, %s", (_, more, least) => {
    expect(planDisk(checksum, { title }, more).size).toBeGreaterThan(least);
  });
  test("takes the size that is asked for", () => {
    const plan = planDisk(checksum, { title, size: 1024 * MiB, espSize: 32 * MiB }, content);
    expect(plan.size).toBe(1024 * MiB);
    expect(rootOf(plan).size).toBe((1024 - 1 - 1 - 32 - 1) * MiB);
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
    ["a size that is not whole MiB", { size: 512 * MiB + 512 }, /^size: .*whole MiB/],
    ["an ESP that is no FAT16", { espSize: 4 * MiB }, /^espSize: .*8 MiB to 1024 MiB/],
    ["an ESP that is too large", { espSize: 1025 * MiB }, /^espSize: /],
    [
      "an ESP on an MBR",
      { label: "mbr", espSize: 8 * MiB },
      /^espSize: .*partitionTable "mbr" has no EFI system partition/,
    ],
    ["swap that is not whole MiB", { swap: 64 * MiB + 512 }, /^swap: .*whole MiB/],
    ["swap that is too small to be of use", { swap: MiB }, /^swap: .*16 MiB to 262144 MiB/],
    [
      "swap that leaves no room",
      { swap: 512 * MiB, size: 600 * MiB },
      /^size: .*it needs \d+ MiB, including swap and update space/,
    ],
    ["a /boot that is not whole MiB", { bootSize: 64 * MiB + 512 }, /^bootSize: .*whole MiB/],
    [
      "a /boot that cannot hold three kernels",
      { bootSize: 48 * MiB },
      /^bootSize: a \/boot of 48 MiB is too small.*give 50 MiB or more: .*\(14 MiB\) of 3 deployments/,
    ],
    [
      "/boot and swap that leave no room",
      { bootSize: 256 * MiB, swap: 256 * MiB, size: 600 * MiB },
      /^size: .*it needs \d+ MiB, including \/boot, swap and update space/,
    ],
    ["an ESP that leaves no room", { espSize: 512 * MiB, size: 600 * MiB }, /^size: .*it needs \d+ MiB/],
  ] as const)("refuses %s", (_, options, message) => {
    expect(() => planDisk(checksum, { title, ...options }, content)).toThrow(message);
  });
  test.each(["gpt", "mbr"] as const)("swap lies before root, which stays the last one, with a %s", (label) => {
    const [without, plan] = [undefined, 64 * MiB].map((swap) => planDisk(checksum, { title, label, swap }, content));
    expect(plan!.partitions.map((p) => p.name)).toEqual([
      ...without!.partitions.map((p) => p.name).slice(0, -1),
      "swap",
      "root",
    ]);
    const [swap, root] = plan!.partitions.slice(-2);
    expect([swap!.start, swap!.size]).toEqual([rootOf(without!).start, 64 * MiB]);
    expect(root!.start).toBe(swap!.start + swap!.size);
    expect(plan!.size).toBe(without!.size + 64 * MiB);
    expect(plan!.swapUuid).not.toBe(without!.swapUuid);
  });
  test.each(["gpt", "mbr"] as const)("/boot lies before swap, and GRUB reads it, with a %s", (label) => {
    const without = planDisk(checksum, { title, label }, content);
    expect([bootPartition(without).name, without.bootUuid]).toEqual(["root", without.rootUuid]);
    const plan = planDisk(checksum, { title, label, bootSize: 64 * MiB, swap: 64 * MiB }, content);
    expect(plan.partitions.map((p) => p.name).slice(-3)).toEqual(["boot", "swap", "root"]);
    expect([bootPartition(plan).name, bootPartition(plan).start]).toEqual(["boot", rootOf(without).start]);
    expect(new Set([plan.bootUuid, plan.rootUuid, plan.swapUuid]).size).toBe(3);
    expect(plan.size).toBe(without.size + 128 * MiB);
  });
  test.each([1, 14, 80, 200])(
    "the smallest /boot for %i MiB of kernel is enough, and one MiB less is not",
    (kernel) => {
      const of = { ...content, boot: kernel * MiB };
      const least = bootFor(of.boot);
      expect(least).toBeGreaterThan(3 * of.boot);
      const size = 4096 * MiB;
      const take = (bytes: number) => () => planDisk(checksum, { title, size, bootSize: bytes }, of);
      expect(take(Math.max(least, 16 * MiB))).not.toThrow();
      expect(take(least - MiB)).toThrow(/^bootSize/);
    },
  );
  test("an MBR has no partition but root, which takes all behind the first MiB", () => {
    const plan = planDisk(checksum, { title, label: "mbr", size: 512 * MiB }, content);
    expect(plan.partitions).toEqual([
      { name: "root", type: "83", uuid: `${plan.guid}-01`, start: MiB, size: 511 * MiB },
    ]);
    expect(plan.guid).toMatch(/^[0-9a-f]{8}$/);
    expect(plan.core).toEqual({ start: 512, size: MiB - 512 });
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
      planDisk(checksum, { title, label: "mbr" }, content),
    ])
      expect(ids(other).filter((id) => one.includes(id))).toEqual([]);
    expect(one[1]).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  });
  test("the name too, and of what makes it", () => {
    const name = imageName(checksum, { title }, "1");
    expect(imageName(checksum, { title, kernelArguments: [] }, "1")).toBe(name);
    expect(imageName(checksum, { title, size: 1024 * MiB }, "1")).not.toBe(name);
    expect(imageName(checksum, { title, label: "gpt", filesystem: "ext4", grow: true }, "1")).toBe(name);
    const others = [
      { label: "mbr" },
      { grow: false },
      { swap: 64 * MiB },
      { swap: 65 * MiB },
      { bootSize: 64 * MiB },
    ] as const;
    const names = others.map((o) => imageName(checksum, { title, ...o }, "1"));
    expect(new Set([name, ...names]).size).toBe(1 + others.length);
    expect(imageName(checksum, { title }, "2")).not.toBe(name);
  });
});

describe("sfdisk makes of the script what was planned, the same bytes each time", () => {
  const tableOf = (plan: DiskPlan) => {
    const dir = mkdtempSync(join(tmpdir(), "disk-plan-"));
    const make = (name: string) => {
      const path = join(dir, name);
      writeFileSync(path, "");
      truncateSync(path, plan.size);
      execFileSync("sfdisk", ["--quiet", path], { input: sfdiskScript(plan) });
      return path;
    };
    try {
      const { partitiontable } = JSON.parse(execFileSync("sfdisk", ["--json", make("a")], { encoding: "utf8" }));
      expect(() => execFileSync("cmp", [join(dir, "a"), make("b")])).not.toThrow();
      return partitiontable;
    } finally {
      rmSync(dir, { recursive: true });
    }
  };
  test("as a GPT", () => {
    const plan = planDisk(checksum, { title, espSize: 100 * MiB, swap: 64 * MiB }, content);
    const table = tableOf(plan);
    expect([table.label, table.id]).toEqual(["gpt", plan.guid.toUpperCase()]);
    expect(
      table.partitions.map((p: Record<string, unknown>) => [
        p.name,
        Number(p.start) * 512,
        Number(p.size) * 512,
        p.type,
        p.uuid,
      ]),
    ).toEqual(plan.partitions.map((p) => [p.name, p.start, p.size, p.type, p.uuid.toUpperCase()]));
  });
  test("as an MBR", () => {
    const plan = planDisk(checksum, { title, label: "mbr", swap: 64 * MiB }, content);
    const table = tableOf(plan);
    expect([table.label, table.id]).toEqual(["dos", `0x${plan.guid}`]);
    expect(
      table.partitions.map((p: Record<string, unknown>) => [
        p.type,
        Number(p.start) * 512,
        Number(p.size) * 512,
        p.bootable ?? false,
      ]),
    ).toEqual(plan.partitions.map((p) => [p.type, p.start, p.size, p.name === "root"]));
  });
});

test("the header of swap is what mkswap makes, byte for byte", () => {
  const dir = mkdtempSync(join(tmpdir(), "disk-plan-"));
  try {
    const path = join(dir, "swap");
    writeFileSync(path, "");
    truncateSync(path, 64 * MiB);
    const uuid = "04cfac5a-37d0-861a-b601-b2ba24c4f358";
    execFileSync("mkswap", ["-q", "-L", "swap", "-U", uuid, path], { stdio: "ignore" });
    expect(
      readFileSync(path)
        .subarray(0, 4096)
        .equals(swapHeader(64 * MiB, uuid)),
    ).toBe(true);
  } finally {
    rmSync(dir, { recursive: true });
  }
});
