/** Why a server cannot be taken. Pure; every reason at once, each with what to do. */
import { argumentsTooLong } from "../boot/arguments.ts";
import type { Facts } from "./facts/types/facts.ts";
import type { BlockKind } from "./facts/types/storage.ts";
import { BESIDE, OLD_SYSTEM, tools } from "./plan-beside.ts";
import { bootRefusal, firmwareRefusal, grubProblem, ROOT_TYPES } from "./plan-boot.ts";
import { CONTAINER, targetRefusal } from "./plan-container.ts";
import { driverRefusal } from "./plan-drivers.ts";
import { OVERWRITE } from "./plan-overwrite-refusals.ts";
import { twinsBeside } from "./plan-twins.ts";
import type { ImageFacts, PlanInputs, Refusal } from "./plan-types.ts";
import { UPDATE } from "./plan-update-refusals.ts";
import { type Check, refusal } from "./refusal.ts";
import { trustRefusal } from "./trust.ts";

/** MemTotal of a machine with 96 MiB: the kernel takes its part before it counts. */
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
  unknown: "no disk of its own that can be found",
};

/** Host keys that a new system can have: those whose files can be read. Facts of a provider before this one name no files. */
const keepable = (f: Facts): string[] =>
  f.hostKeyFiles.length > 0
    ? f.hostKeyFiles.map((file) => file.key)
    : f.hostKeys.map((k) => k.split(" ").slice(0, 2).join(" "));
/** A 32-bit kernel may run on a 64-bit processor: many small servers were installed so. */
const archHint = (arch: string) =>
  /^i\d86$/.test(arch)
    ? "boot a 64-bit kernel on it (Debian: dpkg --add-architecture amd64, then the package linux-image-amd64:amd64), or take a 64-bit server"
    : "use a server of the image's architecture";

/** True of any server, also of one that runs Pine. */
const ALWAYS: Check[] = [
  (_, i) =>
    i.rootWay === "none" &&
    refusal(
      "not-root",
      i.notRoot?.message ?? `user ${i.user} may not become root`,
      i.notRoot?.hint ?? "log in as root, or let the user use sudo",
    ),
  (f, _, image) =>
    image.arch !== f.arch &&
    refusal("arch", `the server is ${f.arch}, the image is for ${image.arch}`, archHint(f.arch)),
  targetRefusal,
  trustRefusal,
  (f, i) => {
    const problem = argumentsTooLong([...f.consoles.map((c) => `console=${c}`), ...(i.kernelArguments ?? [])]);
    return problem !== undefined && refusal("kernel-arguments", problem, "leave some of kernelArguments out");
  },
  (f, i) =>
    f.container !== undefined &&
    (i.kernelArguments ?? []).length > 0 &&
    refusal(
      "kernel-arguments",
      `kernelArguments are given, and the server is a container (${f.container}), whose kernel is its host's`,
      "leave them out",
    ),
  (f, i) => {
    const owner = f.pine.install;
    const own = owner && (owner.stack === i.stack || (i.installationId !== undefined && owner.id === i.installationId));
    return (
      owner !== undefined &&
      !own &&
      refusal(
        "pine-other-stack",
        `the server belongs to another stack: ${owner.stack ?? "unknown"} (${owner.urn ?? "no urn"})`,
        "destroy it there first; if that stack is gone, take the server over by pulumi import (docs/life.md)",
      )
    );
  },
  (f, i) =>
    i.hostKeySeen !== undefined &&
    !keepable(f).includes(i.hostKeySeen) &&
    i.rootWay !== "none" &&
    refusal(
      "host-key",
      "the SSH host key the server showed is not among its key files, so the new system could not show it",
      "let sshd use plain key files (HostKey), without an agent or a certificate",
    ),
];

/** What any installation needs. */
const MACHINE: Check[] = [
  (f, i) =>
    f.container !== undefined &&
    refusal(
      "container",
      `the server is a container (${f.container}): it has no kernel of its own, so nothing can be installed by method "${i.method}"`,
      ["lxc", "openvz"].includes(f.container)
        ? 'leave method out, or use "container"'
        : "use a container of LXC or OpenVZ, or a virtual machine",
    ),
  (f) =>
    f.xen === "PV" &&
    refusal(
      "xen-pv",
      "the server is a Xen PV guest: its kernel is chosen outside of it",
      "switch it to HVM at the provider",
    ),
  (f) =>
    f.secureBoot === true &&
    refusal(
      "secure-boot",
      "Secure Boot is on, and Alpine's kernel is not signed",
      "switch Secure Boot off in the firmware or at the provider",
    ),
  ...OLD_SYSTEM,
];

/** What an installation beside an old system needs. */
const ALONGSIDE: Check[] = [
  (f) =>
    f.ramKiB < RAM_KIB &&
    refusal("ram", `the server has ${Math.round(f.ramKiB / 1024)} MiB of memory`, "it needs 96 MiB or more"),
  (f) =>
    LAYERS[f.root.kind] !== undefined &&
    // of ZFS, an overlay and the like the file system itself says it
    (f.root.kind !== "unknown" || ROOT_TYPES.includes(f.root.type)) &&
    refusal(`root-${f.root.kind}`, `the root file system ${f.root.device} is on ${LAYERS[f.root.kind]}`, LATER),
  (f) => !ROOT_TYPES.includes(f.root.type) && refusal("root-type", `the root file system is ${f.root.type}`, LATER),
  (f) =>
    f.root.uuid === undefined &&
    ROOT_TYPES.includes(f.root.type) &&
    LAYERS[f.root.kind] === undefined &&
    refusal("root-uuid", `the UUID of ${f.root.device} cannot be read`, "install util-linux's blkid on the server"),
  bootRefusal,
  twinsBeside,
  (f, i) => {
    if (i.rootWay === "none") return; // grub.cfg could not be read
    if (!f.grub)
      return refusal(
        "no-grub",
        "GRUB's folder is not there",
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
    ROOT_TYPES.includes(f.root.type) &&
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
        ? `another boot loader started it (systemd-boot, or the firmware itself): let GRUB do it (package grub-efi-amd64, grub-install, update-grub), ${OVER}`
        : "let the provider boot the disk (not a kernel or a rescue system of its own)",
    ),
  ...BESIDE,
  tools(["dd", "fsfreeze"]),
];

export type Way = "update" | "alongside" | "overwrite" | "container";

/** Every reason not to go on. `way`: what is to be done, besides what is true of every server. */
export function refusalsOf(facts: Facts, inputs: PlanInputs, image: ImageFacts, way: Way): Refusal[] {
  const more = {
    update: [...UPDATE, driverRefusal("beside")],
    alongside: [...MACHINE, ...ALONGSIDE, driverRefusal("beside")],
    overwrite: [...MACHINE, firmwareRefusal, ...OVERWRITE, driverRefusal("over")],
    container: CONTAINER,
  }[way];
  return [...ALWAYS, ...more].map((c) => c(facts, inputs, image)).filter((r): r is Refusal => Boolean(r));
}
