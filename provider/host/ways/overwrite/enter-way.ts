/** How a server gets into the RAM system: by kexec, by its GRUB, by systemd's shutdown, or not at all. Pure. */
import { LEAVES, moduleBytes } from "../../../filesystems/all.ts";
import type { Facts } from "../../facts/types/facts.ts";
import type { Disk } from "../../facts/types/storage.ts";
import { grubProblem, ownBoot } from "../../plan/boot.ts";
import type { Check } from "../../plan/check.ts";
import type { ImageFacts, OverwritePlan, PlanInputs } from "../../plan/types.ts";
import { type Refusal, refusal } from "../../refusal.ts";
import { chooseDisk } from "./disk.ts";

/** Bytes of the RAM system's kernel, initramfs and programs: 28.9 MB with linux-virt 6.18.56 (measured). */
export const ramBytes = ({ filesystems = [] }: ImageFacts) => 29e6 + moduleBytes(filesystems);

export const onDisk =
  (check: (disk: Disk, inputs: PlanInputs) => ReturnType<Check>): Check =>
  (facts, inputs) => {
    const chosen = chooseDisk(facts, inputs);
    return "disk" in chosen && check(chosen.disk, inputs);
  };

/** Why the running kernel cannot start the RAM system; undefined: it can. */
export function kexecProblem(f: Facts): Refusal | undefined {
  const also =
    "or use a server with its own GRUB or with systemd, and / on a plain partition: they can start the RAM system too";
  if (f.lockdown !== undefined && f.lockdown !== "none")
    return refusal(
      "lockdown",
      `the kernel is locked down (${f.lockdown}) and starts no other kernel`,
      `boot it without lockdown= on its command line, ${also}`,
    );
  if (f.kexec.disabled === undefined || f.kexec.load === false)
    return refusal(
      "kexec",
      "the running kernel cannot start another one (it was built without kexec)",
      `install the distribution's own kernel and boot it, ${also}`,
    );
  if (f.kexec.disabled)
    return refusal(
      "kexec",
      "starting another kernel is switched off (kernel.kexec_load_disabled)",
      `remove it from /etc/sysctl.d on the server and reboot it, ${also}`,
    );
  if (f.kexec.signedOnly)
    return refusal(
      "kexec",
      "the running kernel starts only signed kernels, and Alpine's is not signed",
      `boot another kernel, ${also}`,
    );
  return undefined;
}

/** Whether the server's GRUB can boot a slot of ours (what alongside needs of it). */
function grubBoots(f: Facts): boolean {
  const started = f.cmdline.some((a) => a.startsWith("BOOT_IMAGE="));
  const ours = f.pine.deployment !== undefined && f.pine.runningSlot !== undefined;
  if (ours && ownBoot(f)) return started;
  const theirs =
    f.grub?.sourcesCustom === true &&
    grubProblem(f) === undefined &&
    f.root.kind === "plain" &&
    !f.mounts.some((m) => m.target === "/boot");
  return started && f.root.type === "ext4" && f.root.uuid !== undefined && (ours || theirs);
}

/**
 * Whether systemd's shutdown can leave the disk to the RAM system: everything on it can be unmounted, and nothing is
 * stacked upon it.
 */
function shutdownLeaves(f: Facts, disk: Disk | undefined): boolean {
  const stacked = disk && [disk, ...disk.partitions].some((v) => v.holds.length > 0);
  return f.systemd && ["plain", "disk"].includes(f.root.kind) && LEAVES.includes(f.root.type) && !stacked;
}

/** How the RAM system is started; undefined: not at all. */
export function enterWay(f: Facts, disk: Disk | undefined): OverwritePlan["enter"] | undefined {
  if (!kexecProblem(f)) return "kexec";
  if (grubBoots(f)) return "grub";
  return shutdownLeaves(f, disk) ? "shutdown" : undefined;
}
