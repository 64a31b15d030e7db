/** Where GRUB finds and keeps Pine's slots beside an old system. Pure. */
import type { SlotsPlace } from "../image/slots.ts";
import { type Check, refusal } from "./refusal.ts";
import type { Facts, Refusal, Volume } from "./types.ts";

/** Root filesystems that the initramfs mounts, and that GRUB reads and writes. */
export const ROOT_TYPES = ["ext4", "xfs"];
/** Where GRUB's save_env finds the blocks of a file and may write them; not btrfs, ZFS, F2FS. */
const WRITABLE = ["ext2", "ext3", "ext4", "xfs", "vfat"];
/** The slots take some 10 kB; a full filesystem must not get in their way later. */
const ROOM_KIB = 512;

export interface BootPlace {
  /** /boot as a filesystem of its own. */
  boot?: { device: string; type: string; uuid: string };
  /** Where the slots lie, unless on the root filesystem. */
  slots?: SlotsPlace;
  /** The folder on the old system, when it is not /boot/grub/pine itself. */
  folder?: string;
}

/** Everything that a file system can lie on. */
const volumes = (facts: Facts): Volume[] => facts.disks.flatMap((d) => [d, ...d.partitions]);

const mountedAt = (facts: Facts, target: string) => volumes(facts).find((v) => v.mounts.includes(target));

/** "btrfs", "an LVM volume": why GRUB cannot write there; undefined: it can. */
function unwritable(volume: Volume): string | undefined {
  const layer = volume.holds[0];
  if (layer !== undefined) return layer === "raid" ? "a RAID" : layer === "luks" ? "encrypted" : `on ${layer}`;
  return volume.type !== undefined && WRITABLE.includes(volume.type)
    ? undefined
    : (volume.type ?? "of an unknown kind");
}

/** UUID of the /boot partition of a Pine that came as an image with one: GRUB reads kernels there. */
export const ownBoot = (facts: Facts): string | undefined =>
  facts.cmdline.find((word) => word.startsWith("pine.boot=UUID="))?.slice("pine.boot=UUID=".length);

/** The EFI system partition, where it is mounted. */
function systemPartition(facts: Facts): { volume: Volume; target: string } | undefined {
  if (facts.firmware !== "uefi") return undefined;
  for (const target of ["/boot/efi", "/efi"]) {
    const volume = mountedAt(facts, target);
    if (volume?.type === "vfat" && volume.holds.length === 0 && volume.uuid !== undefined) return { volume, target };
  }
  return undefined;
}

/** The place, or why there is none. A /boot that GRUB cannot write to is no hindrance where there is an EFI system partition. */
export function planBoot(facts: Facts): { place: BootPlace } | { refusal: Refusal } {
  const mount = facts.mounts.find((m) => m.target === "/boot");
  if (!mount) return { place: {} };
  const volume = mountedAt(facts, "/boot");
  if (!volume)
    return no(
      "boot-unknown",
      `/boot is a file system of its own (${mount.source}), and its partition cannot be found`,
      "use a server whose /boot is on its root file system or a partition",
    );
  const reason = unwritable(volume);
  if (reason === undefined && volume.uuid === undefined)
    return no(
      "boot-uuid",
      `the UUID of /boot (${volume.device}) cannot be read`,
      "install util-linux's blkid on the server",
    );
  const boot = { device: volume.device, type: volume.type ?? "unknown", uuid: volume.uuid ?? "" };
  if (reason === undefined) {
    const place = { boot, slots: { type: boot.type, uuid: boot.uuid, path: "/grub/pine" } };
    return room(facts, "/boot") ?? { place };
  }
  const esp = systemPartition(facts);
  if (!esp)
    return no(
      "boot-state",
      `/boot (${volume.device}) is ${reason}, where GRUB cannot write its state`,
      "use a server whose /boot is a plain ext4 or xfs partition or on its root file system, or method: overwrite, which erases its disk",
    );
  const slots = { type: "vfat", uuid: esp.volume.uuid!, path: "/EFI/pine" };
  return room(facts, esp.target) ?? { place: { boot, slots, folder: `${esp.target}/EFI/pine` } };
}

const no = (code: string, message: string, hint: string): { refusal: Refusal } => ({
  refusal: { code, message, hint },
});

function room(facts: Facts, target: string): { refusal: Refusal } | undefined {
  const mount = facts.mounts.find((m) => m.target === target);
  if (mount?.readOnly) return no("boot-readonly", `${target} is mounted read-only`, "remount it read-write");
  const free = mount?.freeKiB;
  if (free === undefined || free >= ROOM_KIB) return undefined;
  return no("boot-space", `${target} has ${free} KiB free, ${ROOM_KIB} are needed`, "remove old kernels from it");
}

export const bootRefusal: Check = (facts) => {
  const planned = planBoot(facts);
  return "refusal" in planned && refusal(planned.refusal.code, planned.refusal.message, planned.refusal.hint);
};

/** Swap partitions of the old system: they hold nothing that is kept, and little memory needs them. */
export function swapPartitions(facts: Facts): string[] {
  return volumes(facts).flatMap((v) =>
    v.type === "swap" && v.holds.length === 0 && v.mounts.includes("swap") && v.uuid !== undefined ? [v.uuid] : [],
  );
}
