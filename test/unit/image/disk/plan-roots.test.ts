/** Plans of disks whose root is not ext4: a /boot, and what the filesystem takes for itself. */
import { describe, expect, test } from "vitest";
import { bootPartition, type DiskPlan, partitionOf } from "../../../../provider/image/disk/partitions.ts";
import { planDisk } from "../../../../provider/image/disk/plan.ts";

const MiB = 1024 * 1024;
const checksum = "ab".repeat(32);
const content = { bytes: 90 * MiB, inodes: 5600, boot: 14 * MiB };
const title = "Pine";
const rootOf = (plan: DiskPlan) => partitionOf(plan, "root");
const free = (plan: DiskPlan) => rootOf(plan).size - content.bytes;

describe("planDisk", () => {
  test.each(["gpt", "mbr"] as const)(
    "xfs has a /boot, its log, and is never smaller than mkfs.xfs makes it, with a %s",
    (label) => {
      const plan = planDisk(checksum, { title, label, filesystem: "xfs" }, content);
      const ext4 = planDisk(checksum, { title, label }, content);
      expect([plan.filesystem, ext4.filesystem]).toEqual(["xfs", "ext4"]);
      expect(bootPartition(plan)).toMatchObject({ name: "boot", size: 96 * MiB });
      expect(plan.rootUuid).not.toBe(ext4.rootUuid);
      expect(free(plan)).toBeGreaterThan(320 * MiB);
      const small = planDisk(
        checksum,
        { title, label, filesystem: "xfs", size: 416 * MiB },
        { ...content, bytes: MiB },
      );
      expect(rootOf(small).size).toBeGreaterThanOrEqual(300 * MiB);
      const less = { title, label, filesystem: "xfs", size: 384 * MiB } as const;
      expect(() => planDisk(checksum, less, { ...content, bytes: MiB })).toThrow(/^size: .*\/boot and update space/);
    },
  );
  test("btrfs has a /boot, its metadata twice, and is never smaller than mkfs.btrfs makes it", () => {
    const plan = planDisk(checksum, { title, filesystem: "btrfs" }, content);
    expect(bootPartition(plan)).toMatchObject({ name: "boot", size: 96 * MiB });
    expect(free(plan)).toBeGreaterThan((256 + 96) * MiB);
    const tiny = { bytes: MiB, inodes: 10, boot: 14 * MiB };
    const small = planDisk(checksum, { title, filesystem: "btrfs", size: 320 * MiB }, tiny);
    expect(rootOf(small).size).toBeGreaterThanOrEqual(128 * MiB);
    const less = { title, filesystem: "btrfs", size: 192 * MiB } as const;
    expect(() => planDisk(checksum, less, tiny)).toThrow(/^size: .*\/boot and update space/);
  });
});
