/** Which disk the firmware boots, and what happens to a server when another one is overwritten. Pure. */
import type { Facts } from "../../facts/types/facts.ts";
import type { Disk } from "../../facts/types/storage.ts";
import type { Check } from "../../plan/check.ts";
import { type Ignorable, ignoring, isIgnored } from "../../plan/ignorable.ts";
import type { PlanInputs } from "../../plan/types.ts";
import { refusal } from "../../refusal.ts";
import { chooseDisk } from "./disk.ts";

const ESP = ["/boot/efi", "/efi"];

const has = (disk: Disk, targets: string[]) =>
  [disk, ...disk.partitions].some((v) => v.mounts.some((target) => targets.includes(target)));
/** Whether a disk holds a part of the running system that its boot loader reads. */
const holdsSystem = (disk: Disk) => has(disk, ["/", "/boot"]);
const names = (disks: Disk[]) => disks.map((d) => d.device).join(", ");

/** Where the firmware finds a boot loader; empty: not known. */
function loaders({ firmware, disks, bootPartition }: Facts): Disk[] {
  if (firmware === "uefi") {
    const entry = disks.filter((d) => d.partitions.some((p) => p.partuuid?.toLowerCase() === bootPartition));
    if (bootPartition !== undefined && entry.length > 0) return entry;
    const apart = disks.filter((d) => has(d, ESP));
    // otherwise the partition may be mounted on /boot itself
    return apart.length > 0
      ? apart
      : disks.filter((d) => d.partitions.some((p) => p.type === "vfat" && p.mounts.includes("/boot")));
  }
  if (disks.some((d) => d.bootCode === undefined)) return [];
  const grub = disks.filter((d) => d.bootCode === "grub" && holdsSystem(d));
  return grub.length > 0 ? grub : disks.filter((d) => d.bootCode !== "none");
}

/** Why something outside its disks booted a BIOS machine; undefined: a disk did, or it is not known. */
function outside({ firmware, disks, cmdline, pine }: Facts): string | undefined {
  if (firmware === "uefi" || pine.deployment !== undefined || disks.length === 0) return undefined;
  if (disks.every((d) => d.bootCode === "none"))
    return `no disk has boot code (${disks.map((d) => `${d.device}: ${d.table ?? d.type ?? "empty"}`).join(", ")})`;
  // GRUB, LILO and SYSLINUX each leave this on the command line
  return cmdline.some((word) => word.startsWith("BOOT_IMAGE="))
    ? undefined
    : "no boot loader of a disk started the running kernel (BOOT_IMAGE is not on its command line)";
}

const done = (code: Ignorable) => `${ignoring(code)} once that is done`;

export const firmwareRefusal: Check = (facts, inputs) => {
  const chosen = chooseDisk(facts, inputs);
  if (inputs.rootWay === "none" || !("disk" in chosen)) return undefined;
  const { disk } = chosen;
  const why = outside(facts);
  if (why !== undefined && !isIgnored(inputs, "boot-provider"))
    return refusal(
      "boot-provider",
      `the server is booted by a loader or a kernel of its provider, which will not find the system on ${disk.device}: ${why}`,
      `switch the server to boot its disk at the provider (Linode: kernel "Direct Disk"), and ${done("boot-provider")}; or leave the disk as it is (method: "alongside")`,
    );
  const others = loaders(facts);
  if (why !== undefined || isIgnored(inputs, "boot-disk")) return undefined;
  if (others.length === 0 || others.includes(disk) || !holdsSystem(disk)) return undefined;
  return refusal(
    "boot-disk",
    `the firmware boots ${names(others)}, where the old system's boot loader is, and that one finds nothing on ${disk.device} after the overwrite`,
    `set overwrite.disk: "${others[0]!.device}", or let the firmware boot ${disk.device} first, and ${done("boot-disk")}`,
  );
};

/** Notes for a plan that is not refused. */
export function firmwareNotes(facts: Facts, inputs: PlanInputs): string[] {
  const chosen = chooseDisk(facts, inputs);
  if (!("disk" in chosen)) return [];
  const { disk } = chosen;
  if (outside(facts) !== undefined)
    return [`the provider boots this server by its own loader or kernel: set it to boot ${disk.device} afterwards`];
  const others = loaders(facts).filter((d) => d !== disk);
  const system = facts.disks.filter((d) => has(d, ["/"]));
  const { disk: root } = facts.root; // undefined for a RAID
  const elsewhere = root !== undefined ? root !== disk.device : system.length > 0 && !system.includes(disk);
  if (elsewhere && !has(disk, ["/boot"]))
    return ["the old system is on another disk: set the firmware to boot from this one afterwards"];
  // a RAID: the remaining members may boot without the disk that was written
  const members = facts.disks.filter(
    (d) => d !== disk && (others.includes(d) || (holdsSystem(d) && d.bootCode !== "none")),
  );
  return members.length === 0
    ? []
    : [
        `a part of the old system and its boot loader are on ${names(members)} too: set the firmware to boot ${disk.device} first, or what is left of the old system boots`,
      ];
}
