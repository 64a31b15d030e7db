/** What tests of disk images share: whether what a machine leaves on its disk is sound, and a machine's commands. */
import { rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { stripVTControlCharacters } from "node:util";
import { expect } from "vitest";
import { run } from "../../provider/local/run.ts";
import type { Vps } from "../lab/vps/vps.ts";
import type { ImageLab } from "./image-lab.ts";

/** As in image.test.ts: a loaded machine with two cores. */
export const BOOT_MS = 600_000;

/** What looks at a filesystem and changes nothing; of any other type e2fsck does. */
const CHECKS: Record<string, string[]> = { xfs: ["xfs_repair", "-n", "-f"], btrfs: ["btrfs", "check", "--readonly"] };
const LINUX = ["0FC63DAF-8483-4772-8E79-3D69D8477DE4", "83"];

/** The table and the Linux filesystems of a raw disk, which is gone afterwards. Answers their types, in order. */
export async function expectSound(lab: ImageLab, disk: string): Promise<string[]> {
  const dir = dirname(disk);
  const { stdout, stderr } = await run("sfdisk", ["--verify", disk]);
  expect(`${stdout}${stderr}`).toMatch(/No errors detected/);
  expect(stderr).not.toMatch(/mismatch|not on the end/);
  const table = JSON.parse((await run("sfdisk", ["--json", disk])).stdout).partitiontable;
  const types: string[] = [];
  const file = join(dir, "filesystem");
  const binds = [{ source: dir, target: "/run/work" }];
  for (const { start, size, type } of table.partitions.filter((p: { type: string }) => LINUX.includes(p.type))) {
    const range = ["bs=1M", `skip=${start / 2048}`, `count=${size / 2048}`, "conv=sparse", "status=none"];
    await run("dd", [`if=${disk}`, `of=${file}`, ...range]);
    const { stdout: said } = await lab.toolbox.run(["blkid", "/run/work/filesystem"], { binds });
    const found = / TYPE="([a-z0-9]+)"/.exec(said)?.[1] ?? `${type}?`;
    types.push(found);
    const check = CHECKS[found] ?? ["e2fsck", "-f", "-n"];
    const { stdout: checked } = await lab.toolbox.run([...check, "/run/work/filesystem"], { binds });
    expect(checked).not.toMatch(/journal|WARNING|Fix|would/);
    if (found === "btrfs") expect(checked).toMatch(/no error found/);
    rmSync(file);
  }
  rmSync(disk);
  return types;
}

/**
 * A commit on the machine with another initramfs than any before, as a new kernel's update has: bytes that the kernel
 * skips.
 */
export const another = (n: number) => `set -eu
  modules=usr/lib/modules/$(uname -r)
  rm -rf /var/tmp/o && mkdir -p /var/tmp/o/$modules
  { cat /$modules/initramfs.img; head -c ${n * 4096} /dev/zero; } >/var/tmp/o/$modules/initramfs.img
  ostree commit -b test${n} --tree=ref=pine/current --tree=dir=/var/tmp/o --owner-uid=0 --owner-gid=0 --no-xattrs --bootable
  rm -rf /var/tmp/o`;

/** Exit code and all that a command says on a machine. */
export async function on(vps: Vps, command: string): Promise<string> {
  const { stdout, stderr, exitCode } = await vps.ssh(command);
  return `${exitCode} ${stdout}${stderr}`.trim();
}

/** Waits until this boot got to its end. */
export async function complete(vps: Vps): Promise<void> {
  await vps.waitSsh(BOOT_MS);
  expect(await on(vps, "for i in $(seq 120); do [ -e /run/pine.completed ] && exit; sleep 1; done; exit 1")).toBe("0");
}

/** What the console says after `from`, without a terminal's escapes, which firmware and GRUB put between letters. */
export const heard = async (vps: Vps, from = 0) => stripVTControlCharacters((await vps.console()).slice(from));

/** Waits for what the console says after `from`; seconds of polling go by quickly beside a boot. */
export async function said(vps: Vps, from: number, what: string | RegExp): Promise<string> {
  for (const end = Date.now() + BOOT_MS; ; ) {
    const text = await heard(vps, from);
    if (typeof what === "string" ? text.includes(what) : what.test(text)) return text;
    if (Date.now() > end) throw new Error(`the console does not say ${what}`);
    await new Promise((done) => setTimeout(done, 200));
  }
}
