/** Why a server cannot be taken. Pure; every reason at once, each with what to do. */
import { humanBytes } from "../task.ts";
import { bootRefusal, ROOT_TYPES } from "./plan-boot.ts";
import { OVERWRITE } from "./plan-overwrite-refusals.ts";
import { UPDATE } from "./plan-update-refusals.ts";
import { type Check, refusal } from "./refusal.ts";
import type { BlockKind, Facts, ImageFacts, PlanInputs, Refusal } from "./types.ts";

/** Room beside the unpacked system for two more deployments and what runs there. */
export const MARGIN_BYTES = 300e6;
/** A minimal system has some 6000 files and folders; OSTree keeps objects and a second deployment beside them. */
const INODES = 20_000;
/** MemTotal of a machine with 96 MiB: the kernel takes its part before it counts. */
const RAM_KIB = 80 * 1024;
/** Debian 8's is 3.16; before 3.10 nothing was tried. */
const KERNEL = [3, 10] as const;
const KNOWN = { debian: 8, ubuntu: 14 } as Record<string, number>;

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
    refusal(
      "arch",
      `the server is ${f.arch}, the image is for ${image.arch}`,
      `build the Rootfs with arch: "${f.arch}"`,
    ),
  (_, __, image) =>
    image.target === "container" &&
    refusal("target", "the commit is of a container and has no kernel to boot", 'build the Rootfs with target: "vm"'),
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
    !f.hostKeys.some((k) => k.split(" ").slice(0, 2).join(" ") === i.hostKeySeen) &&
    i.rootWay !== "none" &&
    refusal(
      "host-key",
      "the SSH host key the server showed is not among its key files, so the new system could not show it",
      "let sshd use plain key files (HostKey), without an agent or a certificate",
    ),
];

/** What any installation needs. */
const MACHINE: Check[] = [
  (_, i) =>
    i.method === "container" &&
    refusal("method", 'method "container" is not there yet', 'use "alongside" or "overwrite", or leave it out'),
  (f) =>
    f.container !== undefined &&
    refusal(
      "container",
      `the server is a container (${f.container}): it has no kernel of its own`,
      "use a virtual machine",
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
  (f, i) => {
    const since = KNOWN[f.os.id];
    const old = since !== undefined && f.os.versionId !== undefined && Number.parseInt(f.os.versionId, 10) < since;
    return (
      i.force !== true &&
      f.pine.deployment === undefined &&
      (since === undefined || old) &&
      refusal(
        "distribution",
        `${f.os.name} is not known to work`,
        "Debian 8 and Ubuntu 14.04 or later are; set force: true to try all the same",
      )
    );
  },
  (f) => {
    const [major = 0, minor = 0] = f.kernelRelease.split(".").map((n) => Number.parseInt(n, 10));
    return (
      (major < KERNEL[0] || (major === KERNEL[0] && minor < KERNEL[1])) &&
      refusal(
        "kernel",
        `its kernel ${f.kernelRelease} is too old`,
        `upgrade the old system to a kernel from ${KERNEL.join(".")} on`,
      )
    );
  },
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
  (f) =>
    f.root.options.includes("ro") &&
    refusal(
      "root-readonly",
      "the root file system is mounted read-only",
      "see with dmesg whether the disk fails, and remount it",
    ),
  bootRefusal,
  (f, i) => {
    if (i.rootWay === "none") return; // grub.cfg could not be read
    if (!f.grub)
      return refusal("no-grub", "GRUB's folder is not there", "the old system must boot by GRUB 2 (grub-pc)");
    if (!f.grub.sourcesCustom)
      return refusal(
        "grub-custom",
        `${f.grub.folder}/grub.cfg does not read custom.cfg`,
        "make /etc/grub.d/41_custom executable (package grub-common) and run update-grub",
      );
    return undefined;
  },
  (f) =>
    f.grub !== undefined &&
    !f.cmdline.some((a) => a.startsWith("BOOT_IMAGE=")) &&
    refusal(
      "grub-unused",
      "the running kernel was not started by the server's own GRUB",
      "let the provider boot the disk (not a kernel or a rescue system of its own)",
    ),
  (f, _, image) => {
    const need = (image.unpackedBytes ?? 0) * 1.1 + MARGIN_BYTES;
    const free = f.root.freeKiB * 1024;
    return (
      free < need &&
      refusal(
        "disk-space",
        `${f.root.device} has ${humanBytes(free)} free, ${image.about ? "about " : ""}${humanBytes(need)} are needed (${humanBytes(image.unpackedBytes ?? 0)} of the new system, a tenth of it, ${humanBytes(MARGIN_BYTES)} for updates)`,
        "free some space, for example with apt-get clean, or take a larger disk",
      )
    );
  },
  (f) =>
    f.root.freeInodes !== undefined &&
    f.root.freeInodes < INODES &&
    refusal(
      "inodes",
      `${f.root.device} has ${f.root.freeInodes} inodes free, ${INODES} are needed`,
      "remove small files",
    ),
  (f, i, image) => {
    const wanted = ["tar", image.compression ?? "gzip", "dd", "fsfreeze", "chroot", "mount", "unshare"];
    const missing = wanted.filter((t) => !f.tools[t]);
    return (
      missing.length > 0 &&
      i.rootWay !== "none" &&
      refusal(
        "tools",
        `the server has no ${missing.join(", ")}`,
        "install it there (packages tar, gzip, zstd, coreutils, util-linux)",
      )
    );
  },
  (f) =>
    f.pine.install === undefined &&
    f.pine.leftovers.some((p) => p === "/ostree" || p === "/boot/ostree") &&
    refusal(
      "ostree-other",
      `the server has ${f.pine.leftovers.join(", ")}, which Pine did not make`,
      "move it away if nothing uses it",
    ),
];

/** Every reason not to go on. `way`: what is to be done, besides what is true of every server. */
export function refusalsOf(
  facts: Facts,
  inputs: PlanInputs,
  image: ImageFacts,
  way: "update" | "alongside" | "overwrite",
): Refusal[] {
  const more = { update: UPDATE, alongside: [...MACHINE, ...ALONGSIDE], overwrite: [...MACHINE, ...OVERWRITE] }[way];
  return [...ALWAYS, ...more].map((c) => c(facts, inputs, image)).filter((r): r is Refusal => Boolean(r));
}
