/** Where GRUB finds and keeps Pine's slots beside an old system. Pure. */

import type { SlotsPlace } from "../../boot/place.ts";
import { GRUB_WRITES } from "../../filesystems/all.ts";
import type { Facts } from "../facts/types/facts.ts";
import type { Volume } from "../facts/types/storage.ts";
import { type Refusal, refusal, refuseChoice } from "../refusal.ts";
import type { Check } from "./check.ts";
import type { BootPlace } from "./types.ts";

/** Where the slots are, from the running kernel's command line; undefined: on the root filesystem. Pure. */
export function slotsOf(facts: Facts): SlotsPlace | undefined {
  const word = facts.cmdline.find((w) => w.startsWith("pine.dir="))?.slice("pine.dir=".length);
  const m = /^([a-z0-9]+):UUID=([^:]+):(\/.*)$/.exec(word ?? "");
  return m ? { type: m[1]!, uuid: m[2]!, path: m[3]! } : undefined;
}

/** The slots take some 10 kB. A filesystem that fills up later must not get in their way. */
const ROOM_KIB = 512;

/** Everything that can hold a file system. */
const volumes = (facts: Facts): Volume[] => facts.disks.flatMap((d) => [d, ...d.partitions]);

const mountedAt = (facts: Facts, target: string) => volumes(facts).find((v) => v.mounts.includes(target));

/** Why GRUB cannot write there: the type of the filesystem, or what it lies on; undefined: it can. */
function unwritable(volume: Volume): string | undefined {
  const layer = volume.holds[0];
  if (layer !== undefined) return layer === "raid" ? "a RAID" : layer === "luks" ? "encrypted" : `on ${layer}`;
  return volume.type !== undefined && GRUB_WRITES.includes(volume.type)
    ? undefined
    : (volume.type ?? "of an unknown kind");
}

/** UUID of the /boot partition of a Pine whose image had one: GRUB reads kernels there. */
export const ownBoot = (facts: Facts): string | undefined =>
  facts.cmdline.find((word) => word.startsWith("pine.boot=UUID="))?.slice("pine.boot=UUID=".length);

/** The EFI system partition, where it is mounted. */
function systemPartition(facts: Facts): { volume: Volume; target: string } | undefined {
  if (facts.firmware !== "uefi") return undefined;
  for (const target of ["/boot/efi", "/efi"]) {
    const volume = mountedAt(facts, target);
    // GRUB does not look in a folder of the partition
    if (facts.folders[target] !== undefined) continue;
    if (volume?.type === "vfat" && volume.holds.length === 0 && volume.uuid !== undefined) return { volume, target };
  }
  return undefined;
}

/**
 * The place, or why there is none. A /boot that GRUB cannot write to does not matter if there is an EFI system
 * partition.
 */
export function planBoot(facts: Facts): { place: BootPlace } | { refusal: Refusal } {
  const mount = facts.mounts.find((m) => m.target === "/boot");
  if (!mount) return { place: {} };
  const volume = mountedAt(facts, "/boot");
  if (!volume)
    return refuseChoice(
      "boot-unknown",
      `/boot is a file system of its own (${mount.source}), and its partition cannot be found`,
      "use a server whose /boot is on its root file system or a partition",
    );
  if (volume.holds.includes("luks"))
    return refuseChoice(
      "boot-luks",
      `/boot (${volume.device}) is encrypted: GRUB asks for its passphrase at every boot`,
      "use a server whose /boot is not encrypted, or method: overwrite, which erases its disk",
    );
  const reason = unwritable(volume);
  const inside = facts.folders["/boot"];
  if (reason === undefined && inside !== undefined)
    return refuseChoice(
      "boot-folder",
      `/boot is the folder ${inside} of the file system on ${volume.device}, where GRUB would not look for Pine's slots`,
      "mount a file system of its own on /boot, or make it a folder of the root file system, or use method: overwrite, which erases its disk",
    );
  if (reason === undefined && volume.uuid === undefined)
    return refuseChoice(
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
    return refuseChoice(
      "boot-state",
      `/boot (${volume.device}) is ${reason}, where GRUB cannot write its state`,
      "use a server whose /boot is a plain ext4 or xfs partition or on its root file system, or method: overwrite, which erases its disk",
    );
  const slots = { type: "vfat", uuid: esp.volume.uuid!, path: "/EFI/pine" };
  return room(facts, esp.target) ?? { place: { boot, slots, folder: `${esp.target}/EFI/pine` } };
}

function room(facts: Facts, target: string): { refusal: Refusal } | undefined {
  const mount = facts.mounts.find((m) => m.target === target);
  if (mount?.readOnly) return refuseChoice("boot-readonly", `${target} is mounted read-only`, "remount it read-write");
  const free = mount?.freeKiB;
  if (free === undefined || free >= ROOM_KIB) return undefined;
  return refuseChoice(
    "boot-space",
    `${target} has ${free} KiB free, ${ROOM_KIB} are needed`,
    "remove old kernels from it",
  );
}

/** The folder of GRUB on the old system that all scripts know (host/ways, system/ram, system/rootfs). */
const GRUB_DIR = "/boot/grub";
const OVER = "or method: overwrite, which erases its disk";

/** Why GRUB would not come to our slots by itself although its configuration sources custom.cfg; undefined: it does. */
export function grubProblem({ grub }: Facts): Refusal | undefined {
  if (!grub) return undefined;
  if (grub.folder !== GRUB_DIR)
    return refusal(
      "grub-folder",
      `GRUB reads ${grub.folder}, and Pine's boot menu is in ${GRUB_DIR}`,
      `move it: run grub-install --boot-directory=/boot of Debian's GRUB and update-grub, which make ${GRUB_DIR}; ${OVER}`,
    );
  if (grub.otherFolder !== undefined)
    return refusal(
      "grub-folder",
      `there are two GRUBs, in ${grub.folder} and ${grub.otherFolder}, and Pine cannot tell which one boots`,
      "remove the folder of the one that does not boot",
    );
  if (grub.signed)
    return refusal(
      "grub-signed",
      "GRUB reads only signed files (check_signatures), and Pine's files are not signed",
      `switch check_signatures off in its configuration and run grub-install and update-grub, ${OVER}`,
    );
  if (grub.waits.length > 0)
    return refusal(
      "grub-waits",
      `GRUB waits for a person at every boot: ${grub.waits[0]} in ${grub.folder}/grub.cfg`,
      `take it out of /etc/grub.d or /etc/default/grub and run update-grub, ${OVER}`,
    );
  if (grub.after.length > 0)
    return refusal(
      "grub-after",
      `${grub.folder}/grub.cfg decides what boots after it has read custom.cfg: ${grub.after[0]}`,
      "make 41_custom the last file of /etc/grub.d (rename what comes after it) and run update-grub",
    );
  return undefined;
}

/** Why the firmware would not boot a disk that is written whole; undefined: nothing speaks against it. */
export const firmwareRefusal: Check = (f) => {
  if (f.efiBits === 32)
    return refusal(
      "firmware-32",
      "the firmware is UEFI of 32 bits, which does not start the image's boot loader (BOOTX64.EFI)",
      'switch it to BIOS (CSM) at the provider, or use method: "alongside", where the old system\'s GRUB boots it',
    );
  return (
    f.container === undefined &&
    outsideKernel(f) &&
    f.machine === undefined &&
    refusal(
      "firmware-none",
      "the machine has no firmware that boots a disk (no BIOS tables, no UEFI): its kernel comes from outside",
      "let the provider boot the server's disk, by BIOS or UEFI",
    )
  );
};

/** Whether no boot loader on the disk started the kernel, as far as its command line tells. */
const outsideKernel = (f: Facts) => f.firmware === "bios" && !f.cmdline.some((word) => word.startsWith("BOOT_IMAGE="));

/** Notes about GRUB and the firmware; `gone`: the old system is removed. */
export function bootNotes(facts: Facts, gone: boolean): string[] {
  if (facts.container !== undefined) return [];
  return [
    ...(facts.firmware === "uefi" && facts.secureBoot === undefined
      ? ["it cannot be read whether Secure Boot is on: if it is, neither the new system nor the RAM system boots"]
      : []),
    ...(gone && facts.grub?.password
      ? ["GRUB's password is lost with the old system: then anyone at the console can change what boots"]
      : []),
  ];
}

export const bootRefusal: Check = (facts) => {
  const planned = planBoot(facts);
  return "refusal" in planned && refusal(planned.refusal.code, planned.refusal.message, planned.refusal.hint);
};

/** Swap partitions of the old system. They hold nothing that is kept, and a server with little memory needs them. */
export function swapPartitions(facts: Facts): string[] {
  return volumes(facts).flatMap((v) =>
    v.type === "swap" && v.holds.length === 0 && v.mounts.includes("swap") && v.uuid !== undefined ? [v.uuid] : [],
  );
}
