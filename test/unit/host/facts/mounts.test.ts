/** What each mount lies on, and what is no disk; lines as the kernel, udev and blkid have them. */
import { describe, expect, it } from "vitest";
import { parseDisks } from "../../../../provider/host/facts/disks.ts";
import { efiPartition } from "../../../../provider/host/facts/efi.ts";
import { parseFacts } from "../../../../provider/host/facts/facts.ts";
import { factLines } from "../../../../provider/host/facts/lines.ts";
import { twinsOf } from "../../../../provider/host/facts/twins.ts";
import { mountedData } from "../../../../provider/host/ways/overwrite/disk.ts";

const SDA = [
  "block=sda 8:0 41943040 - - - - -",
  "block=sda1 8:1 2000000 1 sda - - -",
  "block=sda2 8:2 39000000 2 sda - - -",
];
const SDB = ["block=sdb 8:16 41943040 - - - - -", "block=sdb1 8:17 39000000 1 sdb - - -"];
const ROOT = "mount=27 1 8:1 / / rw - ext4 /dev/sda1 rw";
const DM = (uuid: string, below = "sda2") => [`block=dm-0 253:0 38 - - ${below} - ${uuid}`, "dm=dm-0 vg-srv"];
const disks = (...lines: string[]) => parseDisks(factLines([...SDA, ...SDB, ROOT, ...lines].join("\n")));
/** Which disk would lose what. */
const lost = (...lines: string[]) => disks(...lines).map((d) => mountedData(d, []).map((m) => m.target));

describe("somebody's data is on the disk below it", () => {
  it.each<[string, string[], string[][]]>([
    // kdave/btrfsmaintenance#109
    ["btrfs on LVM", [...DM("LVM-ab"), "mount=40 27 0:45 / /srv rw - btrfs /dev/mapper/vg-srv rw"], [["/srv"], []]],
    ["by LVM's other name", [...DM("LVM-ab"), "mount=40 27 0:45 / /srv rw - btrfs /dev/vg/srv rw"], [["/srv"], []]],
    [
      "by udev's name alone",
      [
        "block=dm-0 253:0 38 - - sda2 - LVM-ab",
        "link=id dm-0 dm-name-v--g-srv",
        "mount=40 27 0:45 / /srv rw - btrfs /dev/v-g/srv rw",
      ],
      [["/srv"], []],
    ],
    [
      "not on the disk whose label is like the volume's",
      [...DM("LVM-ab"), "link=label sdb1 vg-srv", "mount=40 27 0:45 / /srv rw - btrfs /dev/mapper/vg-srv rw"],
      [["/srv"], []],
    ],
    // martijnvanbrummelen/nwipe#757
    [
      "ZFS on LUKS",
      [
        ...DM("CRYPT-LUKS2-01-x"),
        'blkid=/dev/mapper/vg-srv: LABEL="tank" UUID="1" TYPE="zfs_member"',
        "mount=40 27 0:45 / /tank rw - zfs tank/data rw",
      ],
      [["/tank"], []],
    ],
    ["a pool that is not found", ["mount=40 27 0:45 / /tank rw - zfs tank/data rw"], [["/tank"], ["/tank"]]],
    // koverstreet/bcachefs-tools#167
    ["bcachefs of two disks", ["mount=40 27 0:45 / /srv rw - bcachefs /dev/sda2:/dev/sdb1 rw"], [["/srv"], ["/srv"]]],
    [
      "btrfs of two, whose second only the kernel tells",
      ["member=aa sda2", "member=aa sdb1", "mount=40 27 0:45 / /srv rw - btrfs /dev/sda2 rw"],
      [["/srv"], ["/srv"]],
    ],
    ["btrfs on a device that is not found", ["mount=40 27 0:45 / /srv rw - btrfs /dev/root rw"], [["/srv"], ["/srv"]]],
    ["a number that is not found", ["mount=40 27 252:9 / /srv rw - ext4 /dev/x rw"], [["/srv"], ["/srv"]]],
    [
      "a partition of a RAID",
      [
        "block=md0 9:0 38 - - sda2,sdb1 raid1 -",
        "block=md0p1 259:0 37 1 md0 - - -",
        "mount=40 27 259:0 / /srv rw - ext4 /dev/md0p1 rw",
      ],
      [["/srv"], ["/srv"]],
    ],
    [
      "a file system in a file of another disk",
      [
        "block=loop0 7:0 38 - - - - -",
        "virtual=loop0",
        "loop=loop0 /mnt/b/img",
        "mount=39 27 8:17 / /mnt/b rw - ext4 /dev/sdb1 rw",
        "mount=40 27 7:0 / /srv rw - ext4 /dev/loop0 rw",
      ],
      [[], ["/mnt/b", "/srv"]],
    ],
    [
      "ext4 on a ZFS volume",
      [
        "block=zd0 230:0 38 - - - - -",
        'blkid=/dev/sdb1: LABEL="tank" UUID="1" TYPE="zfs_member"',
        "mount=40 27 230:0 / /srv rw - ext4 /dev/zd0 rw",
      ],
      [[], ["/srv"]],
    ],
    [
      "xfs' log on another disk",
      ["mount=40 27 8:2 / /srv rw - xfs /dev/sda2 rw,logdev=/dev/sdb1"],
      [["/srv"], ["/srv"]],
    ],
    [
      "what only a container has mounted",
      [
        "elsewhere=77 tmux: server 90 80 8:17 / / rw - ext4 /dev/sdb1 rw",
        "elsewhere=78 x 91 80 8:17 / / rw - ext4 /dev/sdb1 rw",
      ],
      [[], ["process 77 (tmux: server): /"]],
    ],
  ])("%s", (_, lines, expected) => expect(lost(...lines)).toEqual(expected));
  it.each([
    "0:50 / /mnt rw - nfs4 192.0.2.1:/x rw",
    "0:50 / /mnt rw - cifs //192.0.2.1/x rw",
    "0:50 / /mnt rw - fuse.sshfs root@192.0.2.1:/ rw",
    "0:50 / /etc/pve rw - fuse /dev/fuse rw",
    "0:50 / /data rw - overlay overlay rw,lowerdir=/x",
    "0:50 / /data rw - tmpfs /dev/shm rw",
    "0:50 / /mnt rw - 9p share rw",
    "0:50 / /mnt rw - virtiofs /dev/root rw",
    "7:3 / /opt/app ro - squashfs /dev/loop3 ro",
    "11:0 / /media/cd ro - iso9660 /dev/sr0 ro",
  ])("of no disk: %s", (mount) => expect(lost(`mount=40 27 ${mount}`)).toEqual([[], []]));
  it("a volume of the network is on no disk either", () => {
    const lines = ["block=nbd0 43:0 99 - - - - -", "virtual=nbd0", "mount=40 27 43:0 / /srv rw - ext4 /dev/nbd0 rw"];
    expect(lost(...lines)).toEqual([[], []]);
  });
});

describe("disks", () => {
  // storaged-project/blivet#879, openzfs/zfs#3759, eMMC's hardware partitions (the kernel's mmc/mmc-dev-parts.rst)
  it.each([
    "nvme0c0n1 - 8388608",
    "zd0 230:0 8388608",
    "mmcblk0boot0 179:8 8388608",
    "mmcblk0gp1 179:9 8388608",
    "nbd0 43:0 8388608",
    "rbd0 252:0 8388608",
    "drbd0 147:0 8388608",
    "bcache0 254:0 8388608",
    "mtdblock0 31:0 8388608",
    "zram0 251:0 8388608",
    "loop0 7:0 8388608",
    "dm-0 253:0 8388608",
    "md127 9:127 8388608",
    "sr0 11:0 8388608",
  ])("%s is none", (line) =>
    expect(disks(`block=${line} - - - - -`).map((d) => d.device)).toEqual(["/dev/sda", "/dev/sdb"]),
  );
  it.each(["nvme0n1 259:0", "mmcblk0 179:0", "xvda 202:0", "pmem0 259:1"])("%s is one", (line) =>
    expect(disks(`block=${line} 8388608 - - - - -`)).toHaveLength(3),
  );
  it("nothing below it, so none; a name with a folder in it", () => {
    const found = disks("block=scinia 252:0 99 - - - - -", "virtual=scinia", "block=cciss!c0d0 104:0 99 - - - - -");
    expect(found.map((d) => d.device)).toEqual(["/dev/sda", "/dev/sdb", "/dev/cciss/c0d0"]);
  });
});

it("the root on a partition of a RAID is on that, not plain; its space and inodes by statfs", () => {
  const { root } = parseFacts(
    [
      "format=1\nkernel=6.1\narch=x86_64",
      ...SDA,
      "block=md0 9:0 38 - - sda2 raid1 -",
      "block=md0p1 259:0 37 1 md0 - - -",
      "mount=27 1 259:0 / / rw - ext4 /dev/md0p1 rw",
      "statfs=4096 1000 500 65536 60000 /",
    ].join("\n"),
  );
  expect([root.kind, root.disk, root.sizeKiB, root.freeKiB, root.freeInodes]).toEqual([
    "raid",
    undefined,
    4000,
    2000,
    60000,
  ]);
});

describe("UUIDs of several file systems", () => {
  const twins = (...lines: string[]) => twinsOf(factLines([...SDA, ...SDB, ...lines].join("\n")));
  const ext4 = (device: string) => `blkid=/dev/${device}: UUID="u" TYPE="ext4"`;
  // coreos/fedora-coreos-tracker#465
  it("of a clone", () => expect(twins(ext4("sda1"), ext4("sdb1"))).toEqual({ u: ["/dev/sda1", "/dev/sdb1"] }));
  it.each<[string, string[]]>([
    [
      "members of a RAID",
      ['blkid=/dev/sda1: UUID="u" TYPE="linux_raid_member"', 'blkid=/dev/sdb1: UUID="u" TYPE="linux_raid_member"'],
    ],
    [
      "btrfs of two devices",
      ['blkid=/dev/sda1: UUID="u" UUID_SUB="1" TYPE="btrfs"', 'blkid=/dev/sdb1: UUID="u" UUID_SUB="2" TYPE="btrfs"'],
    ],
    ["a layer upon the device", [ext4("sda1"), "block=dm-0 253:0 38 - - sda1 - x", ext4("dm-0")]],
    ["paths of one disk", [ext4("sda1"), ext4("sdb1"), "block=dm-0 253:0 38 - - sda,sdb - mpath-3600a"]],
  ])("not of %s", (_, lines) => expect(twins(...lines)).toEqual({}));
});

it("the partition of a boot entry (EFI_LOAD_OPTION as the UEFI specification lays it out)", () => {
  const title = Buffer.from("debian\0", "utf16le");
  const node = Buffer.alloc(42);
  node.set([4, 1, 42, 0, 15]);
  node.set(Buffer.from("28732ac11ff8d211ba4b00a0c93ec93b", "hex"), 24);
  node.set([2, 2], 40);
  const pci = Buffer.from("02010c00d041030a00000000", "hex");
  const entry = (...nodes: Buffer[]) =>
    Buffer.concat([Buffer.alloc(6), title, ...nodes, Buffer.from("7fff0400", "hex")]).toString("hex");
  expect(efiPartition(entry(pci, node))).toBe("c12a7328-f81f-11d2-ba4b-00a0c93ec93b");
  expect([efiPartition(entry(pci)), efiPartition(undefined), efiPartition("00")]).toEqual([
    undefined,
    undefined,
    undefined,
  ]);
  node.set([1, 1], 40);
  expect(efiPartition(entry(node))).toBe("c12a7328-0f");
});
