/** One list of filesystems: each question to it has the answer that servers were planned with before there was one. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it, test } from "vitest";
import * as all from "../../../provider/filesystems/all.ts";
import { filesBelow, repository } from "../house/source.ts";

const MiB = 1024 * 1024;

it("knows what each may be used for", () => {
  expect(all.ROOTS).toEqual(["ext4", "xfs", "btrfs"]);
  expect(all.ROOTS_BESIDE).toEqual(["ext4", "xfs"]);
  expect(all.DATA).toEqual(["ext4", "xfs"]);
  expect([...all.GRUB_WRITES].sort()).toEqual(["ext2", "ext3", "ext4", "vfat", "xfs"]);
  expect([...all.LEAVES].sort()).toEqual(["btrfs", "ext2", "ext3", "ext4", "xfs"]);
  expect(all.SEVERAL_DEVICES).toEqual(["btrfs", "bcachefs"]);
  expect(all.DATA_PROGRAMS).toEqual(["mke2fs", "mkfs.xfs"]);
});

it("tells what an initramfs mounts, and how it learns another one", () => {
  expect(all.mountedWith(["openssh"])).toEqual(["ext4", "xfs"]);
  expect(all.mountedWith(["btrfs-progs"])).toEqual(["ext4", "xfs", "btrfs"]);
  expect(all.mountHint("btrfs")).toContain('add "btrfs-progs"');
  for (const name of ["xfs", "zfs"]) expect(all.mountHint(name)).toMatch(/`kernel` of the Rootfs/);
  expect([all.moduleBytes(["ext4", "xfs"]), all.moduleBytes(["ext4", "btrfs"])]).toEqual([0, 1.2e6]);
});

it.each(all.ROOTS)("%s holds what it is asked to hold, in whole MiB, and more where more is free", (name) => {
  const { bytesFor } = all.rootFilesystem(name);
  const content = { bytes: 90 * MiB, inodes: 5600 };
  const [less, more] = [bytesFor(content, 64 * MiB), bytesFor(content, 512 * MiB)];
  expect([less % MiB, more % MiB]).toEqual([0, 0]);
  expect(less).toBeGreaterThan(154 * MiB);
  expect(more - less).toBeGreaterThan(256 * MiB);
});

test("a name that nobody knows is told with those that there are", () => {
  expect(() => all.rootFilesystem("zfs")).toThrow(/"zfs" is no root filesystem.*ext4, xfs, btrfs/);
  expect(() => all.dataFilesystem("btrfs")).toThrow(/no data partition is made with "btrfs".*ext4, xfs/);
});

// ext4 is everybody's default and every /boot, vfat every EFI system partition
test("no other file tells xfs or btrfs from another filesystem", () => {
  const others = filesBelow("provider", /\.ts$/).filter((path) => !path.startsWith("provider/filesystems/"));
  const names = /"(xfs|btrfs|bcachefs)"/;
  expect(others.filter((path) => names.test(readFileSync(join(repository, path), "utf8")))).toEqual([]);
});
