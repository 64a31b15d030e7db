/**
 * Machines from disk images are updated: a deployment with another kernel on trial, confirmed; a trial that goes back;
 * and what is on the disk is sound. With a /boot partition, every filesystem of a root, BIOS and UEFI, and as little
 * memory as Pine asks for.
 */
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parseFacts } from "../../provider/host/facts/facts.ts";
import { ownBoot } from "../../provider/host/plan/boot.ts";
import { factsScript } from "../../provider/host/scripts.ts";
import type { ImageOptions } from "../../provider/image/disk/identity.ts";
import { diskImage } from "../../provider/image/disk/image.ts";
import { commitFromRootfs } from "../../provider/image/ostree/commits.ts";
import { run } from "../../provider/local/run.ts";
import type { Firmware } from "../lab/vps/qemu.ts";
import { startVps, type Vps } from "../lab/vps/vps.ts";
import { another, BOOT_MS, on as commandOn, complete, expectSound, said } from "./disks-lab.ts";
import { type ImageLab, startImageLab } from "./image-lab.ts";

const MiB = 1024 * 1024;

let lab: ImageLab;

beforeAll(async () => {
  lab = await startImageLab();
});
afterAll(() => lab?.end());

async function make(more: Partial<ImageOptions>, packages: string[] = [], store = lab.store) {
  const rootfs = await lab.rootfs(packages);
  const { checksum } = await commitFromRootfs(lab, rootfs, {});
  const options = { title: "Pine test", console: ["tty0", "ttyS0,115200"], ...more };
  return diskImage({ ...lab, store }, checksum, options, "raw");
}

test("a /boot partition is the same bytes again, and refused when it cannot hold three kernels", async () => {
  const image = await make({ bootSize: 64 * MiB });
  const again = await make({ bootSize: 64 * MiB }, [], await lab.copiedStore());
  expect(again).toEqual({ ...image, path: again.path });
  expect(again.path).not.toBe(image.path);
  await expect(make({ bootSize: 32 * MiB })).rejects.toThrow(
    /^bootSize: a \/boot of 32 MiB is too small.*give \d+ MiB or more/,
  );
});

test("btrfs is refused where the initramfs does not mount it", async () => {
  await expect(make({ filesystem: "btrfs" })).rejects.toThrow(
    /^filesystem: the initramfs of commit [0-9a-f]{12} does not mount btrfs.*packages: \["btrfs-progs"\]/,
  );
});

test("an xfs that is to grow is refused where the commit has nothing that does it", async () => {
  await expect(make({ filesystem: "xfs" })).rejects.toThrow(/^grow: .*xfs_growfs.*add the package "xfsprogs-extra"/);
});

interface Layout {
  firmware: Firmware;
  /** MiB; default 512. */
  memory?: number;
  options: Partial<ImageOptions>;
  /** Of the Rootfs. */
  packages?: string[];
  filesystems: string[];
  /** What a trial does not find: the root, or what is mounted after it. */
  lacks: "root" | "pine.boot";
}
/** A root with a /boot of its own beside it, whatever `bootSize` says: GRUB writes safely on ext4 alone. */
const xfs = {
  options: { filesystem: "xfs" },
  packages: ["xfsprogs-extra"],
  filesystems: ["ext4", "xfs"],
  lacks: "root",
} satisfies Partial<Layout>;
const btrfs = {
  options: { filesystem: "btrfs" },
  packages: ["btrfs-progs"],
  filesystems: ["ext4", "btrfs"],
  lacks: "root",
} satisfies Partial<Layout>;
const layouts: [string, Layout][] = [
  [
    "a /boot partition under BIOS",
    { firmware: "bios", options: { bootSize: 64 * MiB }, filesystems: ["ext4", "ext4"], lacks: "pine.boot" },
  ],
  ["one filesystem under UEFI", { firmware: "uefi", options: {}, filesystems: ["ext4"], lacks: "root" }],
  ["xfs under BIOS", { firmware: "bios", ...xfs }],
  ["xfs under UEFI", { firmware: "uefi", ...xfs }],
  ["btrfs under BIOS, with 96 MiB", { firmware: "bios", memory: 96, ...btrfs }],
  ["btrfs under UEFI", { firmware: "uefi", ...btrfs }],
];
describe.each(layouts)("%s", (_, { firmware, memory = 512, options, packages, filesystems, lacks }) => {
  let vps: Vps;
  const on = (command: string) => commandOn(vps, command);
  const own = filesystems.length > 1;
  /** KiB that the system has free there, and what the planner of an update is told. */
  const free = async (path: string) => Number(/(\d+)$/.exec(await on(`df -kP ${path} | awk 'END { print $4 }'`))?.[1]);
  const freeByPlan = async () => {
    const { stdout } = await vps.ssh("sh -s", { input: factsScript() });
    const facts = parseFacts(stdout);
    expect([ownBoot(facts) !== undefined, facts.root.type]).toEqual([true, filesystems.at(-1)]);
    expect(facts.pine.deployments).toEqual([expect.stringMatching(/[0-9a-f]{64}\.0$/)]);
    return facts.mounts.find((m) => m.target === "/boot")?.freeKiB;
  };
  /** Reboots and waits for what GRUB says it boots, and the end of that boot. */
  const reboot = async (booted: RegExp) => {
    const from = (await vps.console()).length;
    await on("pine reboot");
    await said(vps, from, booted);
    await complete(vps);
  };

  beforeAll(async () => {
    const image = await make(options, packages);
    vps = await startVps({ base: { disk: image.path }, dir: lab.folder(), firmware, memory, diskMiB: 1024 });
    await complete(vps);
  });
  afterAll(() => vps?.stop());

  test("/boot is where the slots say", async () => {
    expect(await on("test -d /sys/firmware/efi && echo uefi || echo bios")).toBe(`0 ${firmware}`);
    const source = (path: string) => on(`awk '$5 == "${path}" { print $(NF - 1) }' /proc/self/mountinfo`);
    const boot = await source("/boot");
    if (own) expect(await source("/sysroot/boot")).toBe(boot);
    expect(boot === (await source("/sysroot"))).toBe(!own);
    expect(await on("sed -n 's/^set pine_linux=//p' /boot/grub/pine/a.cfg")).toMatch(
      own ? /^0 "\/ostree\// : /^0 "\/boot\/ostree\//,
    );
    expect(await on("cat /boot/grub/pine/grow")).toBe(`0 ${1024 * 2048}`);
    const [, blocks] = /^0 (\d+)/.exec(await on("stat -f -c %b /sysroot")) ?? [];
    expect(Number(blocks) * 4096).toBeGreaterThan(750 * MiB);
    expect(await on("awk '$5 == \"/sysroot\" { print $(NF - 2) }' /proc/self/mountinfo")).toBe(
      `0 ${filesystems.at(-1)}`,
    );
    expect(await on("ls /boot/loader/entries")).toMatch(/^0 ostree-1-pine\.conf$/);
  });
  if (own)
    test("what /boot has no room for is refused, and nothing is changed", async () => {
      await on(another(1));
      expect(await freeByPlan()).toBe(await free("/boot"));
      await on("dd if=/dev/zero of=/boot/full bs=64k; sync");
      const before = await on("ls -R /boot; cat /boot/grub/pine/?.cfg /boot/grub/pine/env; ostree admin status");
      expect(await on("pine deploy $(ostree rev-parse test1) another")).toMatch(
        /^1 pine: \/boot has \d+ KiB free, and this commit's kernel and initramfs take \d+ KiB: /,
      );
      expect(await on("ls -R /boot; cat /boot/grub/pine/?.cfg /boot/grub/pine/env; ostree admin status")).toBe(before);
      expect(await on("rm /boot/full; sync")).toBe("0");
    });
  test("another kernel is deployed, tried and confirmed", async () => {
    await on(another(1));
    expect(await on("pine deploy $(ostree rev-parse test1) another 2>/dev/null")).toMatch(/^0 slot=b\ndeployment=/);
    expect(await on("pine arm b 1")).toBe("0");
    await reboot(/pine: slot b pine\.trial=1/);
    expect(await on("/usr/libexec/pine/agent status")).toMatch(
      /^0 running=b\nrunning_trial=1\n(.*\n)*slot=a\ntrial=b\ntries=0\n/,
    );
    expect(await on("/usr/libexec/pine/agent status | sed -n s/^checksum=//p")).toBe(
      await on("ostree rev-parse test1"),
    );
    expect(await on("pine confirm")).toBe("0");
    expect(await on("/usr/libexec/pine/agent status")).toMatch(/^0 running=b\n(.*\n)*slot=b\ntrial=\ntries=\n/);
  });
  test("a third kernel fits, and a trial whose filesystem is not there goes back", async () => {
    await on(another(2));
    expect(await on("pine deploy $(ostree rev-parse test2) third 2>/dev/null")).toMatch(/^0 slot=a\ndeployment=/);
    const not = "00000000-0000-8000-8000-000000000000";
    await on(`sed -i 's/\\([ "]\\)${lacks}=UUID=[^ ]*/\\1${lacks}=UUID=${not}/' /boot/grub/pine/a.next`);
    expect(await on(`grep -o '[^ "]*=UUID=0000[^ ]*' /boot/grub/pine/a.next`)).toBe(`0 ${lacks}=UUID=${not}`);
    expect(await on("pine arm a 1")).toBe("0");
    await reboot(/pine: slot a pine\.trial=1.*no device UUID=0.* after 30 s; rebooting.*pine: slot b /s);
    expect(await on("/usr/libexec/pine/agent status")).toMatch(
      /^0 running=b\n(.*\n)*slot=b\ntrial=a\ntries=0\nboots=\nstage=loaded\n/,
    );
    // the slot names again what it named before, which is there
    expect(await on("grep -c 'set pine_title=.*third' /boot/grub/pine/a.cfg")).toBe("1 0");
    expect(await on("/usr/libexec/pine/agent status | grep ^other=")).toMatch(/^0 other=/);
    expect(await on("ostree fsck --repo=/sysroot/ostree/repo --quiet 2>&1")).toMatch(/^0/);
  });
  test("off, its table and filesystems are sound", async () => {
    await vps.ssh("poweroff");
    await vps.off(BOOT_MS);
    const disk = join(lab.folder(), "disk");
    await run("qemu-img", ["convert", "-O", "raw", vps.disk, disk]);
    expect(await expectSound(lab, disk)).toEqual(filesystems);
  });
});
