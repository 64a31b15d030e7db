import { describe, expect, test } from "vitest";
import { bootPaths, measure } from "../../../../provider/image/sysroot/tree.ts";

const boot = `/ostree/pine-${"4".repeat(64)}`;

describe("measure", () => {
  test.each([
    ["nothing", "", { bytes: 0, inodes: 0 }],
    ["a file by blocks", "7 81a4 4097", { bytes: 8192, inodes: 1 }],
    ["an empty file", "7 81a4 0", { bytes: 0, inodes: 1 }],
    ["a folder as one block", "8 41ed 120", { bytes: 4096, inodes: 1 }],
    ["a hard link once", "7 81a4 100\n7 81a4 100", { bytes: 4096, inodes: 1 }],
    ["a short link in its inode", "9 a1ff 59", { bytes: 0, inodes: 1 }],
    ["a long link in a block", "9 a1ff 60", { bytes: 4096, inodes: 1 }],
  ])("counts %s", (_, lines, content) => expect(measure(lines)).toEqual(content));
});

describe("bootPaths", () => {
  // captured from ostree 2022.7 (`boot/loader/entries/ostree-1-pine.conf`), checksum shortened to digits
  const entry = `title Alpine Linux v3.23 (ostree:0)
version 1
options rw ostree=/ostree/boot.1/pine/${"4".repeat(64)}/0
linux ${boot}/vmlinuz-6.18.56-0-virt
initrd ${boot}/initramfs-6.18.56-0-virt.img
`;
  test("begin at the root of the filesystem", () => {
    expect(bootPaths(entry)).toEqual({
      kernel: `/boot${boot}/vmlinuz-6.18.56-0-virt`,
      initrd: `/boot${boot}/initramfs-6.18.56-0-virt.img`,
    });
    expect(bootPaths(entry.replaceAll(` ${boot}`, ` /boot${boot}`))).toEqual(bootPaths(entry));
  });
  // the same file of a container's commit has no such line (test/e2e/container-sysroot.test.ts)
  test("a container has no initramfs", () => {
    const container = entry.replace(/^initrd.*\n/m, "").replace("6.18.56-0-virt", "0-container");
    expect(bootPaths(container)).toEqual({ kernel: `/boot${boot}/vmlinuz-0-container`, initrd: "" });
  });
  test("a commit without an initramfs is refused", () => {
    expect(() => bootPaths(entry.replace(/^initrd.*$/m, ""))).toThrow(/names no initrd/);
  });
});
