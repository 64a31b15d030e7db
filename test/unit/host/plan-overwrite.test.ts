/** What an overwrite plans: which disk, what is lost, what stays, what is refused. */
import { describe, expect, it } from "vitest";
import { planInstall } from "../../../provider/host/plan.ts";
import { chooseDisk, layoutData, mountedData } from "../../../provider/host/plan-disk.ts";
import type {
  DataPartition,
  Disk,
  DiskPartition,
  Facts,
  ImageFacts,
  PlanInputs,
} from "../../../provider/host/types.ts";
import { facts as labFacts, image as labImage, inputs as labInputs } from "./plan-tools.ts";

const MiB = 1024 * 1024;
const GiB = 1024 * MiB;
const DISABLED = { there: true, disabled: true };

const part = (p: Omit<DiskPartition, "holds" | "mounts"> & { mounts?: string[] }): DiskPartition => ({
  holds: [],
  mounts: [],
  ...p,
});
const disk = (change: Partial<Disk> = {}): Disk => ({
  device: "/dev/vda",
  ids: ["virtio-one"],
  bytes: 4 * GiB,
  table: "gpt",
  ...{ holds: [], mounts: [], removable: false, readOnly: false },
  tableId: "92b3d58c-252d-8444-8818-a4f72a377994",
  sectorSize: 512,
  head: "a".repeat(64),
  partitions: [
    part({ device: "/dev/vda1", number: 1, start: MiB, bytes: MiB }),
    part({
      ...{ device: "/dev/vda2", number: 2, start: 2 * MiB, bytes: 4093 * MiB, type: "ext4", label: "cloudimg-rootfs" },
      mounts: ["/"],
    }),
  ],
  ...change,
});
const facts = (change: (f: Facts) => void = () => {}) =>
  labFacts((f) => {
    f.disks = [disk()];
    f.kexec = { there: true, disabled: false };
    change(f);
  });
const inputs: PlanInputs = { ...labInputs, method: "overwrite", erase: true };
const set = (change: Partial<Facts>) => (f: Facts) => {
  Object.assign(f, change);
};
const onLvm = (change: Partial<Facts>) => (f: Facts) => {
  Object.assign(f, change);
  f.root.kind = "lvm";
};
const commit = "c".repeat(64);
const image: ImageFacts = { ...labImage, commit, disk: { commit, bytes: 384 * MiB, packedBytes: 57e6 } };
const plan = (f = facts(), i: Partial<PlanInputs> = {}, m: Partial<ImageFacts> = {}) =>
  planInstall(f, { ...inputs, ...i }, { ...image, ...m });
const codes = (...args: Parameters<typeof plan>) => plan(...args).refusals.map((r) => r.code);
const data = (change: Partial<DataPartition> = {}): DataPartition => ({
  label: "data",
  filesystem: "ext4",
  mountPoint: "/srv/data",
  ...change,
});
const kept = part({
  ...{ device: "/dev/vda4", number: 4, start: GiB, bytes: GiB, type: "ext4", label: "data", partuuid: "p4" },
});

describe("the plan", () => {
  it("is one line that says what is erased", () => {
    expect(plan().plan!.summary).toBe(
      "overwrite Debian 12: send about 82 MB, 2 reboots; ERASES /dev/vda (gpt 92b3d58c-252d-8444-8818-a4f72a377994): vda1 (1.0 MB), vda2 (ext4 cloudimg-rootfs, 4.3 GB); keeps 10.0.2.15/24 via 10.0.2.2, 3 host keys, 1 key of root; destroy leaves the server as it is",
    );
  });
  it("restores nothing, and says so", () => {
    const { plan: p } = plan();
    expect([p!.method, p!.restore, p!.boots, p!.overwrite!.enter]).toEqual(["overwrite", undefined, 2, "kexec"]);
    expect(p!.lines).toContain("destroy: leaves the server as it is, for there is no old system to give back");
  });
  it("does without figures while the image is not built", () => {
    expect(plan(facts(), {}, { disk: undefined, about: true }).plan!.summary).toContain("send the image, 2 reboots");
  });
  it.each<[string, (f: Facts) => void]>([
    ["switched off", set({ kexec: DISABLED })],
    ["not built in", set({ kexec: { there: false } })],
    ["locked down", set({ lockdown: "integrity" })],
  ])("starts by the server's GRUB where kexec is %s", (_, change) => {
    expect(plan(facts(change)).plan!.overwrite).toMatchObject({ enter: "grub", slot: "a" });
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
      f.kexec = DISABLED; // Alpine's sysctl.d
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
  it("is not written anew by method auto", () => {
    expect(plan(runs(), { reinstall: true, method: "auto" }).plan!.overwrite).toBeUndefined();
  });
  it("of another resource is not written anew", () => {
    const other = (f: Facts) => void Object.assign(f.pine.install!, { urn: "urn:other" });
    expect(codes(runs(other), { reinstall: true, urn: "urn:mine" })).toEqual(["pine-other-resource"]);
    expect(codes(runs(other), { reinstall: true, urn: "urn:other" })).toEqual([]);
  });
  it("of another stack is refused", () => {
    expect(codes(runs(), { stack: "other/prod", reinstall: true })).toEqual(["pine-other-stack"]);
  });
});

describe("what is refused", () => {
  it.each<[string, (f: Facts) => void, Partial<PlanInputs>, Partial<ImageFacts>]>([
    ["erase", () => {}, { erase: false }, {}],
    ["container", set({ container: "lxc" }), {}, {}],
    ["secure-boot", set({ firmware: "uefi", secureBoot: true }), {}, {}],
    ["uefi", set({ firmware: "uefi" }), {}, {}],
    ["xen-pv", set({ xen: "PV" }), {}, {}],
    ["arch", set({ arch: "aarch64" }), {}, {}],
    ["ram", set({ ramKiB: 100_000 }), {}, {}],
    ["disk-choice", (f) => void f.disks.push(disk({ device: "/dev/vdb", tableId: "other" })), {}, {}],
    ["disk-choice", () => {}, { disk: "/dev/sdz" }, {}],
    ["disk-none", set({ disks: [] }), {}, {}],
    ["disk-head", set({ disks: [disk({ head: undefined })] }), {}, {}],
    ["image-size", () => {}, {}, { disk: { commit, bytes: 5 * GiB, packedBytes: 1 } }],
    ["image-commit", () => {}, {}, { commit: "d".repeat(64) }],
    ["tools", (f) => void delete f.tools.tar, {}, {}],
    [
      "disk-mounted",
      (f) => {
        const at = { device: "/dev/vda5", number: 5, start: 3 * GiB, bytes: 200 * MiB };
        f.disks[0]!.partitions.push(part({ ...at, type: "xfs", mounts: ["/data"] }));
      },
      {},
      {},
    ],
    ["data-size", () => {}, { dataPartitions: [data({ size: 4000 })] }, {}],
    ["kexec", onLvm({ kexec: DISABLED }), {}, {}],
    ["kexec", onLvm({ kexec: { there: false } }), {}, {}],
    ["lockdown", onLvm({ lockdown: "integrity" }), {}, {}],
  ])("%s", (code, change, i, m) => {
    const { refusals } = plan(facts(change), i, m);
    expect(refusals.map((r) => r.code)).toEqual([code]);
    expect(refusals[0]!.message.length).toBeGreaterThan(15);
    expect(refusals[0]!.hint.length).toBeGreaterThan(5);
  });
});

describe("the disk", () => {
  const two = facts((f) => {
    f.disks = [disk(), disk({ device: "/dev/vdb", tableId: "0badcafe", ids: ["virtio-two"] })];
  });
  it.each([
    ["its device", "/dev/vdb"],
    ["the id of its partition table, in any case", "0BADCAFE"],
    ["its lasting name", "/dev/disk/by-id/virtio-two"],
  ])("is chosen by %s", (_, name) =>
    expect(chooseDisk(two, { ...inputs, disk: name })).toMatchObject({ disk: { device: "/dev/vdb" } }),
  );
  it("is told of when there is a choice, with every name of each", () => {
    const { refusals } = plan(two);
    expect(refusals[0]!.message).toContain("/dev/vdb (4.3 GB, gpt 0badcafe, /dev/disk/by-id/virtio-two)");
  });
  it("is the only one beside a configuration drive", () => {
    const f = facts((x) => void x.disks.push(disk({ device: "/dev/vdb", bytes: 64 * MiB })));
    expect(codes(f)).toEqual([]);
  });
  it("that is not the old system's is a note", () => {
    expect(plan(two, { disk: "/dev/vdb" }).plan!.lines.join("\n")).toContain("the firmware has to boot from this one");
  });
});

describe("what is mounted", () => {
  it.each<[string, string, boolean]>([
    ["/boot", "/dev/vda3", false],
    ["/boot/efi", "/dev/vda15", false],
    ["/var", "/dev/vda6", false],
    ["/var/log", "/dev/vda6", false],
    ["/home", "/dev/vda5", true],
    ["/srv/data", "/dev/mapper/vg-data", true],
    ["/usr/local", "/dev/vda5", true],
    ["/opt", "/dev/vda2", false], // a bind of the root file system
  ])("%s from %s: data %s", (target, source, isData) => {
    const d = disk();
    d.partitions[1]!.mounts.push(target);
    const f = facts((x) => void x.mounts.push({ target, source, type: "ext4" }));
    expect(mountedData(f, d, []).length > 0).toBe(isData);
  });
  it("and kept is no loss", () => {
    const d = disk({ partitions: [{ ...kept, mounts: ["/srv/data"] }] });
    expect(mountedData(facts(), d, [data()])).toEqual([]);
    expect(mountedData(facts(), d, [data({ label: "other" })])).toHaveLength(1);
  });
});

describe("data partitions", () => {
  const layout = (d: Disk, wanted: DataPartition[], bytes = 384 * MiB) => {
    const r = layoutData(d, wanted, bytes);
    return "data" in r ? r.data.map((x) => [x.label, x.start / MiB, x.bytes && x.bytes / MiB, x.keep]) : r.refusal.code;
  };
  it.each<[string, Disk, DataPartition[], unknown]>([
    ["the rest of the disk", disk(), [data()], [["data", 384, undefined, false]]],
    [
      "one after the other",
      disk(),
      [data({ size: 512 }), data({ label: "bulk" })],
      [
        ["data", 384, 512, false],
        ["bulk", 896, undefined, false],
      ],
    ],
    ["kept where it is", disk({ partitions: [kept] }), [data({ size: 5 })], [["data", 1024, 1024, true]]],
    [
      "a new one behind a kept one",
      disk({ partitions: [kept] }),
      [data({ label: "bulk", size: 256 }), data()],
      [
        ["bulk", 2048, 256, false],
        ["data", 1024, 1024, true],
      ],
    ],
    ["no size in the middle", disk(), [data(), data({ label: "bulk" })], "data-size"],
    ["larger than the rest", disk(), [data({ size: 3712 })], "data-size"],
    ["exactly the rest", disk(), [data({ size: 3711 })], [["data", 384, 3711, false]]],
    ["too small for XFS", disk(), [data({ size: 200, filesystem: "xfs" })], "data-size"],
    [
      "another file system than the kept one's",
      disk({ partitions: [kept] }),
      [data({ filesystem: "xfs" })],
      "data-filesystem",
    ],
  ])("%s", (_, d, wanted, expected) => expect(layout(d, wanted)).toEqual(expected));
  it("are never moved for a larger image: refused, with the size that fits", () => {
    const r = layoutData(disk({ partitions: [kept] }), [data()], 1025 * MiB);
    expect(r).toMatchObject({ refusal: { code: "data-place", hint: expect.stringContaining("at most 1024 MiB") } });
  });
  it("are told in the plan, and not among what is erased", () => {
    const f = facts(set({ disks: [disk({ partitions: [disk().partitions[0]!, kept] })] }));
    const { plan: p } = plan(f, { dataPartitions: [data()] });
    expect(p!.summary).toContain("keeps data partition data (ext4, 1.1 GB) on /srv/data");
    expect(p!.erases.join()).not.toContain("vda4");
  });
});

describe("an overwrite that was cut off", () => {
  const first = plan().plan!;
  const cut = (change: Partial<NonNullable<Facts["pine"]["ram"]>> = {}) =>
    facts((f) => {
      f.pine.ram = {
        install: { id: "i1", stack: "demo/dev", old: "Debian GNU/Linux 12 (bookworm)" },
        plan: JSON.stringify(first),
        image: "e".repeat(64),
        blocks: 96,
        verified: 40,
        finished: false,
        ...change,
      };
      f.disks = []; // nothing but the plan in memory counts
    });
  it("goes on with the plan it began with", () => {
    const { plan: p } = plan(cut(), { hostname: "another" });
    expect(p!.summary).toMatch(
      /^goes on with the overwrite of Debian .* on \/dev\/vda: 40 of 96 blocks are written; 1 reboot/,
    );
    expect([p!.hostname, p!.overwrite]).toEqual([first.hostname, first.overwrite]);
  });
  it.each<[string, Partial<PlanInputs>, Parameters<typeof cut>[0], Partial<ImageFacts>]>([
    ["pine-other-stack", { stack: "other/prod" }, {}, {}],
    ["ram", { method: "alongside" }, {}, {}],
    ["ram", {}, { plan: "{" }, {}],
    ["image-size", {}, {}, { disk: { commit, bytes: 5 * GiB, packedBytes: 1 } }],
  ])("%s is refused", (code, i, ram, m) => expect(codes(cut(ram), i, m)).toEqual([code]));
});
