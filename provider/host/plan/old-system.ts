/** Why nothing can be installed beside an old system, on a machine or in a container. Pure. */
import { humanBytes } from "../../words.ts";
import { refusal } from "../refusal.ts";
import type { Check } from "./check.ts";
import { ignoring, isIgnored } from "./ignorable.ts";

/** Room for two more deployments and their data, in addition to the unpacked system. */
const MARGIN_BYTES = 300e6;
/** The same in a container: its system has no kernel and a quarter of the files. */
const CONTAINER_MARGIN_BYTES = 120e6;
/** A minimal system has some 6000 files and folders. OSTree keeps objects and a second deployment in addition. */
const INODES = 20_000;
/** Debian 8 has 3.16; nothing before 3.10 was tried. */
const KERNEL = [3, 10] as const;
const KNOWN = { debian: 8, ubuntu: 14 } as Record<string, number>;

/** What every kind of old system has to be. */
export const OLD_SYSTEM: Check[] = [
  (f, i) => {
    const since = KNOWN[f.os.id];
    const old = since !== undefined && f.os.versionId !== undefined && Number.parseInt(f.os.versionId, 10) < since;
    return (
      !isIgnored(i, "distribution") &&
      f.pine.deployment === undefined &&
      (since === undefined || old) &&
      refusal(
        "distribution",
        `${f.os.name} is not known to work`,
        `Debian 8 and Ubuntu 14.04 or later are known to work; ${ignoring("distribution")} to try anyway`,
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
        f.container
          ? "it is the host's kernel (OpenVZ 6 has 2.6.32): ask the provider for OpenVZ 7 or LXC"
          : `upgrade the old system to kernel ${KERNEL.join(".")} or newer`,
      )
    );
  },
];

/** What its root filesystem has to be. */
export const BESIDE: Check[] = [
  (f) =>
    f.root.options.includes("ro") &&
    refusal(
      "root-readonly",
      "the root file system is mounted read-only",
      "check with dmesg whether the disk fails, and remount it",
    ),
  (f, _, image) => {
    const margin = f.container ? CONTAINER_MARGIN_BYTES : MARGIN_BYTES;
    const need = (image.unpackedBytes ?? 0) * 1.1 + margin;
    const free = f.root.freeKiB * 1024;
    return (
      free < need &&
      refusal(
        "disk-space",
        `${f.root.device} has ${humanBytes(free)} free, ${image.about ? "about " : ""}${humanBytes(need)} are needed (${humanBytes(image.unpackedBytes ?? 0)} of the new system, a tenth of it, ${humanBytes(margin)} for updates)`,
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
      "remove many small files: `du --inodes -x / | sort -n | tail` shows the folders that have most",
    ),
  (f) =>
    f.pine.otherLoader === true &&
    f.pine.deployment === undefined &&
    !f.mounts.some((m) => m.target === "/boot") &&
    refusal(
      "boot-loader",
      "/boot/loader is the old system's own (entries of systemd-boot or the like), and the new system needs that name",
      "move it away if nothing boots with it (systemd-boot reads its entries on the EFI system partition)",
    ),
  (f) =>
    f.pine.install === undefined &&
    f.pine.leftovers.some((p) => p === "/ostree" || p === "/boot/ostree") &&
    refusal(
      "ostree-other",
      `the server has ${f.pine.leftovers.join(", ")}, which Pine did not make`,
      "move it away if nothing uses it",
    ),
];

/** The programs that unpack a system and look into it. */
export const tools =
  (more: string[]): Check =>
  (f, i, image) => {
    const wanted = ["tar", image.compression ?? "gzip", "chroot", "mount", "unshare", ...more];
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
  };
