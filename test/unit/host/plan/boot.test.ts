/** Where GRUB keeps the slots: the lab's Debian with other partitions. */
import { describe, expect, it } from "vitest";
import type { Facts } from "../../../../provider/host/facts/types/facts.ts";
import type { DiskPartition } from "../../../../provider/host/facts/types/storage.ts";
import { planBoot, swapPartitions } from "../../../../provider/host/plan/boot.ts";
import { planInstall } from "../../../../provider/host/ways/plan.ts";
import { codes, facts, image, inputs } from "./tools.ts";

const UUID = "11111111-2222-4333-8444-555555555555";

/** The lab's Debian with more partitions on its disk. */
function withPartitions(parts: Partial<DiskPartition>[], change: (f: Facts) => void = () => {}): Facts {
  return facts((f) => {
    for (const [n, part] of parts.entries()) {
      const device = `/dev/vda${n + 3}`;
      const whole = { device, bytes: 5e8, number: n + 3, start: 1e9, holds: [], mounts: [], uuid: UUID, type: "ext4" };
      f.disks[0]!.partitions.push({ ...whole, ...part });
      for (const target of part.mounts ?? [])
        if (target !== "swap") f.mounts.push({ source: device, target, type: part.type ?? "ext4", freeKiB: 100_000 });
    }
    change(f);
  });
}
const boot = (part: Partial<DiskPartition> = {}) => ({ mounts: ["/boot"], ...part });
const esp = { mounts: ["/boot/efi"], type: "vfat", uuid: "5AFE-0EF1" };
const uefi = (f: Facts) => {
  f.firmware = "uefi";
};

describe("the place of the slots", () => {
  it("is the root filesystem, by BIOS and UEFI", () => {
    expect(planBoot(facts())).toEqual({ place: {} });
    expect(planBoot(withPartitions([esp], uefi))).toEqual({ place: {} });
  });
  it.each(["ext2", "ext3", "ext4", "xfs"])("is /boot on a partition of its own with %s", (type) => {
    expect(planBoot(withPartitions([boot({ type })]))).toEqual({
      place: { boot: { device: "/dev/vda3", type, uuid: UUID }, slots: { type, uuid: UUID, path: "/grub/pine" } },
    });
  });
  it.each<[string, Partial<DiskPartition>]>([
    ["btrfs", { type: "btrfs" }],
    ["a RAID", { type: "linux_raid_member", holds: ["raid"] }],
    ["on lvm", { type: "LVM2_member", holds: ["lvm"] }],
  ])("is the EFI system partition where /boot is %s, and nowhere without one", (what, part) => {
    expect(planBoot(withPartitions([boot(part), esp], uefi))).toMatchObject({
      place: { slots: { type: "vfat", uuid: "5AFE-0EF1", path: "/EFI/pine" }, folder: "/boot/efi/EFI/pine" },
    });
    expect(planBoot(withPartitions([boot(part)]))).toMatchObject({
      refusal: { code: "boot-state", message: expect.stringContaining(`/boot (/dev/vda3) is ${what}`) },
    });
  });
  it.each<[string, (f: Facts) => void]>([
    ["boot-space", (f) => Object.assign(f.mounts.find((m) => m.target === "/boot")!, { freeKiB: 20 })],
    ["boot-readonly", (f) => Object.assign(f.mounts.find((m) => m.target === "/boot")!, { readOnly: true })],
    ["boot-uuid", (f) => Object.assign(f.disks[0]!.partitions.at(-1)!, { uuid: undefined })],
  ])("%s is told beforehand", (code, change) => expect(codes(withPartitions([boot()], change))).toEqual([code]));
});

describe("the plan tells", () => {
  const parts = [
    boot(),
    { mounts: ["/home"] },
    { mounts: ["/var"] },
    { mounts: ["swap"], type: "swap", uuid: "6c0a9d1e-0000-4000-8000-000000000001" },
  ];
  const { plan } = planInstall(withPartitions(parts), inputs, image);
  it("what becomes of the old system's other filesystems and swap", () => {
    expect(plan!.lines).toContain("note: /home, /var stay as they are and are not mounted by the new system");
    expect(plan!.lines).toContain("note: the new system uses the old one's swap (1 partition)");
    expect(plan!.swap).toEqual(["6c0a9d1e-0000-4000-8000-000000000001"]);
    expect(swapPartitions(facts())).toEqual([]);
  });
  it("where GRUB's state is", () => {
    expect(plan!.lines.join("\n")).toMatch(/note: \/boot is \/dev\/vda3 \(ext4\): GRUB's state is kept there/);
    const away = planInstall(withPartitions([boot({ type: "btrfs" }), esp], uefi), inputs, image).plan!;
    expect(away.lines.join("\n")).toMatch(
      /\/dev\/vda3 \(btrfs\): GRUB cannot write there, its state is in \/boot\/efi\/EFI\/pine/,
    );
  });
  it("an xfs root", () => {
    const xfs = planInstall(
      facts((f) => void Object.assign(f.root, { type: "xfs" })),
      inputs,
      image,
    ).plan!;
    expect([xfs.disk.rootType, /alongside Debian 12 on vda2 \(xfs/.test(xfs.summary)]).toEqual(["xfs", true]);
  });
});
