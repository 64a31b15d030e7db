/** Every disk with what is on it; lines as sysfs, blkid and udev have them. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parseDisks } from "../../../../provider/host/facts/disks.ts";
import { parseFacts } from "../../../../provider/host/facts/facts.ts";
import { factLines } from "../../../../provider/host/facts/lines.ts";

const fixture = (name: string) => readFileSync(join(import.meta.dirname, `../../fixtures/facts/${name}.txt`), "utf8");
const disks = (...lines: string[]) => parseDisks(factLines(lines.join("\n")));

describe("the lab's Debian 12 (captured)", () => {
  const [disk, ...more] = parseFacts(fixture("debian-12-lab")).disks;
  it("has one disk, by its table's id", () => {
    expect(more).toEqual([]);
    expect(disk).toMatchObject({ device: "/dev/vda", bytes: 4 * 2 ** 30, table: "gpt", removable: false, mounts: [] });
    expect(disk?.tableId).toBe("92b3d58c-252d-8444-8818-a4f72a377994");
  });
  it("has two partitions, the second mounted", () => {
    expect(disk?.partitions.map((p) => [p.number, p.device, p.bytes, p.type, p.label, p.mounts])).toEqual([
      [1, "/dev/vda1", 2 ** 20, undefined, undefined, []],
      [2, "/dev/vda2", 8382464 * 512, "ext4", "cloudimg-rootfs", ["/"]],
    ]);
    expect(disk?.partitions[1]?.partuuid).toBe("7db34be5-2cfe-764c-a69e-23f2b731546e");
  });
});

it("a second disk of the lab's Debian 12 (captured): by-id, what is on it, where it is mounted; kexec", () => {
  const f = parseFacts(fixture("debian-12-lab-two-disks"));
  expect(f.disks.map((d) => [d.device, d.table, d.ids])).toEqual([
    ["/dev/vda", "gpt", []],
    ["/dev/vdb", "gpt", ["virtio-data-1"]],
  ]);
  expect(f.disks[1]?.partitions.map((p) => [p.type, p.label, p.mounts])).toEqual([
    ["ext4", "my data", ["/srv/data"]],
    ["swap", "sw", ["swap"]],
  ]);
  expect(f.kexec).toMatchObject({ disabled: false, load: true, fileLoad: true, signedOnly: false });
  expect(f.hypervisor).toBe("qemu");
});

it("of a login that may not become root: sizes, and what udev names", () => {
  const text = `${fixture("debian-12-lab-no-root").replace(/^blkid=.*$/gm, "")}
link=id vda virtio-0123
link=uuid vda2 7b6f3a52-5d0c-4b6e-9f0e-3f3f2a9d6c11
link=label vda2 my\\x20root
link=partuuid vda2 7db34be5-2cfe-764c-a69e-23f2b731546e`;
  const [disk] = parseFacts(text).disks;
  expect([disk?.table, disk?.ids]).toEqual([undefined, ["virtio-0123"]]);
  expect(disk?.partitions[1]).toMatchObject({
    uuid: "7b6f3a52-5d0c-4b6e-9f0e-3f3f2a9d6c11",
    label: "my root",
    partuuid: "7db34be5-2cfe-764c-a69e-23f2b731546e",
    mounts: ["/"],
  });
});

describe("what is built upon partitions", () => {
  const two = [
    "block=sda 8:0 41943040 - - - - -",
    "block=sda1 8:1 2000000 1 sda - - -",
    "block=sda2 8:2 39000000 2 sda - - -",
    "block=sdb 8:16 41943040 - - - - -",
    "block=sdb1 8:17 39000000 1 sdb - - -",
    "disk=sda 0 0 QEMU HARDDISK",
    "disk=sdb 1 1 Flash",
  ];
  it("LVM upon LUKS, and swap: the mounts are of the partition below", () => {
    const [sda, sdb] = disks(
      ...two,
      "block=dm-0 253:0 38 - - sda2 - CRYPT-LUKS2-01-x",
      "block=dm-1 253:1 37 - - dm-0 - LVM-ab",
      "block=dm-2 253:2 37 - - dm-0 - LVM-cd",
      "mount=27 1 253:1 / / rw - ext4 /dev/mapper/vg-root rw",
      "mount=28 1 8:1 / /boot rw - ext4 /dev/sda1 rw",
      "swap=/dev/dm-2 partition 100 0 -2",
    );
    expect(sda?.partitions.map((p) => [p.holds, p.mounts])).toEqual([
      [[], ["/boot"]],
      [
        ["luks", "lvm"],
        ["/", "swap"],
      ],
    ]);
    expect([sda?.model, sdb?.removable, sdb?.readOnly, sdb?.partitions[0]?.mounts]).toEqual([
      "QEMU HARDDISK",
      true,
      true,
      [],
    ]);
  });
  it("a RAID over two disks is mounted from both", () => {
    const both = disks(...two, "block=md0 9:0 38 - - sda2,sdb1 raid1 -", "mount=27 1 9:0 / /srv rw - ext4 /dev/md0 rw");
    expect(both.map((d) => d.device)).toEqual(["/dev/sda", "/dev/sdb"]);
    expect(both.flatMap((d) => d.partitions.flatMap((p) => p.mounts))).toEqual(["/srv", "/srv"]);
    expect(both[1]?.partitions[0]?.holds).toEqual(["raid"]);
  });
  it("btrfs over two disks and a ZFS pool, which have device numbers of their own", () => {
    const btrfs = disks(
      ...two,
      'blkid=/dev/sda2: UUID="aa" UUID_SUB="b1" TYPE="btrfs"',
      'blkid=/dev/sdb1: UUID="aa" UUID_SUB="b2" TYPE="btrfs"',
      "mount=27 1 0:45 /@ / rw - btrfs /dev/sda2 rw,subvol=/@",
    );
    expect(btrfs.map((d) => d.partitions.at(-1)?.mounts)).toEqual([["/"], ["/"]]);
    const zfs = disks(
      ...two,
      'blkid=/dev/sda2: LABEL="rpool" UUID="1" TYPE="zfs_member"',
      "mount=27 1 0:45 / / rw - zfs rpool/ROOT/debian rw",
    );
    expect(zfs.map((d) => d.partitions.at(-1)?.mounts)).toEqual([["/"], []]);
  });
  it("a whole disk with a file system, and what is no disk", () => {
    const found = disks(
      "block=vdb 254:16 2048 - - - - -",
      "block=dm-0 253:0 38 - - vdb - LVM-ab",
      "block=md127 9:127 0 - - - - -",
      "block=vdc 254:32 0 - - - - -",
      'blkid=/dev/vdb: UUID="aa" TYPE="LVM2_member"',
    );
    expect(found).toHaveLength(1);
    expect(found[0]).toMatchObject({ device: "/dev/vdb", type: "LVM2_member", holds: ["lvm"], partitions: [] });
  });
});

describe("what machine and kernel allow", () => {
  const with_ = (...lines: string[]) => parseFacts([fixture("debian-12-lab"), ...lines].join("\n"));
  it.each<[string, string[], object]>([
    ["nothing is said", [], {}],
    [
      "a Debian kernel",
      ["kexec.disabled=0", "kexec.config=CONFIG_KEXEC=y", "kexec.config=CONFIG_KEXEC_FILE=y"],
      { disabled: false, load: true, fileLoad: true, signedOnly: false },
    ],
    ["switched off", ["kexec.disabled=1"], { disabled: true }],
    [
      "only signed ones",
      ["kexec.config=CONFIG_KEXEC_FILE=y", "kexec.config=CONFIG_KEXEC_SIG_FORCE=y"],
      { load: false, fileLoad: true, signedOnly: true },
    ],
  ])("kexec: %s", (_, lines, kexec) => expect(with_(...lines).kexec).toEqual(expect.objectContaining(kexec)));
  it.each([
    ["kvm", ["hypervisor=kvm", "hypervisor=unknown"]],
    ["qemu", []],
    ["microsoft", ["hypervisor=microsoft"]],
  ])("hypervisor %s", (name, lines) => expect(with_(...lines).hypervisor).toBe(name));
  it("a real machine, and one that does not say which", () => {
    const metal = fixture("debian-12-lab").replace(/^machine=.*$/m, "machine=ASUSTeK P10S");
    expect(parseFacts(metal).hypervisor).toBe("none");
    expect(parseFacts(`${metal}\nhypervisor=unknown`).hypervisor).toBe("unknown");
  });
  it("memory before 3.14 added up what is available", () => {
    const old = fixture("debian-12-lab").replace(/^mem=MemAvailable.*$/m, "mem=Buffers: 1000 kB\nmem=Cached: 20000 kB");
    expect(parseFacts(old).availableKiB).toBe(367924 + 21000);
  });
});
