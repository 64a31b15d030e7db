/** A commit deployed in a folder, as a disk and a template get it. */
import { asset, assetText } from "../../assets.ts";
import { deploymentPath, STATEROOT } from "../../boot/slot.ts";
import type { Target } from "../../boot/target.ts";
import { die } from "../../errors.ts";
import type { Content } from "../../filesystems/filesystem.ts";
import { shorten } from "../../redact.ts";
import { damaged, hasCommit, isDamage } from "../ostree/check.ts";
import { readCommit } from "../ostree/commits.ts";
import type { Workshop } from "../ostree/workshop.ts";
import { formatOf } from "../store/artifact.ts";
import type { Store } from "../store/store.ts";

/** What the image has to hold. */
export interface ImageContent extends Content {
  /** Bytes of kernel and initramfs, which are in `bytes` as well. */
  boot: number;
}

const SCRIPT = ["image/sysroot/sysroot.sh"];

/** What starts a container, a file of its sysroot. */
const INIT = ["system", "container", "init"];

/** Changes whenever the same commit gives another archive. */
export const sysrootFormat = (target: Target = "vm") =>
  formatOf(
    2,
    [SCRIPT, ...(target === "container" ? [INIT] : [])].map((path) => assetText(...path)),
  );

/** The format of a commit's archive. */
export const formatOfCommit = async (store: Store, checksum: string) =>
  sysrootFormat((await readCommit(store, checksum))?.target);

/** What is known of a physical root, in a folder or an archive. */
export interface SysrootTree {
  checksum: string;
  /** Bytes on the disk of a host: files in blocks of 4 KiB, hard links once. */
  unpackedSize: number;
  /** Files and folders, hard links once. */
  inodes: number;
  /** Bytes of kernel and initramfs in blocks of 4 KiB. */
  bootSize: number;
  /**
   * Kernel and initramfs as GRUB finds them from the root of the filesystem. A container has a line of text as kernel,
   * and "" as initrd.
   */
  kernel: string;
  initrd: string;
  /** "/ostree/deploy/pine/deploy/<checksum>.0" */
  deployment: string;
}

/**
 * Makes the physical root of a commit in the folder `root` of `dir`: exactly what the archive holds, with its owners
 * (those of the toolbox's user namespace). A damaged commit is named.
 */
export async function sysrootTree(workshop: Workshop, checksum: string, dir: string): Promise<SysrootTree> {
  const { store, toolbox, task } = workshop;
  if (!(await hasCommit(store, checksum)))
    die(`the store ${store.dir} has no commit ${checksum}`, "run `pulumi up` to build it again");
  task.step("making the sysroot");
  const { stdout } = await toolbox
    .run(["/bin/sh", "/run/sysroot.sh", checksum], {
      binds: [
        { source: dir, target: "/run/work" },
        { source: store.repo, target: "/run/repo" },
        { source: asset(...SCRIPT), target: "/run/sysroot.sh" },
        { source: asset(...INIT), target: "/run/init", readOnly: true },
      ],
      signal: task.signal,
    })
    .catch((e) => {
      if (isDamage(e)) return damaged(workshop, checksum, e);
      throw e;
    });
  const [entries = "", kernels = "", bootEntry = ""] = stdout.split("\n\n");
  const content = measure(entries);
  return {
    checksum,
    unpackedSize: content.bytes,
    inodes: content.inodes,
    bootSize: measure(kernels).bytes,
    ...bootPaths(bootEntry),
    deployment: deploymentPath(checksum, 0),
  };
}

/** What `stat -c '%i %f %s'` of every entry says of the space it takes on ext4. Pure. */
export function measure(lines: string): Content {
  const seen = new Set<string>();
  let bytes = 0;
  for (const line of lines.split("\n")) {
    const [inode, mode, size] = line.split(" ");
    if (!inode || !mode || seen.has(inode)) continue;
    seen.add(inode);
    const type = Number.parseInt(mode, 16) & 0o170000;
    // a folder's own size is the building filesystem's; a link shorter than 60 bytes lies in its inode
    if (type === 0o040000) bytes += 4096;
    else if (type === 0o100000 || Number(size) >= 60) bytes += Math.ceil(Number(size) / 4096) * 4096;
  }
  return { bytes, inodes: seen.size };
}

/** Kernel and initramfs from OSTree's boot entry, whose paths begin at /boot. Pure. */
export function bootPaths(entry: string): { kernel: string; initrd: string } {
  const path = (key: string) => {
    const value = new RegExp(`^${key} (?:/boot)?(/ostree/${STATEROOT}-[0-9a-f]{64}/[^/\\s]+)$`, "m").exec(entry)?.[1];
    return value ? `/boot${value}` : die(`OSTree's boot entry names no ${key}: ${JSON.stringify(shorten(entry, 300))}`);
  };
  const kernel = path("linux");
  return { kernel, initrd: kernel.endsWith("/vmlinuz-0-container") ? "" : path("initrd") };
}
