/**
 * The root of a container: a folder, or a file system in a sparse image, which loses what was not synced when its power
 * is cut.
 */
import { chownSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { die } from "../../../provider/errors.ts";
import { run } from "../../../provider/local/run.ts";
import { identify, isAlive, labCache } from "../processes.ts";
import { FIRST_ID, type Stage } from "./stage.ts";

/**
 * EXT4_IOC_SHUTDOWN (linux/ext4.h) with EXT4_GOING_FLAGS_NOLOGFLUSH: nothing more reaches the disk, not even the
 * journal.
 */
const SHUTDOWN = `import fcntl, os, struct, sys
fcntl.ioctl(os.open(sys.argv[1], os.O_RDONLY), 0x8004587D, struct.pack("I", 2))`;

/** How long the kernel may take to let go of a file system whose last process was killed, in ms. */
const LET_GO_MS = 20_000;

const runs = () => join(labCache(), "lxc", "run");

/** A new folder for the state of a container of this process, after those of processes that are gone were removed. */
export async function stateFolder(name: string): Promise<string> {
  mkdirSync(runs(), { recursive: true });
  for (const old of readdirSync(runs())) {
    try {
      if (isAlive(JSON.parse(readFileSync(join(runs(), old, "owner.json"), "utf8")))) continue;
    } catch {
      // being removed by its own process, or made: the name begins with that process
      if (identify(Number(old.split("-")[1]))) continue;
    }
    await removeTree(join(runs(), old));
  }
  const folder = join(runs(), name);
  await removeTree(folder);
  mkdirSync(join(folder, "rootfs"), { recursive: true });
  writeFileSync(join(folder, "owner.json"), JSON.stringify(identify(process.pid)));
  return folder;
}

/** Removes a folder with what is immutable in it: OSTree's deployments are. */
export async function removeTree(folder: string): Promise<void> {
  const script = `rm -rf --one-file-system -- "$1" 2>/dev/null || { chattr -R -f -i -- "$1"; rm -rf --one-file-system -- "$1"; }`;
  await run("sh", ["-c", script, "rm", folder], { timeout: 120_000 });
}

/** Makes an image of an empty ext4, sparse. */
export async function newImage(file: string, mib: number): Promise<void> {
  await run("truncate", ["-s", `${mib}M`, file]);
  await run("mke2fs", ["-q", "-F", "-t", "ext4", "-E", "lazy_itable_init=1", file]);
}

/** Copies a root (folder or image) that no container runs on. */
export async function copyRoot(from: string, to: string): Promise<void> {
  await run("cp", ["-aT", "--sparse=always", "--reflink=auto", from, to], { timeout: 120_000 });
}

/** Mounts an image on a folder of the stage. */
export async function mountImage(stage: Stage, image: string, where: string): Promise<void> {
  await stage.run(["mount", "-t", "ext4", "-o", "loop", image, where]);
}

/** Unmounts it, and waits until the kernel has let go of the file system. */
export async function unmountImage(stage: Stage, image: string, where: string): Promise<void> {
  const end = Date.now() + LET_GO_MS;
  while ((await stage.run(["umount", where], { any: true })).exitCode !== 0) {
    if (Date.now() > end) die(`${where} stays in use`);
    await sleep(50);
  }
  while ((await run("losetup", ["--associated", image])).stdout !== "") {
    if (Date.now() > end) die(`${image} stays in use`);
    await sleep(50);
  }
}

/** Nothing that is written from now on reaches the image. */
export async function freezeImage(stage: Stage, where: string): Promise<void> {
  await stage.run(["python3", "-c", SHUTDOWN, where]);
}

/**
 * Unpacks a tar as the root. Unprivileged: by root of the container's ids, so that setuid bits stay, and file
 * capabilities are of that root.
 */
export async function unpack(stage: Stage, tar: string, where: string, privileged: boolean): Promise<void> {
  if (!privileged) chownSync(stage.path(where), FIRST_ID, FIRST_ID);
  const ids = privileged ? "" : `lxc-usernsexec -m b:0:${FIRST_ID}:65536 -- `;
  const script = `cd "$1" && ${ids}tar -xp --numeric-owner --xattrs --xattrs-include='*' --exclude='./dev/*' <"$2"`;
  await stage.run(["sh", "-c", script, "tar", where, tar], { timeout: 300_000 });
}

/** Writes a file of the root as its root would; folders have to be there. */
export function writeRoot(root: string, name: string, text: string, privileged: boolean): void {
  const file = join(root, name);
  if (existsSync(file)) rmSync(file);
  writeFileSync(file, text, { mode: 0o644 });
  if (!privileged) chownSync(file, FIRST_ID, FIRST_ID);
}
