/** Disk images: a commit's sysroot with our GRUB on a disk that boots under BIOS and UEFI (GPT), or BIOS alone (MBR). */
import { mkdir, open, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { asset, assetText } from "../assets.ts";
import { slotOptions } from "../boot/options.ts";
import { SLOTS_DIR } from "../boot/place.ts";
import { slotFile } from "../boot/slot.ts";
import { envBlock } from "../boot/state.ts";
import { die } from "../errors.ts";
import type { Task } from "../task.ts";
import { humanBytes } from "../words.ts";
import { type ArtifactFacts, artifact, formatOf, readArtifact } from "./artifact.ts";
import { type FileFormat, packDisk, writeSum } from "./disk-file.ts";
import { fill, fillScript } from "./disk-fill.ts";
import { needed } from "./disk-needs.ts";
import {
  bootPartition,
  type DiskPlan,
  fatOf,
  type ImageOptions,
  imageName,
  type Label,
  type Partition,
  partitionOf,
  planDisk,
  SECTOR,
  sfdiskScript,
} from "./disk-plan.ts";
import { BOOT_JOURNAL_MIB, BYTES_PER_INODE, type Filesystem, JOURNAL_MIB, MiB } from "./disk-sizes.ts";
import { biosBoot } from "./grub-bios.ts";
import { readCommit } from "./ostree.ts";
import type { Store } from "./store.ts";
import { PAGE, swapHeader } from "./swap.ts";
import { type SysrootTree, sysrootFormat, sysrootTree } from "./sysroot.ts";
import type { Toolbox } from "./toolbox.ts";

/** What json beside an image says. */
export interface ImageFacts extends ArtifactFacts {
  /** The commit in slot a. */
  commit: string;
  fileFormat: FileFormat;
  label: Label;
  /** The root's; none in images from before there were others than ext4. */
  filesystem?: Filesystem;
  /** Bytes of the disk itself; `size` is the file's. */
  diskSize: number;
  /** UUID of the root filesystem. */
  rootUuid: string;
  partitions: Partition[];
}

export interface Image extends ImageFacts {
  /** Name in the store, by what went into it. */
  name: string;
  /** store/images/<name>.<format> */
  path: string;
}

const SCRIPT = ["system", "build", "disk.sh"];
const GRUB = [["system", "grub", "image.cfg"] as const, ["system", "grub", "pine.cfg"] as const] as const;

/** Changes whenever the same commit and options give another image. */
export const imageFormat = () =>
  formatOf(3, [sysrootFormat(), fillScript(), ...[SCRIPT, ...GRUB].map((path) => assetText(...path))]);

/** The image when the store has it already. */
export async function readImage(
  store: Store,
  checksum: string,
  options: ImageOptions,
  format: FileFormat = "raw.zst",
): Promise<Image | undefined> {
  const name = imageName(checksum, options, imageFormat());
  const path = store.image(name, format);
  const facts = await readArtifact<ImageFacts>(store, path, imageFormat());
  return facts && { ...facts, name, path };
}

/**
 * A disk image of a commit of the store, kept in store/images: slot a confirmed, no old system. The same commit, options and
 * toolbox give the same bytes, and the same disk in a file of any format. Refuses a size that the commit does not fit into, and
 * architectures without a boot loader here.
 */
export async function diskImage(
  store: Store,
  toolbox: Toolbox,
  checksum: string,
  options: ImageOptions,
  task: Task,
  format: FileFormat = "raw.zst",
): Promise<Image> {
  const commit = await readCommit(store, checksum);
  if (!commit) return die(`the store ${store.dir} has no commit ${checksum}`, "run `pulumi up` to build it again");
  if (commit.arch !== "x86_64")
    die(`disk images are made for x86_64, this commit is for ${commit.arch}`, 'set `arch: "x86_64"` in the Rootfs');
  const name = imageName(checksum, options, imageFormat());
  const path = store.image(name, format);
  const facts = await artifact<ImageFacts>(store, path, imageFormat(), task, async (dir) => {
    await needed(store, toolbox, commit, options, task);
    const sysroot = await sysrootTree(store, toolbox, checksum, dir, task);
    const plan = planDisk(checksum, options, {
      ...{ bytes: sysroot.unpackedSize, inodes: sysroot.inodes, boot: sysroot.bootSize },
    });
    await writeInputs(dir, plan, sysroot, {
      ...options,
      title: `${options.title}, packages of ${dayOf(commit.created)}`,
    });
    task.step(`making the disk image (${humanBytes(plan.size)})`);
    await make(toolbox, dir, plan, sysroot, commit.created, task);
    const { filesystem } = plan;
    const { start } = partitionOf(plan, "root");
    if (filesystem !== "ext4") await fill(toolbox, dir, { filesystem, start, created: commit.created }, task);
    await writeSectors(toolbox, dir, plan);
    task.step(`packing the disk image (${humanBytes(plan.size)})`);
    const file = await packDisk(toolbox, dir, format, task);
    const { label, size: diskSize, rootUuid, partitions } = plan;
    return { file, facts: { commit: checksum, fileFormat: format, label, filesystem, diskSize, rootUuid, partitions } };
  });
  await writeSum(path, facts.sha256);
  return { ...facts, name, path };
}

/** The day (UTC) of a commit's newest package: the same for each image of it, as the day on which it is made is not. */
const dayOf = (created: number) => new Date(created * 1000).toISOString().slice(0, 10);

/** Files that the image gets beside the sysroot, and what disk.sh reads. */
async function writeInputs(dir: string, plan: DiskPlan, sysroot: SysrootTree, options: ImageOptions): Promise<void> {
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
  // the disk that GRUB came from first: a second disk made from the same image has the same UUID
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
    writeFile(join(dir, "early.cfg"), `${early.join("\n")}\n`),
    writeFile(join(dir, "table.sfdisk"), sfdiskScript(plan)),
    ...(options.grow === false ? [] : [writeFile(join(slots, "grow"), `${plan.size / SECTOR}\n`)]),
    ...(options.swap ? [writeFile(join(dir, "fstab"), `UUID=${plan.swapUuid} none swap sw 0 0\n`)] : []),
    ...Object.entries(etcFiles(options)).map(([name, content]) => writeFile(join(dir, "etc", name), content)),
  ]);
}

/** Files of the deployment's /etc that make this image another machine than its Rootfs says. */
function etcFiles({ hostname }: ImageOptions): Record<string, string> {
  if (hostname === undefined) return {};
  const names = [...new Set([hostname, hostname.split(".")[0]])].join(" ");
  return {
    hostname: `${hostname}\n`,
    hosts: `127.0.0.1 localhost ${names}\n::1 localhost ip6-localhost ${names}\n`,
  };
}

async function make(
  toolbox: Toolbox,
  dir: string,
  plan: DiskPlan,
  sysroot: SysrootTree,
  created: number,
  task: Task,
): Promise<void> {
  const mib = (bytes: number) => String(bytes / MiB);
  const root = partitionOf(plan, "root");
  const esp = plan.label === "gpt" ? partitionOf(plan, "esp") : undefined;
  const fat = fatOf(esp?.size ?? 0);
  const boot = bootPartition(plan);
  const args = [
    ...[sysroot.deployment, plan.label, mib(plan.size), plan.hashSeed, String(BYTES_PER_INODE), plan.filesystem],
    ...[mib(root.start), mib(root.size), plan.rootUuid, String(JOURNAL_MIB)],
    ...(boot === root ? ["", "", "", ""] : [mib(boot.start), mib(boot.size), plan.bootUuid, String(BOOT_JOURNAL_MIB)]),
    ...(esp ? [mib(esp.start), mib(esp.size), plan.espSerial, String(fat.bits), String(fat.cluster)] : []),
  ];
  await toolbox.run(["/bin/sh", "/run/disk.sh", ...args], {
    binds: [
      { source: dir, target: "/run/work" },
      { source: asset(...SCRIPT), target: "/run/disk.sh", readOnly: true },
    ],
    env: { SOURCE_DATE_EPOCH: String(created), TZ: "UTC" },
    signal: task.signal,
  });
}

/** GRUB's boot sector and core.img into the places that sfdisk left for them, and the header of swap. */
async function writeSectors(toolbox: Toolbox, dir: string, plan: DiskPlan): Promise<void> {
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
