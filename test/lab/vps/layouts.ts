/**
 * A Debian of the lab on other file systems: it copies itself to a second disk (layouts.sh), which becomes a base of
 * its own.
 */
import { readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { die } from "../../../provider/errors.ts";
import { type BaseImage, keep, keptBase, type Log, must, powerOff, timed } from "./bases.ts";
import { startVps } from "./vps.ts";

interface Partition {
  /** Mount point; "none" for swap. */
  on: string;
  type: "ext4" | "xfs" | "btrfs" | "swap";
  /** MiB; default: what the others leave. One of a layout, the last, is without. */
  mib?: number;
}

const BOOT: Partition = { on: "/boot", type: "ext4", mib: 512 };
const ROOT: Partition = { on: "/", type: "ext4" };
const XFS: Partition = { on: "/", type: "xfs" };

/**
 * Partitions behind GRUB's own (BIOS boot partition, or ESP on /boot/efi), in their order. "plain" is the disk that
 * tree.sh makes.
 */
export const LAYOUTS = {
  plain: [ROOT],
  xfs: [XFS],
  boot: [BOOT, ROOT],
  "boot-xfs": [BOOT, XFS],
  parts: [
    BOOT,
    { on: "none", type: "swap", mib: 256 },
    { on: "/var", type: "ext4", mib: 768 },
    { on: "/home", type: "ext4", mib: 256 },
    ROOT,
  ],
  // where GRUB reads, and cannot write
  "boot-btrfs": [{ ...BOOT, type: "btrfs" }, ROOT],
} satisfies Record<string, Partition[]>;
export type Layout = keyof typeof LAYOUTS;

const partitionsOf = (layout: Layout): Partition[] => LAYOUTS[layout];
const TOOLS: Partial<Record<Partition["type"], string>> = { xfs: "xfsprogs", btrfs: "btrfs-progs" };

/** Debian packages with the tools for a layout's file systems, beside what every Debian of the lab has. */
export const layoutPackages = (layout: Layout): string[] => partitionsOf(layout).flatMap((p) => TOOLS[p.type] ?? []);

/**
 * The base that is `from`, which is plain, on another layout. `grub`: the command that installs GRUB on /dev/vda. Host
 * keys, users and everything else that is no file system's stay the same.
 */
export async function ensureLayout(
  name: string,
  from: BaseImage,
  layout: Layout,
  o: { diskMiB: number; grub: string },
  log: Log,
): Promise<BaseImage> {
  const script = readFileSync(join(import.meta.dirname, "layouts.sh"), "utf8");
  const partitions = partitionsOf(layout);
  const parts = [basename(dirname(from.disk)), partitions, script, o];
  const kept = await keptBase(name, parts, async (work) => {
    const step = timed(log);
    const copied = await copy(work, from, partitions, { ...o, script }, step);
    const disk = await keep(work, copied, from.hostKeys);
    step("second boot, by its own GRUB");
    await check(work, { ...from, disk }, partitions, log);
    step("ready");
  });
  return { ...from, ...kept };
}

/** Boots `from` with an empty disk, and makes that the copy; the answer is its path. */
async function copy(
  work: string,
  from: BaseImage,
  partitions: Partition[],
  o: { diskMiB: number; grub: string; script: string },
  step: Log,
): Promise<string> {
  step(`${from.release} (${from.firmware}) copies itself to ${partitions.map((p) => `${p.on} ${p.type}`).join(", ")}`);
  const vps = await startVps({ base: from, dir: work, name: "copy", memory: 1024, disks: [o.diskMiB], log: step });
  try {
    await must(vps, "cat >/run/layouts.sh", { input: o.script });
    const grub = o.grub.replace("/dev/vda", "/dev/vdb");
    const specs = partitions.map((p) => `${p.on}:${p.type}:${p.mib ?? ""}`).join(" ");
    await must(vps, `sh /run/layouts.sh /dev/vdb ${from.firmware} '${grub}' ${specs}`, { timeout: 1_200_000 });
    await powerOff(vps);
  } finally {
    await vps.stop();
  }
  return join(work, "copy.disk2.qcow2");
}

/** Boots a base by its own GRUB, and dies unless its file systems are where they belong. */
async function check(work: string, base: BaseImage, partitions: Partition[], log: Log): Promise<void> {
  const vps = await startVps({ base, dir: work, name: "check", log });
  try {
    // swap is switched on by a unit that SSH does not wait for
    await must(vps, "systemctl start local-fs.target swap.target");
    const mounted = await must(vps, "findmnt -rn --real -o TARGET,FSTYPE; swapon --noheadings --show=TYPE");
    for (const { on, type } of partitions) {
      const line = type === "swap" ? "partition" : `${on} ${type}`;
      if (!mounted.split("\n").includes(line)) die(`the lab's Debian has no ${on} (${type}):\n${mounted}`);
    }
  } finally {
    await vps.stop();
  }
}
