/**
 * Fills a root filesystem that only a kernel can fill (xfs: its mkfs makes no hard links): the commit's own kernel does
 * it, in QEMU on this machine, without root and without KVM.
 */

import { open, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { assetText } from "../../assets.ts";
import { die } from "../../errors.ts";
import { needQemu, QEMU } from "../../local/qemu.ts";
import { type RunError, run } from "../../local/run.ts";
import type { Task } from "../../task.ts";
import { cpio, withFolders } from "../initramfs/cpio.ts";
import { withLibraries } from "../initramfs/programs.ts";
import type { Toolbox } from "../toolbox/toolbox.ts";

/** MiB, mostly for the page cache of what is unpacked. */
const MEMORY = 512;
/** Milliseconds. It took 20 s for 87 MB on a loaded machine. KVM is not used: a nested one may be there and hang. */
const LIMIT = 30 * 60_000;

/** What the guest runs as its first process. */
export const fillScript = () => assetText("image/disk/fill.sh");

/** Dies where this machine has no QEMU, before anything is made. */
export const needQemuFor = (filesystem: string, path?: string): Promise<void> =>
  needQemu(`filesystem: ${filesystem} is filled by a kernel in QEMU`, "leave filesystem out for ext4", path);

/**
 * Fills the root and puts it into disk.raw at byte `start`. `dir` holds disk.raw; root.img, an empty filesystem of this
 * type; root.tar, its content; vmlinuz and initrd of the commit. `created`: the guest's clock, in seconds.
 */
export async function fill(
  box: Toolbox,
  dir: string,
  o: { filesystem: string; start: number; created: number },
  task: Task,
): Promise<void> {
  const { filesystem } = o;
  task.step(`filling the ${filesystem} in QEMU`);
  const archive = cpio(
    withFolders([
      // busybox' own tar has no extended attributes, so no file capabilities
      ...(await withLibraries(box.tree, "tar")),
      { path: "fill", type: "file", mode: 0o755, data: Buffer.from(fillScript()) },
    ]),
  );
  const at = (name: string) => join(dir, name);
  // the kernel reads one archive after the other
  await writeFile(at("fill.img"), Buffer.concat([archive, await readFile(at("initrd"))]));
  const clock = new Date(o.created * 1000).toISOString().slice(0, 19);
  const disk = (name: string, more: string) => [
    "-drive",
    `file=${at(name).replaceAll(",", ",,")},format=raw,if=virtio,cache=unsafe${more}`,
  ];
  const said = await run(
    QEMU,
    // biome-ignore format: what belongs together is in one line
    [
      "-accel", "tcg", "-m", String(MEMORY), "-nodefaults", "-no-user-config", "-display", "none",
      "-no-reboot", "-nic", "none", "-serial", "stdio", "-rtc", `base=${clock},clock=vm`,
      "-kernel", at("vmlinuz"), "-initrd", at("fill.img"),
      "-append", `console=ttyS0 quiet panic=-1 rdinit=/fill ${filesystem}`,
      ...disk("root.img", ""),
      ...disk("root.tar", ",readonly=on"),
    ],
    { signal: task.signal, timeout: LIMIT },
  ).catch((e: RunError) => e);
  if (/^pine: filled\r?$/m.test(said.stdout)) return place(at("root.img"), at("disk.raw"), o.start, task);
  const lines = `${said.stdout}\n${said.stderr}`.split("\n").filter((l) => l.trim());
  die(`the ${filesystem} could not be filled in QEMU:\n${lines.slice(-12).join("\n")}`);
}

/** Copies what is not zero in a file into another one, which is zero there. */
async function place(from: string, into: string, start: number, task: Task): Promise<void> {
  const [source, disk] = await Promise.all([open(from, "r"), open(into, "r+")]);
  const chunk = Buffer.alloc(1024 * 1024);
  const zero = Buffer.alloc(chunk.length);
  try {
    for (let at = 0; ; at += chunk.length) {
      task.signal.throwIfAborted();
      const { bytesRead } = await source.read(chunk, 0, chunk.length, at);
      if (bytesRead === 0) break;
      if (chunk.compare(zero, 0, bytesRead, 0, bytesRead) !== 0) await disk.write(chunk, 0, bytesRead, start + at);
    }
  } finally {
    await Promise.all([source.close(), disk.close()]);
  }
  await rm(from);
}
