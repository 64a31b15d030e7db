/** Disks and the RAM system out of the facts script's lines. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parseFacts } from "../../../provider/host/facts.ts";

const lab = readFileSync(join(import.meta.dirname, "../fixtures/facts/debian-12-lab.txt"), "utf8");
/** The fixture with its storage lines replaced by these. */
const withLines = (lines: string[]) =>
  parseFacts(
    [...lab.split("\n").filter((l) => !/^(block|table|blkid|mount|start|byid)=/.test(l)), ...lines].join("\n"),
  );

describe("disks", () => {
  it("of the lab's Debian: one, with its partitions and what is mounted", () => {
    const { disks } = parseFacts(lab);
    expect(disks).toHaveLength(1);
    expect(disks[0]).toMatchObject({
      device: "/dev/vda",
      bytes: 4 * 1024 ** 3,
      tableType: "gpt",
      tableId: "92b3d58c-252d-8444-8818-a4f72a377994",
      sectorSize: 512,
      mounts: [{ target: "/", source: "/dev/vda2", type: "ext4" }],
    });
    expect(disks[0]!.head).toMatch(/^[0-9a-f]{64}$/);
    expect(disks[0]!.partitions.map((p) => [p.device, p.bytes, p.type, p.label])).toEqual([
      ["/dev/vda1", 1024 ** 2, undefined, undefined],
      ["/dev/vda2", 4093 * 1024 ** 2, "ext4", "cloudimg-rootfs"],
    ]);
  });

  // written by hand after the kernel's and util-linux's formats: a volume group on sda3, a RAID over sdb1 and sdc1
  const layered = [
    "block=sda 8:0 2097152 - - - - -",
    "block=sda1 8:1 2048 1 sda - - -",
    "start=sda1 2048",
    "block=sda3 8:3 1048576 3 sda - - -",
    "start=sda3 1048576",
    "byid=sda /dev/disk/by-id/scsi-0QEMU_one",
    "byid=sda1 /dev/disk/by-id/scsi-0QEMU_one-part1",
    "block=dm-0 253:0 204800 - - sda3 - LVM-abcdef",
    "block=sdb 8:16 2097152 - - - - -",
    "block=sdb1 8:17 2095104 1 sdb - - -",
    "block=sdc 8:32 2097152 - - - - -",
    "block=sdc1 8:33 2095104 1 sdc - - -",
    "block=md0 9:0 2093056 - - sdb1,sdc1 raid1 -",
    "block=sdd 8:48 0 - - - - -",
    "block=mmcblk0boot0 179:8 8192 - - - - -",
    'blkid=/dev/mapper/vg-home: LABEL="home" UUID="u1" TYPE="ext4"',
    "mount=20 1 253:0 / / rw shared:1 - ext4 /dev/mapper/vg-root rw",
    "mount=21 20 9:0 / /srv rw shared:1 - xfs /dev/md0 rw",
  ];
  it("are told apart from layers over them, empty ones and boot areas", () => {
    expect(withLines(layered).disks.map((d) => d.device)).toEqual(["/dev/sda", "/dev/sdb", "/dev/sdc"]);
  });
  it("have what is mounted through LVM and RAID", () => {
    expect(withLines(layered).disks.map((d) => d.mounts.map((m) => m.target))).toEqual([["/"], ["/srv"], ["/srv"]]);
  });
  it("have their lasting names, without those of partitions, and where partitions begin", () => {
    const [sda] = withLines(layered).disks;
    expect(sda!.byId).toEqual(["/dev/disk/by-id/scsi-0QEMU_one"]);
    expect(sda!.partitions.map((p) => [p.number, p.start])).toEqual([
      [1, 1024 ** 2],
      [3, 512 * 1024 ** 2],
    ]);
  });
  it("without a readable first sector have no head", () => expect(withLines(layered).disks[0]!.head).toBeUndefined());
});

describe("kexec", () => {
  it.each([
    ["kexec=disabled=0", "allowed"],
    ["kexec=disabled=1", "disabled"],
    ["", undefined],
  ])("%s", (line, expected) => expect(parseFacts(`${lab.replace(/^kexec=.*$/m, "")}\n${line}`).kexec).toBe(expected));
});

describe("the RAM system", () => {
  it("is told by its own files", () => {
    const lines = ["id=i1", "stack=demo/dev", "urn=urn:x", "old=Debian GNU/Linux 12"].map(
      (l) => `pine.ram.install=${l}`,
    );
    lines.push('pine.ram.plan={"method":"overwrite","hosts":"a\\nb"}', `pine.ram.image=${"e".repeat(64)}`);
    lines.push("pine.ram.blocks=aa", "pine.ram.blocks=bb", "pine.ram.verified=1");
    expect(parseFacts([lab, ...lines].join("\n")).pine.ram).toEqual({
      install: { id: "i1", stack: "demo/dev", urn: "urn:x", old: "Debian GNU/Linux 12" },
      plan: '{"method":"overwrite","hosts":"a\\nb"}',
      image: "e".repeat(64),
      blocks: 2,
      verified: 1,
      finished: false,
    });
  });
  it("is not there on any other system", () => expect(parseFacts(lab).pine.ram).toBeUndefined());
});
