/** What an overwrite plans: the method, what is lost, what is refused, what goes on. */
import { describe, expect, it } from "vitest";
import type { Facts } from "../../../../../provider/host/facts/types/facts.ts";
import type { ImageFacts, PlanInputs } from "../../../../../provider/host/plan/types.ts";
import { codes, commit, data, disk, facts, GiB, onLvm, plan, set, withMount } from "./tools.ts";

/** A server whose kernel starts no other one, and whose GRUB knows nothing of ours. */
const noGrub = () =>
  facts((f) => {
    Object.assign(f, { kexec: { disabled: true }, systemd: true });
    f.grub!.sourcesCustom = false;
  });

describe("the plan", () => {
  it("is one line that says what is erased", () => {
    expect(plan().plan!.summary).toBe(
      "overwrite Debian 12: send about 86 MB, 2 reboots; ERASES /dev/vda (gpt 92b3d58c-252d-8444-8818-a4f72a377994): vda1 (1.0 MB), vda2 (ext4 cloudimg-rootfs, 4.3 GB); keeps 10.0.2.15/24 via 10.0.2.2, 3 host keys, 1 key of root; destroy leaves the server as it is",
    );
  });
  it("restores nothing, and says so", () => {
    const { plan: p } = plan();
    expect([p!.method, p!.restore, p!.boots, p!.overwrite!.enter]).toEqual(["overwrite", undefined, 2, "kexec"]);
    expect(p!.lines).toContain("destroy: leaves the server as it is, since there is no old system to restore");
  });
  it("does without figures while the image is not built", () => {
    expect(plan(facts(), {}, { disk: undefined, about: true }).plan!.summary).toContain("send the image, 2 reboots");
  });
  it.each<[string, (f: Facts) => void]>([
    ["switched off", set({ kexec: { disabled: true } })],
    ["not built in", set({ kexec: {} })],
    ["locked down", set({ lockdown: "integrity" })],
    ["for signed kernels only", set({ kexec: { disabled: false, signedOnly: true } })],
  ])("starts by the server's GRUB where kexec is %s", (_, change) => {
    expect(plan(facts(change)).plan!.overwrite).toMatchObject({ enter: "grub", slot: "a" });
  });
  it("keeps what the image's root is: the RAM system mounts it, maybe on the old kernel", () => {
    const disk = { commit, bytes: GiB, packedBytes: 1, filesystem: "btrfs" };
    expect(plan(facts(), {}, { disk }).plan!.overwrite!.filesystem).toBe("btrfs");
  });
  it("starts on the running kernel where that one starts no other, GRUB cannot, and systemd is the init", () => {
    const { plan: p } = plan(noGrub());
    expect(p!.overwrite!.enter).toBe("shutdown");
    expect(p!.lines[0]).toMatch(/takes over \(systemd's shutdown starts it on the running kernel/);
  });
  it.each<[string, (f: Facts) => void]>([
    ["another init", set({ systemd: false })],
    ["a root that is not alone on its device", (f) => void Object.assign(f.root, { kind: "raid" })],
    ["ZFS, whose pool stays", (f) => void Object.assign(f.root, { type: "zfs" })],
    ["LVM on the disk", set({ disks: [disk({ holds: ["lvm"] })] })],
  ])("does not with %s", (_, change) => {
    const one = noGrub();
    change(one);
    expect(codes(one)).toEqual(["kexec"]);
  });
  it("does not mind UEFI, as long as Secure Boot is off", () => {
    expect(plan(facts(set({ firmware: "uefi", secureBoot: false }))).plan!.method).toBe("overwrite");
    expect(codes(facts(set({ firmware: "uefi" })), { method: "alongside" })).toEqual([]);
  });
});

describe("what is chosen", () => {
  const beside = facts();
  const lvm = facts((f) => {
    f.root.kind = "lvm";
  });
  it.each<[string, Facts, Partial<PlanInputs>, string | undefined]>([
    ["auto without erase", beside, { method: "auto", erase: false }, "alongside"],
    ["auto with erase, where alongside works", beside, { method: "auto" }, "alongside"],
    ["auto with erase, where it does not", lvm, { method: "auto" }, "overwrite"],
    ["auto without erase, where it does not", lvm, { method: "auto", erase: false }, undefined],
    ["alongside stays alongside", lvm, { method: "alongside" }, undefined],
  ])("%s", (_, f, i, method) => expect(plan(f, i).plan?.method).toBe(method));
  it("says every reason of both ways, each once", () => {
    expect(codes(facts(onLvm({ disks: [], ramKiB: 1 })), { method: "auto" })).toEqual(["ram", "root-lvm", "disk-none"]);
  });
});

describe("a server that runs Pine", () => {
  const install = { id: "i1", stack: "demo/dev", method: "overwrite", old: "Debian GNU/Linux 12 (bookworm)" };
  const runs = (change: (f: Facts) => void = () => {}) =>
    facts((f) => {
      f.pine = { ...f.pine, install: { ...install }, deployment: `${commit}.0`, runningSlot: "a" };
      f.os = { id: "alpine", idLike: [], name: "Alpine Linux v3.23", versionId: "3.23.6" };
      f.kexec = { disabled: true }; // Alpine's sysctl.d
      change(f);
    });
  it("is updated, with nothing to restore", () => {
    const { plan: p } = plan(runs(), { installationId: "i1" });
    expect([p!.overwrite, p!.method, p!.restore, p!.existing]).toEqual([undefined, "overwrite", undefined, "ours"]);
  });
  it("is written anew by a create, through the slot that does not run", () => {
    const { plan: p } = plan(runs(), { reinstall: true });
    expect(p!.overwrite).toMatchObject({ enter: "grub", slot: "b" });
  });
  it("with a /boot partition is written anew through that, whatever its root is", () => {
    const uuid = "bbbbbbbb-2222-8333-8444-555555555555";
    const own = (freeKiB: number) =>
      runs((f) => {
        f.cmdline = [...f.cmdline, `pine.boot=UUID=${uuid}`];
        f.root.type = "xfs";
        f.mounts = [...f.mounts, { target: "/boot", source: "/dev/vda3", type: "ext4", freeKiB }];
      });
    const { plan: p } = plan(own(40_000), { reinstall: true });
    expect([p!.overwrite!.enter, p!.disk.bootUuid]).toEqual(["grub", uuid]);
    expect(codes(own(20_000), { reinstall: true })).toEqual(["boot-space"]);
    // 29.2 MB: btrfs' module is more
    expect(codes(own(28_500), { reinstall: true })).toEqual([]);
    expect(codes(own(28_500), { reinstall: true }, { filesystems: ["ext4", "btrfs"] })).toEqual(["boot-space"]);
  });
  it("is not written anew by method auto", () => {
    expect(plan(runs(), { reinstall: true, method: "auto" }).plan!.overwrite).toBeUndefined();
  });
  it("of another resource is not written anew", () => {
    const other = (f: Facts) => void Object.assign(f.pine.install!, { urn: "urn:other" });
    expect(codes(runs(other), { reinstall: true, urn: "urn:mine" })).toEqual(["pine-other-resource"]);
    expect(codes(runs(other), { reinstall: true, urn: "urn:other" })).toEqual([]);
  });
  it("of another stack is refused", () => {
    expect(codes(runs(), { stack: "other/prod", reinstall: true, urn: "urn:mine" })).toEqual(["pine-other-stack"]);
  });
});

describe("what is refused", () => {
  it.each<[string, (f: Facts) => void, Partial<PlanInputs>, Partial<ImageFacts>]>([
    ["erase", () => {}, { erase: false }, {}],
    ["container", set({ container: "lxc" }), {}, { target: "container" }],
    ["secure-boot", set({ firmware: "uefi", secureBoot: true }), {}, {}],
    // which locks the kernel down
    ["secure-boot", onLvm({ firmware: "uefi", secureBoot: true, lockdown: "integrity" }), {}, {}],
    ["xen-pv", set({ xen: "PV" }), {}, {}],
    ["arch", set({ arch: "aarch64" }), {}, {}],
    ["ram", set({ ramKiB: 100_000 }), {}, {}],
    ["disk-choice", (f) => void f.disks.push(disk({ device: "/dev/vdb", tableId: "other" })), {}, {}],
    ["disk-choice", () => {}, { disk: "/dev/sdz" }, {}],
    ["disk-none", set({ disks: [] }), {}, {}],
    ["disk-head", set({ disks: [disk({ head: undefined })] }), {}, {}],
    ["image-size", () => {}, {}, { disk: { commit, bytes: 5 * GiB, packedBytes: 1 } }],
    ["image-size", () => {}, {}, { disk: undefined, diskAtLeast: 5 * GiB }],
    ["data-size", () => {}, { dataPartitions: [data({ size: 2000 })] }, { disk: undefined, diskAtLeast: 3 * GiB }],
    ["image-format", () => {}, {}, { diskUnfit: 'format: "qcow2"' }],
    ["image-commit", () => {}, {}, { commit: "d".repeat(64) }],
    ["tools", (f) => void delete f.tools.tar, {}, {}],
    ["disk-mounted", set({ disks: [withMount(["/data"])] }), {}, {}],
    ["data-size", () => {}, { dataPartitions: [data({ size: 4000 })] }, {}],
    ["kexec", onLvm({ kexec: { disabled: true } }), {}, {}],
    ["kexec", onLvm({ kexec: {} }), {}, {}],
    ["lockdown", onLvm({ lockdown: "integrity" }), {}, {}],
  ])("%s", (code, change, i, m) => {
    const { refusals } = plan(facts(change), i, m);
    expect(refusals.map((r) => r.code)).toEqual([code]);
    expect(refusals[0]!.message.length).toBeGreaterThan(15);
    expect(refusals[0]!.hint.length).toBeGreaterThan(5);
  });
});
