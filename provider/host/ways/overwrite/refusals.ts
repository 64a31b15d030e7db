/** Why a disk cannot be overwritten: every reason at once, each with what to do. Pure. */
import { humanBytes } from "../../../words.ts";
import { ownBoot } from "../../plan/boot.ts";
import type { Check } from "../../plan/check.ts";
import type { ImageFacts } from "../../plan/types.ts";
import { type Refusal, refusal } from "../../refusal.ts";
import { chooseDisk, layoutData, mountedData } from "./disk.ts";
import { enterWay, kexecProblem, onDisk, ramBytes } from "./enter-way.ts";
import { firmwareRefusal } from "./firmware.ts";

/**
 * MemTotal of a machine with 256 MiB, the smallest that was tried: the kernel takes its part before it counts the rest.
 */
const RAM_KIB = 200 * 1024;
const MiB = 1024 * 1024;

/** Refuses an image that is no compressed disk with a GPT. */
export const imageProblem = (image: ImageFacts): Refusal | undefined =>
  image.diskUnfit === undefined
    ? undefined
    : refusal(
        "image-format",
        `image is of a DiskImage with ${image.diskUnfit}, which overwrite cannot write`,
        'set format: "raw.zst" and partitionTable: "gpt" in that DiskImage, or give HostHijack another one that has them',
      );

export const OVERWRITE: Check[] = [
  (_, i) =>
    i.erase !== true &&
    refusal(
      "erase",
      "overwrite erases the server's disk, and the program does not allow it",
      "give `overwrite: { erase: true, image }` if you need nothing on it any more",
    ),
  (f, i) => {
    const owner = f.pine.install;
    return (
      // an image of another stack is refused already
      owner?.stack === i.stack &&
      i.urn !== undefined &&
      owner.urn !== i.urn &&
      refusal(
        "pine-other-resource",
        `the server belongs to another resource of this stack: ${owner.urn ?? "no urn"}`,
        "give each server one resource; if that one is gone, remove /boot/grub/pine/install on the server",
      )
    );
  },
  (f, i) => {
    const chosen = chooseDisk(f, i);
    return "refusal" in chosen && i.rootWay !== "none" && chosen.refusal;
  },
  onDisk(
    (disk) =>
      disk.head === undefined &&
      refusal(
        "disk-head",
        `the first sectors of ${disk.device} cannot be read`,
        "check with dmesg whether the disk fails",
      ),
  ),
  onDisk(
    (disk) =>
      disk.sectorSize !== 512 &&
      refusal(
        "disk-sectors",
        `${disk.device} has sectors of ${disk.sectorSize} bytes, and a disk image is for 512`,
        'use a disk that has or emulates 512-byte sectors (an NVMe: nvme format --lbaf), or method: "alongside", which takes any sectors',
      ),
  ),
  (f, i) => {
    const chosen = chooseDisk(f, i);
    if (!("disk" in chosen) || chosen.disk.head === undefined) return undefined;
    const { device, bytes, head } = chosen.disk;
    const twin = f.disks.find((d) => d.device !== device && d.bytes === bytes && d.head === head);
    return (
      twin !== undefined &&
      refusal(
        "disk-twins",
        `${device} and ${twin.device} have the same size and the same first sectors, by which the RAM system knows its disk`,
        `detach ${twin.device}, or give it a partition table of its own (sgdisk -G, or a new label)`,
      )
    );
  },
  (f, i) => {
    const chosen = chooseDisk(f, i);
    if (!("disk" in chosen)) return undefined;
    for (const { label } of i.dataPartitions ?? []) {
      const alike = f.disks.flatMap((d) => [d, ...d.partitions]).filter((v) => v.label === label);
      if (alike.length > 1 || (alike[0] && !chosen.disk.partitions.some((p) => p === alike[0])))
        return refusal(
          "data-label",
          `${alike.map((v) => v.device).join(" and ")} ${alike.length > 1 ? "have" : "has"} the label ${label}, by which the data partition on ${chosen.disk.device} is mounted`,
          "give the other one another label (e2label, xfs_admin -L), or the data partition",
        );
    }
    return undefined;
  },
  firmwareRefusal,
  onDisk((disk, i) => {
    const data = mountedData(disk, i.dataPartitions ?? []);
    return (
      data.length > 0 &&
      refusal(
        "disk-mounted",
        `${data.map((m) => `${m.target} (${m.device})`).join(", ")} on ${disk.device} would be erased`,
        "save what you need and unmount it on the server, so that Pine knows it may be erased",
      )
    );
  }),
  (_, __, image) => imageProblem(image),
  (_, __, image) =>
    image.disk !== undefined &&
    image.commit !== undefined &&
    image.disk.commit !== image.commit &&
    refusal(
      "image-commit",
      `image is of commit ${image.disk.commit.slice(0, 12)}, commit is ${image.commit.slice(0, 12)}`,
      "give HostHijack the commit that its DiskImage was made of",
    ),
  (f, i, image) => {
    const chosen = chooseDisk(f, i);
    const bytes = image.disk?.bytes ?? image.diskAtLeast;
    if (bytes === undefined || !("disk" in chosen)) return undefined;
    const { disk } = chosen;
    if (bytes > disk.bytes)
      return refusal(
        "image-size",
        `the image has ${humanBytes(bytes)}, ${disk.device} only ${humanBytes(disk.bytes)}`,
        `give the DiskImage a size of at most ${Math.floor(disk.bytes / MiB)} MiB, or take a larger disk`,
      );
    const layout = layoutData(disk, i.dataPartitions ?? [], bytes);
    return "refusal" in layout && layout.refusal;
  },
  (f) =>
    f.ramKiB < RAM_KIB &&
    refusal(
      "ram",
      `the server has ${Math.round(f.ramKiB / 1024)} MiB of memory`,
      'overwrite needs 256 MiB or more; alongside needs less (method: "alongside")',
    ),
  (f, i) => {
    const chosen = chooseDisk(f, i);
    const way = enterWay(f, "disk" in chosen ? chosen.disk : undefined);
    // Secure Boot locks the kernel down, and has a refusal of its own
    return i.rootWay !== "none" && f.secureBoot !== true && way === undefined && kexecProblem(f);
  },
  (f, i, image) => {
    const chosen = chooseDisk(f, i);
    const free = f.mounts.find((m) => m.target === "/boot")?.freeKiB;
    const way = "disk" in chosen ? enterWay(f, chosen.disk) : undefined;
    return (
      way === "grub" &&
      ownBoot(f) !== undefined &&
      free !== undefined &&
      free * 1024 < ramBytes(image) &&
      refusal(
        "boot-space",
        `/boot has ${humanBytes(free * 1024)} free, and the RAM system takes ${humanBytes(ramBytes(image))} there`,
        "run `pine undeploy` on the server, which removes the slot that does not run",
      )
    );
  },
  (f, i) =>
    i.rootWay !== "none" && f.tools.tar === undefined && refusal("tools", "the server has no tar", "install it there"),
];
