/**
 * Disk images: a commit's sysroot with our GRUB on a disk that boots under BIOS and UEFI (GPT), or BIOS alone (MBR).
 */
import { assetText } from "../../assets.ts";
import { die } from "../../errors.ts";
import { rootFilesystem } from "../../filesystems/all.ts";
import { humanBytes } from "../../words.ts";
import { readCommit } from "../ostree/commits.ts";
import type { Workshop } from "../ostree/workshop.ts";
import { type ArtifactFacts, artifact, formatOf, readArtifact } from "../store/artifact.ts";
import type { Store } from "../store/store.ts";
import { writeSum } from "../store/sum.ts";
import { sysrootFormat, sysrootTree } from "../sysroot/tree.ts";
import { fill, fillScript } from "./fill.ts";
import { type FileFormat, packDisk } from "./formats/pack.ts";
import { type ImageOptions, imageName, type Label } from "./identity.ts";
import { BOOT_PART, dayOf, GRUB, make, SCRIPT, writeInputs, writeSectors } from "./make.ts";
import { needed } from "./needs.ts";
import { type Partition, partitionOf } from "./partitions.ts";
import { planDisk } from "./plan.ts";

/** Content of the JSON file beside an image. */
export interface ImageFacts extends ArtifactFacts {
  /** The commit in slot a. */
  commit: string;
  fileFormat: FileFormat;
  label: Label;
  /** The root's filesystem; absent in images from when ext4 was the only one. */
  filesystem?: string;
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

/** Changes whenever the same commit and options give another image. */
export const imageFormat = () =>
  formatOf(3, [sysrootFormat(), fillScript(), ...[SCRIPT, BOOT_PART, ...GRUB].map((path) => assetText(...path))]);

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
 * A disk image of a commit of the store, kept in store/images: slot a confirmed, no old system. The same commit,
 * options and toolbox give the same bytes, and the same disk in a file of any format. Refuses a size that the commit
 * does not fit into, and architectures without a boot loader here.
 */
export async function diskImage(
  workshop: Workshop,
  checksum: string,
  options: ImageOptions,
  format: FileFormat = "raw.zst",
): Promise<Image> {
  const { store, toolbox, task } = workshop;
  const commit = await readCommit(store, checksum);
  if (!commit) return die(`the store ${store.dir} has no commit ${checksum}`, "run `pulumi up` to build it again");
  if (commit.arch !== "x86_64")
    die(`disk images are made for x86_64, this commit is for ${commit.arch}`, 'set `arch: "x86_64"` in the Rootfs');
  const name = imageName(checksum, options, imageFormat());
  const path = store.image(name, format);
  const facts = await artifact<ImageFacts>(store, path, imageFormat(), task, async (dir) => {
    await needed(workshop, commit, options);
    const sysroot = await sysrootTree(workshop, checksum, dir);
    const plan = planDisk(checksum, options, {
      bytes: sysroot.unpackedSize,
      inodes: sysroot.inodes,
      boot: sysroot.bootSize,
    });
    await writeInputs(dir, plan, sysroot, {
      ...options,
      title: `${options.title}, packages of ${dayOf(commit.created)}`,
    });
    task.step(`making the disk image (${humanBytes(plan.size)})`);
    await make(toolbox, dir, plan, { deployment: sysroot.deployment, created: commit.created }, task);
    const { filesystem } = plan;
    const { start } = partitionOf(plan, "root");
    if (rootFilesystem(filesystem).make) await fill(toolbox, dir, { filesystem, start, created: commit.created }, task);
    await writeSectors(toolbox, dir, plan);
    task.step(`packing the disk image (${humanBytes(plan.size)})`);
    const file = await packDisk(toolbox, dir, format, task);
    const { label, size: diskSize, rootUuid, partitions } = plan;
    return { file, facts: { commit: checksum, fileFormat: format, label, filesystem, diskSize, rootUuid, partitions } };
  });
  await writeSum(path, facts.sha256);
  return { ...facts, name, path };
}
