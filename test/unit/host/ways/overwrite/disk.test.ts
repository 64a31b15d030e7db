/** Which disk is written over, what goes with it, and where data partitions lie. */
import { describe, expect, it } from "vitest";
import type { Disk } from "../../../../../provider/host/facts/types/storage.ts";
import type { DataPartition } from "../../../../../provider/host/plan/types.ts";
import { chooseDisk, layoutData, mountedData } from "../../../../../provider/host/ways/overwrite/disk.ts";
import { codes, data, disk, facts, inputs, kept, MiB, plan, set, withMount } from "./tools.ts";

describe("the disk", () => {
  const two = facts((f) => {
    f.disks = [
      disk(),
      disk({ device: "/dev/vdb", tableId: "0badcafe", head: "b".repeat(64), ids: ["lvm-pv-uuid-AbCd", "virtio-two"] }),
    ];
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
    expect(plan(two, { disk: "/dev/vdb" }).plan!.lines.join("\n")).toContain("set the firmware to boot from this one");
  });
});

describe("what is mounted", () => {
  it.each<[string[], number]>([
    [["/boot"], 0],
    [["/boot/efi"], 0],
    [["/var", "/var/log"], 0],
    [["swap"], 0],
    [["/home"], 1],
    [["/srv/data", "/usr/local"], 2],
  ])("%j on another partition: %i times somebody's data", (mounts, data) =>
    expect(mountedData(withMount(mounts), [])).toHaveLength(data),
  );
  it("from the root's own file system goes with it; of LVM each volume is another one", () => {
    expect(mountedData(disk({ partitions: [{ ...disk().partitions[1]!, mounts: ["/", "/opt"] }] }), [])).toEqual([]);
    const lvm = disk({ partitions: [{ ...disk().partitions[1]!, holds: ["lvm"], mounts: ["/", "/srv"] }] });
    expect(mountedData(lvm, [])).toEqual([{ target: "/srv", device: "/dev/vda2" }]);
  });
  it("and kept is no loss", () => {
    const d = withMount(["/srv/data"], { label: "data" });
    expect(mountedData(d, [data()])).toEqual([]);
    expect(mountedData(d, [data({ label: "other" })])).toHaveLength(1);
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
