/**
 * What boots a server that is written over, and identities that are not one: from made-up lines, as facts.sh prints
 * them, to the plan.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parseFacts } from "../../../../../provider/host/facts/facts.ts";
import type { Facts } from "../../../../../provider/host/facts/types/facts.ts";
import type { PlanInputs } from "../../../../../provider/host/plan/types.ts";
import { data, disk, facts, inputs, kept, plan, set } from "./tools.ts";

const lab = readFileSync(join(import.meta.dirname, "../../../fixtures/facts/debian-12-lab.txt"), "utf8");
const head = /^table=vda 512 (\w+)/m.exec(lab)![1]!;
const UUID = "7b6f3a52-5d0c-4b6e-9f0e-3f3f2a9d6c11";
/** First sectors with GRUB's boot code, or empty; `n` makes them one disk's own. */
const grub = (name: string, n = 0) => `table=${name} 512 ${head.slice(0, 880)}${n}${n}${head.slice(882)}`;
const empty = (name: string, n = 0) => `table=${name} 512 ${"00".repeat(1023)}${n}${n}`;
const of = (...lines: string[]): Facts => {
  const rest = lab.split("\n").filter((l) => !/^(mount|block|blkid|df|table)=/.test(l));
  const f = parseFacts([...rest, "statfs=4096 9000000 8000000 0 0 /", ...lines].join("\n"));
  f.kexec = { disabled: false };
  return f;
};
const codes = (f: Facts, i: Partial<PlanInputs> = {}) => plan(f, i).refusals.map((r) => r.code);
const notes = (f: Facts, i: Partial<PlanInputs> = {}) =>
  plan(f, i).plan?.lines.join("\n") ?? JSON.stringify(plan(f, i));

/** Root on an NVMe, /boot on an eMMC. */
const split = (...more: string[]) =>
  of(
    "block=mmcblk0 179:0 124000000 - - - - -",
    "block=mmcblk0p1 179:1 1228800 1 mmcblk0 - - -",
    "block=mmcblk0p2 179:2 2097152 2 mmcblk0 - - -",
    "block=nvme0n1 259:0 976773168 - - - - -",
    "block=nvme0n1p1 259:1 976771072 1 nvme0n1 - - -",
    "mount=27 1 259:1 / / rw - ext4 /dev/nvme0n1p1 rw",
    "mount=30 27 179:2 / /boot rw - ext4 /dev/mmcblk0p2 rw",
    `blkid=/dev/nvme0n1p1: UUID="${UUID}" TYPE="ext4"`,
    ...more,
  );
const esp = ["efi=1", "mount=31 30 179:1 / /boot/efi rw - vfat /dev/mmcblk0p1 rw"];
const nvme: Partial<PlanInputs> = { disk: "/dev/nvme0n1" };

describe("the firmware's disk", () => {
  // bootc-dev/bootc#1916
  it.each<[string, Facts, string[]]>([
    ["UEFI: the ESP is elsewhere", split(...esp, grub("mmcblk0"), grub("nvme0n1", 1)), ["boot-disk"]],
    ["BIOS: GRUB's boot code is elsewhere", split(grub("mmcblk0"), empty("nvme0n1")), ["boot-disk"]],
    ["BIOS: it is on this one", split(empty("mmcblk0"), grub("nvme0n1")), []],
  ])("%s", (_, f, expected) => expect(codes(f, nvme)).toEqual(expected));
  it("is told of in the refusal, and whoever overrules it goes on", () => {
    const f = split(...esp, grub("mmcblk0"), grub("nvme0n1", 1));
    expect(plan(f, nvme).refusals[0]!.message).toContain("the firmware boots /dev/mmcblk0");
    expect(notes(f, { ...nvme, ignoreChecks: ["boot-disk"] })).toContain(
      "/dev/mmcblk0 too: set the firmware to boot /dev/nvme0n1 first",
    );
  });
  it("by UEFI's own word, whatever is mounted", () => {
    const f = split(...esp, grub("mmcblk0"), grub("nvme0n1", 1));
    f.disks.find((d) => d.device === "/dev/nvme0n1")!.partitions[0]!.partuuid = "AA-BB";
    f.bootPartition = "aa-bb";
    expect(codes(f, nvme)).toEqual([]);
  });
  // syself/cluster-api-provider-hetzner#1661, nix-community/disko#946
  it("of a RAID1 is either: told", () => {
    const f = of(
      "efi=1",
      ...["sda", "sdb"].flatMap((d, n) => [
        `block=${d} 8:${16 * n} 937703088 - - - - -`,
        `block=${d}1 8:${16 * n + 1} 1048576 1 ${d} - - -`,
        `block=${d}2 8:${16 * n + 2} 930000000 2 ${d} - - -`,
        grub(d, n),
      ]),
      "block=md0 9:0 1048000 - - sda1,sdb1 raid1 -",
      "block=md1 9:1 929000000 - - sda2,sdb2 raid1 -",
      "mount=27 1 9:1 / / rw - ext4 /dev/md1 rw",
      "mount=31 27 9:0 / /boot/efi rw - vfat /dev/md0 rw",
    );
    expect(notes(f, { disk: "/dev/sda" })).toContain("on /dev/sdb too: set the firmware to boot /dev/sda first");
  });
});

// linode/docs#324
describe("a root on the disk itself, which a loader of the provider boots", () => {
  const f = (table = empty("sda")) =>
    of(
      "block=sda 8:0 51380224 - - - - -",
      "mount=27 1 8:0 / / rw - ext4 /dev/sda rw",
      `blkid=/dev/sda: LABEL="linode-root" UUID="${UUID}" TYPE="ext4"`,
      table,
    );
  it("is refused by overwrite, with what to switch; not by alongside", () => {
    expect(codes(f())).toEqual(["boot-provider"]);
    expect(codes(f(), { method: "alongside" })).toEqual([]);
    expect(codes(f(), { ignoreChecks: ["boot-provider"] })).toEqual([]);
  });
  it("is named among what is erased", () =>
    expect(plan(f(), { ignoreChecks: ["boot-provider"] }).plan!.summary).toContain(
      "ERASES /dev/sda: sda (ext4 linode-root, 26 GB)",
    ));
  it("with boot code is the disk's own", () => expect(codes(f(grub("sda")))).toEqual([]));
  it("a kernel from outside is refused, too", () => {
    const g = f(grub("sda"));
    g.cmdline = ["root=/dev/sda"];
    expect(codes(g)).toEqual(["boot-provider"]);
  });
});

describe("identities that are not one", () => {
  const clone = (...more: string[]) =>
    of(
      "block=vda 254:0 83886080 - - - - -",
      "block=vda2 254:2 83000000 2 vda - - -",
      "block=vda3 254:3 800000 3 vda - - -",
      "block=vdb 254:16 83886080 - - - - -",
      "block=vdb2 254:18 83000000 2 vdb - - -",
      "mount=27 1 254:2 / / rw - ext4 /dev/vda2 rw",
      `blkid=/dev/vda2: UUID="${UUID}" TYPE="ext4"`,
      grub("vda"),
      ...more,
    );
  const beside: Partial<PlanInputs> = { method: "alongside" };
  // coreos/fedora-coreos-tracker#465, andsens/build-debian-cloud#40
  it.each<[string, string[], string[]]>([
    ["the root", [`blkid=/dev/vdb2: UUID="${UUID}" TYPE="ext4"`], ["uuid-twins"]],
    [
      "swap",
      [
        'blkid=/dev/vda3: UUID="s" TYPE="swap"',
        'blkid=/dev/vdb2: UUID="s" TYPE="swap"',
        "swap=/dev/vda3 partition 9 0 -2",
      ],
      ["uuid-twins"],
    ],
    ["what we do not go by", ['blkid=/dev/vda3: UUID="s" TYPE="ext4"', 'blkid=/dev/vdb2: UUID="s" TYPE="ext4"'], []],
  ])("two with the UUID of %s", (_, lines, expected) => expect(codes(clone(...lines), beside)).toEqual(expected));
  it("an update looks as well", () => {
    const f = clone(`blkid=/dev/vdb2: UUID="${UUID}" TYPE="ext4"`);
    f.pine = { ...f.pine, install: { id: "i", stack: inputs.stack }, deployment: "x.0", runningSlot: "a" };
    expect(codes(f)).toEqual(["uuid-twins"]);
  });
  it("two disks that the RAM system could not tell apart", () => {
    expect(codes(clone(grub("vdb")), { disk: "/dev/vda" })).toEqual(["disk-twins"]);
    expect(codes(clone(grub("vdb", 1)), { disk: "/dev/vda" })).toEqual([]);
  });
  it("two with the label of a data partition", () => {
    const twice = facts(set({ disks: [disk({ partitions: [kept, { ...kept, number: 5, device: "/dev/vda5" }] })] }));
    const other = disk({ device: "/dev/vdb", head: "b", partitions: [kept] });
    expect(codes(twice, { dataPartitions: [data()] })).toEqual(["data-label"]);
    expect(codes(facts(set({ disks: [disk(), other] })), { disk: "/dev/vda", dataPartitions: [data()] })).toEqual([
      "data-label",
    ]);
  });
});

// home-assistant/operating-system#4766
it("sectors of 4096 bytes are refused by overwrite alone", () => {
  const f = facts(set({ disks: [disk({ sectorSize: 4096 })] }));
  expect(codes(f)).toEqual(["disk-sectors"]);
  expect(codes(f, { method: "alongside" })).toEqual([]);
});
