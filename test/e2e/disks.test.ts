/**
 * Disk images of every format and partition table: the same bytes each time; booted from a larger disk on every kind of
 * bus, they grow, and what is on them is sound.
 */
import { basename, dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { FILE_FORMATS, type FileFormat } from "../../provider/image/disk/formats/pack.ts";
import type { ImageOptions, Label } from "../../provider/image/disk/identity.ts";
import { diskImage, type Image } from "../../provider/image/disk/image.ts";
import { partitionOf } from "../../provider/image/disk/partitions.ts";
import { commitFromRootfs } from "../../provider/image/ostree/commits.ts";
import { run } from "../../provider/local/run.ts";
import { startDisk } from "../lab/disk/disk.ts";
import type { Bus, Firmware } from "../lab/vps/qemu.ts";
import { startVps, type Vps } from "../lab/vps/vps.ts";
import { BOOT_MS, on as commandOn, complete, expectSound, heard, said } from "./disks-lab.ts";
import { type ImageLab, startImageLab } from "./image-lab.ts";

const MiB = 1024 * 1024;
const SWAP = 64;
/** MiB of the disks that are booted from: no multiple of anything. */
const LARGER = 1999;

let lab: ImageLab;
let checksum: string;
const options = (label: Label, more: Partial<ImageOptions> = {}): ImageOptions => ({
  title: "Pine test",
  console: ["tty0", "ttyS0,115200"],
  label,
  swap: SWAP * MiB,
  ...more,
});
const make = (label: Label, format: FileFormat, more?: Partial<ImageOptions>): Promise<Image> =>
  diskImage(lab, checksum, options(label, more), format);

beforeAll(async () => {
  lab = await startImageLab();
  const rootfs = await lab.rootfs();
  checksum = (await commitFromRootfs(lab, rootfs, {})).checksum;
});
afterAll(() => lab?.end());

describe("files", () => {
  test.each(FILE_FORMATS)(
    "%s is the same bytes from another store, and what its checksum file says",
    async (format) => {
      const image = await make("gpt", format);
      const again = await diskImage({ ...lab, store: await lab.copiedStore() }, checksum, options("gpt"), format);
      expect(again.path).not.toBe(image.path);
      expect(again).toEqual({ ...image, path: again.path });
      const { stdout } = await run("sha256sum", ["-c", `${image.path}.sha256`], { cwd: dirname(image.path) });
      expect(stdout).toBe(`${basename(image.path)}: OK`);
    },
  );
  test("all hold the same disk", async () => {
    const [zst, raw, qcow2, tar] = await Promise.all(FILE_FORMATS.map((f) => make("gpt", f)));
    const dir = lab.folder();
    await run("zstd", ["-q", "-d", "--sparse", zst!.path, "-o", join(dir, "zst.raw")]);
    await run("tar", ["-xf", tar!.path, "-C", dir]);
    for (const file of ["zst.raw", "disk.raw"]) await run("cmp", [raw!.path, join(dir, file)]);
    await run("qemu-img", ["check", "-q", qcow2!.path]);
    await run("qemu-img", ["compare", "-q", "-f", "raw", "-F", "qcow2", raw!.path, qcow2!.path]);
    // places without data are in none of them: blocks of 512 bytes
    const { stdout } = await run("stat", ["-c", "%b", raw!.path, qcow2!.path, tar!.path]);
    for (const blocks of stdout.trim().split("\n")) expect(Number(blocks) * 512).toBeLessThan(0.5 * raw!.size);
  });
  test("an MBR is the same bytes again, and another disk", async () => {
    const image = await make("mbr", "raw.zst");
    const again = await diskImage({ ...lab, store: await lab.copiedStore() }, checksum, options("mbr"));
    expect(again.sha256).toBe(image.sha256);
    expect(image.rootUuid).not.toBe((await make("gpt", "raw.zst")).rootUuid);
  });
  test("an ESP that is no FAT16 any more is sound", async () => {
    const { path, partitions } = await make("gpt", "raw", { espSize: 64 * MiB });
    const { start, size } = partitionOf({ partitions }, "esp");
    const file = join(lab.folder(), "esp");
    await run("dd", [`if=${path}`, `of=${file}`, "bs=1M", `skip=${start / MiB}`, `count=${size / MiB}`, "status=none"]);
    const binds = [{ source: file, target: "/run/esp" }];
    expect((await lab.toolbox.run(["fsck.vfat", "-n", "/run/esp"], { binds })).stdout).toMatch(/\d+ files?, /);
    expect((await lab.toolbox.run(["mdir", "-i", "/run/esp", "-b", "::/EFI/BOOT"], { binds })).stdout).toMatch(
      /BOOTX64/,
    );
  });
});

const machines: [Label, Firmware, Bus, FileFormat, string][] = [
  ["gpt", "bios", "virtio-blk", "qcow2", "vda"],
  ["mbr", "bios", "virtio-blk", "raw", "vda"],
  ["gpt", "uefi", "virtio-blk", "raw", "vda"],
  ["gpt", "bios", "virtio-scsi", "raw", "sda"],
  ["gpt", "bios", "ahci", "raw", "sda"],
  ["gpt", "bios", "nvme", "raw", "nvme0n1"],
];
describe.each(machines)("%s under %s on %s", (label, firmware, bus, format, device) => {
  let vps: Vps;
  let image: Image;
  const number = label === "gpt" ? 4 : 2;
  const part = (n: number) => `${device}${/\d$/.test(device) ? "p" : ""}${n}`;
  const on = (command: string) => commandOn(vps, command);

  beforeAll(async () => {
    image = await make(label, format);
    vps = await startVps({
      base: { disk: image.path },
      dir: lab.folder(),
      firmware,
      bus,
      memory: 256,
      diskMiB: LARGER,
    });
    await complete(vps);
  });
  afterAll(() => vps?.stop());

  test("it came up from there, and its boot is counted as complete", async () => {
    expect(await on("test -d /sys/firmware/efi && echo uefi || echo bios")).toBe(`0 ${firmware}`);
    expect(await on("awk '$5 == \"/sysroot\" { print $(NF - 1) }' /proc/self/mountinfo")).toBe(
      `0 /dev/${part(number)}`,
    );
    expect(await on("/usr/libexec/pine/agent status")).toMatch(/^0 running=a\n(.*\n)*slot=a\n(.*\n)*boots=$/m);
    // GRUB counted, and could write what it counted
    expect(await heard(vps)).toMatch(/pine: slot=a trial= tries= boots=1 default=pine-a/);
  });
  test("the root has the whole disk, without a word of warning", async () => {
    const start = partitionOf(image, "root").start / MiB;
    const end = label === "gpt" ? LARGER - 1 : LARGER;
    expect(await on(`cat /sys/class/block/${part(number)}/size`)).toBe(`0 ${(end - start) * 2048}`);
    expect(await on("cat /run/pine-grow.log")).toMatch(/^0 the disk has \d+ sectors.*is now \d+ \(4k\) blocks long/s);
    expect(await on("cat /boot/grub/pine/grow")).toBe(`0 ${LARGER * 2048}`);
    const [, blocks] = /^0 (\d+)/.exec(await on("stat -f -c %b /sysroot")) ?? [];
    expect((Number(blocks) * 4096) / MiB).toBeGreaterThan((end - start) * 0.96);
  });
  test("swap is in use", async () => {
    const [, kib] = new RegExp(`^/dev/${part(number - 1)} +partition\\s+(\\d+)`, "m").exec(
      await on("cat /proc/swaps"),
    )!;
    expect(Number(kib)).toBe(SWAP * 1024 - 4);
  });
  test("every object of OSTree's is as it was", async () => {
    expect(await on("ostree fsck --repo=/sysroot/ostree/repo --quiet 2>&1")).toMatch(/^0/);
  });

  if (label === "mbr" || (firmware === "bios" && bus === "virtio-blk"))
    test("a trial that nobody confirms goes back, and the count of boots goes on", async () => {
      await on(
        "sed 's/pine.deadman=[0-9]*/pine.deadman=40/' /boot/grub/pine/a.cfg >/boot/grub/pine/b.cfg; pine arm b 1",
      );
      const from = (await vps.console()).length;
      const boot = await on("cat /proc/sys/kernel/random/boot_id");
      await on("pine reboot");
      const since = await said(vps, from, /pine: slot b pine.trial=1.*pine: slot a /s);
      expect(since).toMatch(/pine: slot b pine.trial=1/);
      expect(since).toMatch(/pine: slot=a trial=b tries=0 boots=1 default=pine-a/);
      await complete(vps);
      expect(await on("cat /proc/sys/kernel/random/boot_id")).not.toBe(boot);
      expect(await on("/usr/libexec/pine/agent status")).toMatch(
        /^0 running=a\n(.*\n)*slot=a\ntrial=b\ntries=0\nboots=$/m,
      );
      // nothing was left to grow
      expect(await on("cat /run/pine-grow.log")).toBe("0");
    });

  test("off, its table and filesystem are sound", async () => {
    await vps.ssh("poweroff");
    await vps.off(BOOT_MS);
    const dir = lab.folder();
    const disk = join(dir, "disk");
    await run("qemu-img", ["convert", "-O", "raw", vps.disk, disk]);
    expect(await expectSound(lab, disk)).toEqual(["ext4"]);
  });
});

test("the power goes while it grows, three times, and the system that comes up goes on", async () => {
  const image = await make("gpt", "raw");
  const dir = lab.folder();
  const base = join(dir, "base.raw");
  await run("cp", ["--sparse=always", image.path, base]);
  await run("truncate", ["-s", `${LARGER}M`, base]);
  const disk = await startDisk({ base, dir, top: join(dir, "disk") });
  const vps = await startVps({ base: { disk: base }, dir, faulty: disk, memory: 256 });
  try {
    // flushes since the network is asked for: two in the table, one in the filesystem
    for (const [n, mode] of [
      [3, "sectors"],
      [6, "drop"],
      [10, "writes"],
    ] as const) {
      const from = (await vps.console()).length;
      if (n !== 3) await vps.boot();
      await said(vps, from, "Starting networking");
      await disk.trigger({ on: "flush", n, at: "before" });
      await disk.frozen();
      expect((await vps.console()).slice(from)).not.toContain("The root has grown");
      await vps.cut({ mode, seed: n });
      await disk.export(join(dir, "cut.raw"));
      const { stderr } = await run("sfdisk", ["--json", join(dir, "cut.raw")]);
      expect(stderr).not.toMatch(/corrupt|damaged/);
    }
    await vps.boot();
    await vps.waitSsh(BOOT_MS);
    const grown = await vps.ssh(
      "cat /boot/grub/pine/grow /sys/class/block/vda4/size; ostree fsck --repo=/sysroot/ostree/repo -q",
    );
    expect(grown.stdout).toMatch(
      new RegExp(`^${LARGER * 2048}\\n${(LARGER - 1) * 2048 - partitionOf(image, "root").start / 512}\\n`),
    );
    expect(grown.exitCode).toBe(0);
    await vps.ssh("poweroff");
    await vps.off(BOOT_MS);
    await disk.export(join(dir, "end.raw"));
    await expectSound(lab, join(dir, "end.raw"));
  } finally {
    await vps.stop();
    await disk.close();
  }
});
