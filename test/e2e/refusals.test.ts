/**
 * Servers that cannot be taken: a `pulumi preview` of the plain CLI says why and what to do, each reason in its own
 * words and alone, and nothing is written on the server. LVM, RAID, LUKS, btrfs, /boot, disks, data on them, UEFI,
 * Secure Boot and (for overwrite) memory are real ones. Doctored, on a real server where one fact is another: ZFS (no
 * module in Debian's main), the distribution's name, memory too little even for alongside (no Debian boots in it), and
 * another stack's record.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { BOOT_MS, differences, type Lab, listing, on, startLab } from "./hijack-lab.ts";
import { type Asked, overwrite, type Previews, previews } from "./refusals-lab.ts";
import { enterRoot, leaveRoot, makeRoots, ROOT_PACKAGES, type Root } from "./refusals-roots.ts";

const BESIDE = "use a server with a plain ext4 or xfs root partition, or method: overwrite, which erases its disk";
/** With them Debian's own grub-install makes a disk that boots with Secure Boot, too. */
const SIGNED = ["shim-signed", "grub-efi-amd64-signed"];
let lab: Lab;
let refused: Previews["refused"];
let allowed: Previews["allowed"];
const start = async (...args: Parameters<typeof startLab>) => {
  lab = await startLab(...args);
  ({ refused, allowed } = previews(lab));
};
/** Does something to the server, and undoes it when the work is over. */
const during = async (does: string, undoes: string, work: () => Promise<void>) => {
  await on(lab.vps, does);
  try {
    await work();
  } finally {
    await on(lab.vps, undoes);
  }
};

describe("a server that boots by BIOS", () => {
  let before: Map<string, string>;
  beforeAll(async () => {
    // the smallest that a new system has room on
    await start("refusals", { packages: ROOT_PACKAGES, disks: [1024, 1024, 1024, 1024, 1024, 900] });
    await makeRoots(lab.vps, { lvm: ["vdb"], raid: ["vdc", "vdd"], luks: ["vde"], btrfs: ["vdf"] });
    await on(lab.vps, "mkfs.ext4 -q /dev/vdg");
    before = await listing(lab.vps, { quick: true });
    lab.tell("the storage is made");
  });
  afterAll(() => lab?.end());

  const roots: [Root, RegExp][] = [
    ["lvm", /^the root file system \/dev\/mapper\/lab-root is on an LVM volume, where GRUB cannot write its state; /],
    ["raid", /^the root file system \/dev\/md0 is on a RAID, where GRUB cannot write its state; /],
    ["luks", /^the root file system \/dev\/mapper\/lab-luks is on an encrypted device \(LUKS\); /],
    ["btrfs", /^the root file system is btrfs; /],
  ];
  for (const [kind, message] of roots)
    test(`a root on ${kind}`, async () => {
      await enterRoot(lab.vps, kind);
      try {
        const said = await refused();
        expect(said).toMatch(message);
        expect(said.split("; ").slice(1)).toEqual([`this is not supported yet: ${BESIDE}`]);
        expect(await allowed(overwrite("/dev/vdg"))).toMatch(/overwrite Debian 12: .*ERASES \/dev\/vdg: no partitions/);
      } finally {
        await leaveRoot(lab.vps);
      }
    });

  test("a root on ZFS (doctored)", async () => {
    const script = `#!/bin/sh
case $* in
*/proc/self/mountinfo) /usr/bin/grep "$@" | sed 's#^\\([0-9]* [0-9]*\\) [0-9:]* / / \\(.*\\) - ext4 /dev/vda2 #\\1 0:29 / / \\2 - zfs rpool/ROOT/debian #' ;;
*) exec /usr/bin/grep "$@" ;;
esac
`;
    await lab.vps.ssh("cat >/run/grep", { input: script });
    await during("install -m 755 /run/grep /usr/local/sbin/grep", "rm /usr/local/sbin/grep", async () => {
      expect(await refused()).toBe(`the root file system is zfs; this is not supported yet: ${BESIDE}`);
    });
  });

  const boot = (mkfs: string) =>
    `${mkfs} /dev/vdg && mount /dev/vdg /mnt && cp -a /boot/. /mnt/ && umount /mnt && mount /dev/vdg /boot`;
  test("/boot where GRUB cannot write", async () => {
    await during(boot("mkfs.btrfs -qf"), "umount /boot && mkfs.ext4 -qF /dev/vdg", async () => {
      expect(await refused()).toBe(
        "/boot (/dev/vdg) is btrfs, where GRUB cannot write its state; use a server whose /boot is a plain ext4 or xfs partition or on its root file system, or method: overwrite, which erases its disk",
      );
    });
    const lvm = "wipefs -qa /dev/vdg && vgcreate -q labboot /dev/vdg && lvcreate -q -y -n boot -l 100%FREE labboot";
    const onto = `mkfs.ext4 -q /dev/labboot/boot && mount /dev/labboot/boot /mnt && cp -a /boot/. /mnt/ && umount /mnt && mount /dev/labboot/boot /boot`;
    await during(`${lvm} && ${onto}`, "umount /boot && vgremove -qf labboot && mkfs.ext4 -qF /dev/vdg", async () => {
      expect(await refused()).toMatch(/^\/boot \(\/dev\/vdg\) is on lvm, where GRUB cannot write its state; /);
    });
  });
  test("/boot of its own where GRUB can write is none; mounted read-only it is", async () => {
    await during(boot("mkfs.ext4 -qF"), "umount /boot", async () => {
      expect(await allowed()).toMatch(/alongside Debian 12 on vda2/);
      await on(lab.vps, "mount -o remount,ro /boot");
      expect(await refused()).toBe("/boot is mounted read-only; remount it read-write");
    });
  });

  test("a distribution that is not known, unless it is forced (doctored)", async () => {
    const name =
      "printf 'ID=devuan\\nVERSION_ID=5\\nPRETTY_NAME=\"Devuan GNU/Linux 5 (daedalus)\"\\n' >/run/os-release";
    await during(`${name}; mount --bind /run/os-release /etc/os-release`, "umount /etc/os-release", async () => {
      expect(await refused()).toBe(
        'Devuan GNU/Linux 5 (daedalus) is not known to work; Debian 8 and Ubuntu 14.04 or later are known to work; add "distribution" to ignoreChecks to try anyway',
      );
      expect(await allowed({ ignoreChecks: "[distribution]" })).toMatch(
        /alongside Devuan GNU\/Linux 5 \(daedalus\) on vda2/,
      );
    });
  });

  test("too little memory for alongside (doctored)", async () => {
    const little = "sed 's/^MemTotal:.*/MemTotal:  65536 kB/' /proc/meminfo >/run/meminfo";
    await during(`${little}; mount --bind /run/meminfo /proc/meminfo`, "umount /proc/meminfo", async () => {
      expect(await refused()).toBe("the server has 64 MiB of memory; it needs 96 MiB or more");
    });
  });

  test("Pine of another stack (doctored)", async () => {
    const record = "id=0123456789abcdef\\nstack=shop/prod\\nurn=urn:pulumi:prod::shop::pine:index:HostHijack::web\\n";
    const make = `mkdir /boot/grub/pine && printf '${record}' >/boot/grub/pine/install`;
    await during(make, "rm -r /boot/grub/pine", async () => {
      for (const asked of [{}, overwrite("/dev/vda")])
        expect(await refused(asked)).toBe(
          "the server belongs to another stack: shop/prod (urn:pulumi:prod::shop::pine:index:HostHijack::web); destroy it there first; if that stack is gone, take the server over by pulumi import (docs/life.md)",
        );
    });
  });

  test("overwrite without erase", async () => {
    expect(await refused({ method: "overwrite" })).toMatch(/overwrite: is missing: method overwrite needs it/);
  });

  test("several disks, and none is chosen", async () => {
    const said = await refused(overwrite());
    expect(said).toMatch(
      /^the server has 7 disks: \/dev\/vda \(4\.3 GB, gpt [0-9a-f-]{36}\), \/dev\/vdb \(1\.1 GB\), /,
    );
    expect(said).toMatch(/\/dev\/vdg \(944 MB\); say which one is erased: set `overwrite\.disk`$/);
    expect(await refused(overwrite("/dev/sda"))).toMatch(
      /^disk "\/dev\/sda" names no disk of the server; it has .*\/dev\/vda/,
    );
  });

  test("mounted data on the chosen disk", async () => {
    await during("mkdir -p /srv/data && mount /dev/vdg /srv/data", "umount /srv/data", async () => {
      expect(await refused(overwrite("/dev/vdg"))).toBe(
        "/srv/data (/dev/vdg) on /dev/vdg would be erased; save what you need and unmount it on the server, so that Pine knows it may be erased",
      );
    });
    expect(await allowed(overwrite("/dev/vdg"))).toMatch(/ERASES \/dev\/vdg: no partitions/);
  });

  test("an image that is larger than the disk, before it is built", async () => {
    expect(await refused(overwrite("/dev/vdg"), 1000)).toBe(
      "the image has 1.0 GB, /dev/vdg only 944 MB; give the DiskImage a size of at most 900 MiB, or take a larger disk",
    );
    expect(await allowed(overwrite("/dev/vdg"), 900)).toMatch(/ERASES \/dev\/vdg/);
  });

  test("the server is as it was", async () => {
    const after = await listing(lab.vps, { quick: true });
    // what was doctored touched these folders
    const ours = /^\/(usr\/local\/sbin|boot\/grub):/;
    expect(differences(before, after).filter((d) => !ours.test(d))).toEqual([]);
    expect((await lab.project.state()).filter((r) => r.type.startsWith("pine:"))).toEqual([]);
  });

  test("too little memory for an overwrite", async () => {
    await lab.vps.boot({ memory: 192 });
    await lab.vps.waitSsh(BOOT_MS);
    const said = await refused(overwrite("/dev/vda"));
    expect(said).toMatch(/^the server has 1\d\d MiB of memory; overwrite needs 256 MiB or more; alongside needs less /);
    expect(await allowed()).toMatch(/alongside Debian 12 on vda2/);
  });
});

describe("a server that boots by UEFI", () => {
  // 512 MiB: with 256 the firmware with Secure Boot was not seen to start the kernel
  beforeAll(() => start("refusals-uefi", { firmware: "uefi", packages: SIGNED }));
  afterAll(() => lab?.end());

  test("is taken by both methods", async () => {
    for (const asked of [{}, { method: "alongside" }, { erase: "true" }] as Asked[])
      expect(await allowed(asked)).toMatch(/alongside Debian 12 on vda2/);
    expect(await allowed(overwrite())).toMatch(/overwrite Debian 12: .*ERASES \/dev\/vda \(gpt /);
  });

  test("Secure Boot, by every method", async () => {
    await lab.vps.boot({ secureBoot: true });
    await lab.vps.waitSsh(BOOT_MS);
    expect(await on(lab.vps, "cat /sys/kernel/security/lockdown")).toContain("[integrity]");
    for (const asked of [{}, { erase: "true" }, { method: "alongside" }, overwrite()] as Asked[])
      expect(await refused(asked)).toBe(
        "Secure Boot is on, and Alpine's kernel is not signed; switch Secure Boot off in the firmware or at the provider",
      );
  });
});
