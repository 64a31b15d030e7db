/** The physical root of an installed system, as one archive that a server's own tar unpacks: the same for every host. */
import { join } from "node:path";
import { asset, assetText } from "../assets.ts";
import { deploymentPath, STATEROOT } from "../boot/slot.ts";
import type { Target } from "../boot/target.ts";
import { die } from "../errors.ts";
import { shorten } from "../redact.ts";
import type { Task } from "../task.ts";
import { humanBytes } from "../words.ts";
import { type ArtifactFacts, artifact, formatOf, intact, readArtifact } from "./artifact.ts";
import type { Content } from "./disk-sizes.ts";
import { readCommit } from "./ostree.ts";
import { damaged, hasCommit, isDamage } from "./ostree-check.ts";
import type { Store } from "./store.ts";
import type { Toolbox } from "./toolbox.ts";

/**
 * zstd's level: kernel modules and firmware are compressed already, so that -19 saves 2 % for twenty times the time; and
 * unpacking at -3 needs 2 MiB of window, which every host has.
 */
export const ZSTD_LEVEL = 3;

const SCRIPT = ["system", "build", "sysroot.sh"];

/** What starts a container, a file of its sysroot. */
const INIT = ["system", "container", "init"];

/** Changes whenever the same commit gives another archive. */
export const sysrootFormat = (target: Target = "vm") =>
  formatOf(
    2,
    [SCRIPT, ...(target === "container" ? [INIT] : [])].map((path) => assetText(...path)),
  );

/** Of the archive of a commit. */
const formatOfCommit = async (store: Store, checksum: string) =>
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
  /** Kernel and initramfs as GRUB finds them from the root of the filesystem. A container has a line of text as kernel, and "" as initrd. */
  kernel: string;
  initrd: string;
  /** "/ostree/deploy/pine/deploy/<checksum>.0" */
  deployment: string;
}

/** What json beside the archive says. */
type SysrootFacts = SysrootTree & ArtifactFacts;

export interface Sysroot extends SysrootFacts {
  /** store/sysroots/<checksum>.tar.zst or .tar.gz */
  path: string;
  compression: Compression;
}

export type Compression = "zstd" | "gzip";

const archivePath = (store: Store, checksum: string, compression: Compression) =>
  compression === "zstd" ? store.sysroot(checksum) : store.sysroot(checksum).replace(/zst$/, "gz");

/** The archive when the store has it already. */
export async function readSysroot(
  store: Store,
  checksum: string,
  compression: Compression = "zstd",
): Promise<Sysroot | undefined> {
  const path = archivePath(store, checksum, compression);
  const facts = await readArtifact<SysrootFacts>(store, path, await formatOfCommit(store, checksum));
  return facts && { ...facts, path, compression };
}

/**
 * The archive of a commit: exactly `ostree`, `boot/ostree`, `boot/loader*`, with numeric owners and hard links, one deployment,
 * no bootloader, no host's own kernel arguments. `gzip` is for hosts without zstd. Kept in store/sysroots.
 */
export async function sysrootTar(
  store: Store,
  toolbox: Toolbox,
  checksum: string,
  task: Task,
  compression: Compression = "zstd",
): Promise<Sysroot> {
  const path = archivePath(store, checksum, compression);
  const make = compression === "zstd" ? pack : repack;
  const format = await formatOfCommit(store, checksum);
  const facts = await artifact<SysrootFacts>(store, path, format, task, (dir) =>
    make(store, toolbox, checksum, dir, task),
  );
  return { ...facts, path, compression };
}

/**
 * Makes the physical root of a commit in the folder `root` of `dir`: exactly what the archive holds, with its owners (those of the toolbox's
 * user namespace). A damaged commit is named.
 */
export async function sysrootTree(
  store: Store,
  toolbox: Toolbox,
  checksum: string,
  dir: string,
  task: Task,
): Promise<SysrootTree> {
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
      if (isDamage(e)) return damaged(store, toolbox, checksum, e, task);
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

type Made = { file: string; facts: SysrootTree };

// pax for file capabilities, without what pax would add of times and of this process; zstd's bytes are the same with any number of threads
// (but not with --single-thread)
const PACK = `cd /run/work/root
tar --sort=name --numeric-owner --format=posix --pax-option=delete=atime,delete=ctime,exthdr.name=%d/PaxHeaders/%f \
  --xattrs --xattrs-include=security.capability -cf ../sysroot.tar ostree boot/ostree boot/loader*
zstd -q -T0 -${ZSTD_LEVEL} ../sysroot.tar`;

async function pack(store: Store, toolbox: Toolbox, checksum: string, dir: string, task: Task): Promise<Made> {
  const facts = await sysrootTree(store, toolbox, checksum, dir, task);
  task.step(`packing the sysroot (${humanBytes(facts.unpackedSize)})`);
  await toolbox.run(["/bin/sh", "-euc", PACK], {
    binds: [{ source: dir, target: "/run/work" }],
    signal: task.signal,
  });
  return { file: join(dir, "sysroot.tar.zst"), facts };
}

async function repack(store: Store, toolbox: Toolbox, checksum: string, dir: string, task: Task): Promise<Made> {
  const made = await sysrootTar(store, toolbox, checksum, task);
  const { path, size: _, sha256: __, format: ___, compression: ____, ...facts } = made;
  await intact(path, made, "sysroot", task.signal);
  task.step("packing the sysroot with gzip");
  await toolbox.run(
    ["/bin/sh", "-c", "zstd -q -d /run/in.zst -o /run/work/sysroot.tar && gzip -n -3 /run/work/sysroot.tar"],
    {
      binds: [
        { source: dir, target: "/run/work" },
        { source: path, target: "/run/in.zst", readOnly: true },
      ],
      signal: task.signal,
    },
  );
  return { file: join(dir, "sysroot.tar.gz"), facts };
}

/** What `stat -c '%i %f %s'` of every entry says of the space it takes on ext4. Pure. */
export function measure(lines: string): Omit<Content, "boot"> {
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

/** Kernel and initramfs out of OSTree's boot entry, whose paths begin at /boot. Pure. */
export function bootPaths(entry: string): { kernel: string; initrd: string } {
  const path = (key: string) => {
    const value = new RegExp(`^${key} (?:/boot)?(/ostree/${STATEROOT}-[0-9a-f]{64}/[^/\\s]+)$`, "m").exec(entry)?.[1];
    return value ? `/boot${value}` : die(`OSTree's boot entry names no ${key}: ${JSON.stringify(shorten(entry, 300))}`);
  };
  const kernel = path("linux");
  return { kernel, initrd: kernel.endsWith("/vmlinuz-0-container") ? "" : path("initrd") };
}
