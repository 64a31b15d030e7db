/** Facts of the lab's Debian 12 on other file systems (captured): what is where, and what it boots by. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { parseFacts } from "../../../../provider/host/facts/facts.ts";

const facts = (layout: string) =>
  parseFacts(readFileSync(join(import.meta.dirname, `../../fixtures/facts/debian-12-lab-${layout}.txt`), "utf8"));
const GRUB = [1, undefined, []];

it.each([
  ["xfs", "xfs", [GRUB, [2, "xfs", ["/"]]]],
  [
    "parts",
    "ext4",
    [
      GRUB,
      [2, "ext4", ["/boot"]],
      [3, "swap", ["swap"]],
      [4, "ext4", ["/var"]],
      [5, "ext4", ["/home"]],
      [6, "ext4", ["/"]],
    ],
  ],
  [
    "boot-btrfs",
    "ext4",
    [
      [1, "vfat", ["/boot/efi"]],
      [2, "btrfs", ["/boot"]],
      [3, "ext4", ["/"]],
    ],
  ],
])("%s: the root, and every partition with its mount", (layout, root, partitions) => {
  const { disks, root: found } = facts(layout);
  expect([found.type, found.kind, found.tableType]).toEqual([root, "plain", "gpt"]);
  expect(disks.map((d) => d.device)).toEqual(["/dev/vda"]);
  expect(disks[0]!.partitions.map((p) => [p.number, p.type, p.mounts])).toEqual(partitions);
  expect(disks[0]!.partitions[found.partition! - 1]!.mounts).toEqual(["/"]);
});

it.each([
  ["xfs", "bios", ["i386-pc"]],
  ["parts", "bios", ["i386-pc"]],
  ["boot-btrfs", "uefi", ["x86_64-efi"]],
])("%s: firmware, and the GRUB that reads custom.cfg", (layout, firmware, platforms) => {
  const f = facts(layout);
  expect([f.firmware, f.secureBoot ?? false]).toEqual([firmware, false]);
  expect(f.grub).toMatchObject({ folder: "/boot/grub", sourcesCustom: true, custom: "none", platforms });
});
