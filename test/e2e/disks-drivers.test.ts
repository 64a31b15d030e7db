/**
 * What the initramfs does about a disk's driver, on controllers that disks.test.ts has not: it loads what the hardware
 * asks for, everything when that does not help, and where there is no driver it says so and reboots. QEMU's megasas and
 * am53c974 are like lsi here: linux-virt has no driver.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { diskImage, type Image } from "../../provider/image/disk/image.ts";
import { commitFromRootfs } from "../../provider/image/ostree/commits.ts";
import type { Bus } from "../lab/vps/qemu.ts";
import { startVps, type Vps } from "../lab/vps/vps.ts";
import { complete, on, said } from "./disks-lab.ts";
import { type ImageLab, startImageLab } from "./image-lab.ts";
import { breakSlot } from "./returning-lab.ts";

let lab: ImageLab;
let image: Image;
let kernel: string;
const start = (bus: Bus): Promise<Vps> => startVps({ base: { disk: image.path }, dir: lab.folder(), bus, memory: 256 });
/** Words that a boot on GRUB's configuration says, with its count. */
const counted = (boots: number) => `pine: slot=a trial= tries= boots=${boots} default=pine-a`;

beforeAll(async () => {
  lab = await startImageLab();
  const commit = await commitFromRootfs(lab, await lab.rootfs(), {});
  kernel = commit.kernelRelease;
  const options = { title: "Pine test", console: ["tty0", "ttyS0,115200"], swap: 64 * 1024 * 1024 };
  image = await diskImage(lab, commit.checksum, options, "qcow2");
});
afterAll(() => lab?.end());

const machines: [Bus, string, string[]][] = [
  ["ide", "ata_piix", ["sd_mod"]],
  ["pvscsi", "vmw_pvscsi", ["sd_mod"]],
  ["mptsas", "mptsas", ["mptbase", "mptsas", "mptscsih", "scsi_transport_sas", "sd_mod"]],
];
/** Modules of disks, of which a machine is to have no more than it needs. */
const DISKS = /^(mpt\w+|nvme\w*|scsi_\w+|sd_mod|virtio_(blk|scsi)|xen_\w+|hv_\w+)$/;
describe.each(machines)("a disk on %s", (bus, driver, modules) => {
  let vps: Vps;
  const loaded = async () => {
    const [, ...names] = (await on(vps, "cut -d' ' -f1 /proc/modules")).split(/\s/);
    return names.filter((name) => DISKS.test(name)).sort();
  };
  beforeAll(async () => {
    vps = await start(bus);
    await complete(vps);
  });
  afterAll(() => vps?.stop());

  test("boots with the drivers that it asks for and no other", async () => {
    expect(await on(vps, "awk '$5 == \"/sysroot\" { print $(NF - 1) }' /proc/self/mountinfo")).toBe("0 /dev/sda4");
    expect(await on(vps, "readlink -f /sys/block/sda/device")).toMatch(/^0 \/sys\/devices\/pci0000:00\//);
    expect(await on(vps, `ls -d /sys/bus/pci/drivers/${driver}/0000:*`)).toMatch(/^0 /);
    expect(await loaded()).toEqual(modules);
    expect(await vps.console()).not.toContain("loading every driver");
  });

  if (bus === "mptsas")
    test("boots with all drivers when nothing answers to what it asks for", async () => {
      await on(vps, "sed 's/pine.deadman=[0-9]*/pine.deadman=900/' /boot/grub/pine/a.cfg >/boot/grub/pine/b.cfg");
      await breakSlot(vps, "b", { initramfs: { path: `lib/modules/${kernel}/modules.alias`, text: "" } });
      const from = (await vps.console()).length;
      await on(vps, "pine arm b 1; pine reboot");
      await said(vps, from, /pine: initramfs: no device UUID=\S+ after 5 s, loading every driver/);
      await complete(vps);
      expect(await on(vps, "cat /proc/cmdline")).toContain("pine.slot=b");
      expect(await loaded()).toEqual(expect.arrayContaining([...modules, "nvme", "virtio_blk", "virtio_scsi"]));
    });
});

test("without a driver for its disk, the console says which controller it is, and the machine reboots", async () => {
  const vps = await start("lsi");
  try {
    const text = await said(vps, 0, new RegExp(`rebooting.*${counted(2)}`, "s"));
    const lines = text.split(/\r?\n/).filter((line) => line.startsWith("pine: initramfs: "));
    expect(lines.map((line) => line.slice("pine: initramfs: ".length))).toEqual([
      `no device UUID=${image.rootUuid} after 5 s, loading every driver`,
      "disks: none",
      // LSI 53C895A
      expect.stringMatching(/^no driver for 0000:00:\S+, pci:v00001000d00000012sv\w+bc01sc00i00$/),
      `no device UUID=${image.rootUuid} after 30 s; rebooting`,
    ]);
    expect(text).toContain(counted(1));
  } finally {
    await vps.stop();
  }
});
