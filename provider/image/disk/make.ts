/** Makes a disk image: partitions, boot loader, files. */

import { mkdir, open, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { asset, assetText } from "../../assets.ts";
import { slotOptions } from "../../boot/options.ts";
import { SLOTS_DIR } from "../../boot/place.ts";
import { slotFile } from "../../boot/slot.ts";
import { confirmedText, envBlock } from "../../boot/state.ts";
import { rootFilesystem } from "../../filesystems/all.ts";
import { BOOT_JOURNAL_MIB, BYTES_PER_INODE, JOURNAL_MIB } from "../../filesystems/ext4.ts";
import { MiB } from "../../filesystems/filesystem.ts";
import type { Task } from "../../task.ts";
import { hostsText } from "../recipe/settings.ts";
import type { SysrootTree } from "../sysroot/tree.ts";
import type { Toolbox } from "../toolbox/toolbox.ts";
import { biosBoot } from "./grub-bios.ts";
import type { ImageOptions } from "./identity.ts";
import { bootPartition, type DiskPlan, partitionOf, SECTOR, sfdiskScript } from "./partitions.ts";
import { fatOf } from "./plan.ts";
import { PAGE, swapHeader } from "./swap.ts";

export const SCRIPT = ["image/disk/disk.sh"];
/** Copies the commit's boot part; disk.sh sources it. */
export const BOOT_PART = ["system/rootfs/usr/libexec/pine/boot-part"];
export const GRUB = [["system", "grub", "image.cfg"] as const, ["system", "grub", "pine.cfg"] as const] as const;

/** The day (UTC) of a commit's newest package: unlike the day of making, the same for each image of the commit. */
export const dayOf = (created: number) => new Date(created * 1000).toISOString().slice(0, 10);

/** Files that the image gets beside the sysroot, and what disk.sh reads. */
export async function writeInputs(
  dir: string,
  plan: DiskPlan,
  sysroot: SysrootTree,
  options: ImageOptions,
): Promise<void> {
  const read = bootPartition(plan);
  const own = read.name === "boot";
  // from the top of the filesystem that GRUB reads
  const path = (path: string) => (own ? path.replace(/^\/boot/, "") : path);
  const slot = slotFile({
    title: options.title,
    uuid: plan.bootUuid,
    linux: path(sysroot.kernel),
    initrd: path(sysroot.initrd),
    options: slotOptions({
      rootUuid: plan.rootUuid,
      rootType: plan.filesystem,
      bootUuid: own ? plan.bootUuid : undefined,
      checksum: sysroot.checksum,
      serial: 0,
      console: options.console,
      extra: options.kernelArguments,
    }),
  });
  // first the disk that GRUB came from: a second disk made from the same image has the same UUID
  const hint = `hd0,${plan.label === "gpt" ? "gpt" : "msdos"}${plan.partitions.indexOf(read) + 1}`;
  const early = [
    `search --no-floppy --fs-uuid --set=root --hint=${hint} ${plan.bootUuid}`,
    `set prefix=($root)${path("/boot/grub")}`,
    "configfile $prefix/grub.cfg",
  ];
  const slots = join(dir, SLOTS_DIR);
  await mkdir(slots, { recursive: true });
  await mkdir(join(dir, "etc"));
  await Promise.all([
    writeFile(join(dir, "boot/grub/grub.cfg"), assetText(...GRUB[0])),
    writeFile(join(slots, "grub.cfg"), assetText(...GRUB[1])),
    writeFile(join(slots, "a.cfg"), slot),
    writeFile(join(slots, "env"), envBlock({ slot: "a" })),
    writeFile(join(slots, "confirmed.cfg"), confirmedText("a")),
    writeFile(join(dir, "early.cfg"), `${early.join("\n")}\n`),
    writeFile(join(dir, "table.sfdisk"), sfdiskScript(plan)),
    ...(options.grow === false ? [] : [writeFile(join(slots, "grow"), `${plan.size / SECTOR}\n`)]),
    ...(options.swap ? [writeFile(join(dir, "fstab"), `UUID=${plan.swapUuid} none swap sw 0 0\n`)] : []),
    ...Object.entries(etcFiles(options)).map(([name, content]) => writeFile(join(dir, "etc", name), content)),
  ]);
}

/** Files of the deployment's /etc that give this image another hostname than its Rootfs says. */
function etcFiles({ hostname }: ImageOptions): Record<string, string> {
  if (hostname === undefined) return {};
  return { hostname: `${hostname}\n`, hosts: hostsText(hostname) };
}

/**
 * Makes disk.raw in `dir`, from the sysroot and the inputs there. `deployment`: its path in the sysroot. `created`:
 * seconds, of every file.
 */
export async function make(
  toolbox: Toolbox,
  dir: string,
  plan: DiskPlan,
  { deployment, created }: { deployment: string; created: number },
  task: Task,
): Promise<void> {
  const mib = (bytes: number) => String(bytes / MiB);
  const root = partitionOf(plan, "root");
  const esp = plan.label === "gpt" ? partitionOf(plan, "esp") : undefined;
  const fat = fatOf(esp?.size ?? 0);
  const boot = bootPartition(plan);
  const maker = rootFilesystem(plan.filesystem).make?.(plan.rootUuid) ?? [];
  // biome-ignore format: what belongs together is in one line
  const args = [
    deployment, plan.label, mib(plan.size), plan.hashSeed, String(BYTES_PER_INODE), maker.join(" "),
    mib(root.start), mib(root.size), plan.rootUuid, String(JOURNAL_MIB),
    ...(boot === root ? ["", "", "", ""] : [mib(boot.start), mib(boot.size), plan.bootUuid, String(BOOT_JOURNAL_MIB)]),
    ...(esp ? [mib(esp.start), mib(esp.size), plan.espSerial, String(fat.bits), String(fat.cluster)] : []),
  ];
  await toolbox.run(["/bin/sh", "/run/disk.sh", ...args], {
    binds: [
      { source: dir, target: "/run/work" },
      { source: asset(...SCRIPT), target: "/run/disk.sh", readOnly: true },
      { source: asset(...BOOT_PART), target: "/run/boot-part", readOnly: true },
    ],
    env: { SOURCE_DATE_EPOCH: String(created), TZ: "UTC" },
    signal: task.signal,
  });
}

/** Writes GRUB's boot sector and core.img into the places that sfdisk left for them, and the header of swap. */
export async function writeSectors(toolbox: Toolbox, dir: string, plan: DiskPlan): Promise<void> {
  const disk = await open(join(dir, "disk.raw"), "r+");
  try {
    const table = Buffer.alloc(SECTOR);
    await disk.read(table, 0, SECTOR, 0);
    const { mbr, core } = biosBoot({
      bootImg: await readFile(join(toolbox.tree, "usr/lib/grub/i386-pc/boot.img")),
      coreImg: await readFile(join(dir, "core.img")),
      mbr: table,
      lba: plan.core.start / SECTOR,
      sectors: plan.core.size / SECTOR,
    });
    await disk.write(mbr, 0, mbr.length, 0);
    await disk.write(core, 0, core.length, plan.core.start);
    const swap = plan.partitions.find((p) => p.name === "swap");
    if (swap) await disk.write(swapHeader(swap.size, plan.swapUuid), 0, PAGE, swap.start);
  } finally {
    await disk.close();
  }
}
