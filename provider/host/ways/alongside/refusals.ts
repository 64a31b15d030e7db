/** What keeps a new system from coming beside an old one. Pure. */
import { ROOTS_BESIDE } from "../../../filesystems/all.ts";
import type { BlockKind } from "../../facts/types/storage.ts";
import { bootRefusal, grubProblem } from "../../plan/boot.ts";
import type { Check } from "../../plan/check.ts";
import { BESIDE, tools } from "../../plan/old-system.ts";
import { twinsBeside } from "../../plan/twins.ts";
import { refusal } from "../../refusal.ts";

/** MemTotal of a machine with 96 MiB: the kernel takes its part before it counts the rest. */
const RAM_KIB = 80 * 1024;

const OVER = "or method: overwrite, which erases its disk";
const LATER = `this is not supported yet: use a server with a plain ext4 or xfs root partition, ${OVER}`;
const LAYERS: Partial<Record<BlockKind, string>> = {
  lvm: "an LVM volume, where GRUB cannot write its state",
  raid: "a RAID, where GRUB cannot write its state",
  luks: "an encrypted device (LUKS)",
  multipath: "a multipath device",
  mapper: "a device-mapper device",
  loop: "a loop device",
  unknown: "a disk that cannot be found",
};

/** What an installation beside an old system needs. */
export const ALONGSIDE: Check[] = [
  (f) =>
    f.ramKiB < RAM_KIB &&
    refusal("ram", `the server has ${Math.round(f.ramKiB / 1024)} MiB of memory`, "it needs 96 MiB or more"),
  (f) =>
    LAYERS[f.root.kind] !== undefined &&
    // for ZFS, an overlay and the like, the refusal of the file system itself says it
    (f.root.kind !== "unknown" || ROOTS_BESIDE.includes(f.root.type)) &&
    refusal(`root-${f.root.kind}`, `the root file system ${f.root.device} is on ${LAYERS[f.root.kind]}`, LATER),
  (f) => !ROOTS_BESIDE.includes(f.root.type) && refusal("root-type", `the root file system is ${f.root.type}`, LATER),
  (f) =>
    f.root.uuid === undefined &&
    ROOTS_BESIDE.includes(f.root.type) &&
    LAYERS[f.root.kind] === undefined &&
    refusal("root-uuid", `the UUID of ${f.root.device} cannot be read`, "install util-linux's blkid on the server"),
  bootRefusal,
  twinsBeside,
  (f, i) => {
    if (i.rootWay === "none") return; // grub.cfg could not be read
    if (!f.grub)
      return refusal(
        "no-grub",
        "the server has no folder of GRUB",
        `let it boot by GRUB 2 (package ${f.firmware === "uefi" ? "grub-efi-amd64" : "grub-pc"}, grub-install, update-grub), ${OVER}`,
      );
    if (!f.grub.sourcesCustom)
      return refusal(
        "grub-custom",
        `${f.grub.folder}/grub.cfg does not read custom.cfg`,
        "make /etc/grub.d/41_custom executable (package grub-common) and run update-grub",
      );
    return grubProblem(f);
  },
  (f) =>
    ROOTS_BESIDE.includes(f.root.type) &&
    f.container === undefined &&
    f.folders["/"] !== undefined &&
    refusal(
      "root-folder",
      `/ is the folder ${f.folders["/"]} of the file system on ${f.root.device}, where the new system would not be found`,
      "use a server whose root is a file system of its own",
    ),
  (f) =>
    f.grub !== undefined &&
    !f.cmdline.some((a) => a.startsWith("BOOT_IMAGE=")) &&
    refusal(
      "grub-unused",
      "the running kernel was not started by the server's own GRUB",
      f.firmware === "uefi"
        ? `another boot loader started it (systemd-boot, or the firmware itself): let GRUB start it (package grub-efi-amd64, grub-install, update-grub), ${OVER}`
        : "let the provider boot the disk (not a kernel or a rescue system of its own)",
    ),
  ...BESIDE,
  tools(["dd", "fsfreeze"]),
];
