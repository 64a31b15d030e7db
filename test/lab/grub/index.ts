/**
 * A machine with Debian's GRUB and little else: it boots in seconds, without KVM. Kernels on it say their command line
 * and reset it.
 */
import { copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { run } from "../../../provider/local/run.ts";
import { endSession, startProcess } from "../processes.ts";

const GRUB = "/usr/lib/grub/i386-pc";
/** What Debian's core image has on a disk with ext4; everything else is loaded from the folder of modules. */
const CORE = ["biosdisk", "ext2", "search", "search_fs_uuid", "normal", "echo"];

export interface GrubOptions {
  /** Folder that is made, for the disk. */
  dir: string;
  /** UUID of its file system (ext2), which is the whole disk. */
  uuid: string;
  /** Path -> content. */
  files: Record<string, string | Uint8Array>;
  /** Of GRUB's own: `$prefix`, where its modules are; default /boot/grub. grub.cfg is always in /boot/grub. */
  prefix?: string;
}

export interface GrubMachine {
  /** What came on the serial line so far, without a terminal's escapes and runs of blanks. */
  said(): string;
  /** Waits until it matches; fails after 50 s, or when the machine ends. */
  until(pattern: RegExp): Promise<string>;
  /** Presses keys. */
  type(text: string): void;
  /** A file of the disk as it is now. */
  read(path: string): Promise<string>;
  stop(): Promise<void>;
}

/**
 * Milliseconds for anything that is waited for; with a busy machine a boot takes ten times as long as with an idle one.
 */
const LIMIT = 240_000;

/** Makes the disk and starts the machine. */
export async function startGrub({ dir, uuid, files, prefix = "/boot/grub" }: GrubOptions): Promise<GrubMachine> {
  const tree = join(dir, "tree");
  const put = (path: string, content: string | Uint8Array) => {
    mkdirSync(dirname(join(tree, path)), { recursive: true });
    writeFileSync(join(tree, path), content);
  };
  for (const [path, content] of Object.entries(files)) put(path, content);
  mkdirSync(join(tree, prefix, "i386-pc"), { recursive: true });
  for (const name of readdirSync(GRUB).filter((n) => /\.(mod|lst)$/.test(n)))
    copyFileSync(join(GRUB, name), join(tree, prefix, "i386-pc", name));
  const [disk, early, core] = [join(dir, "disk"), join(dir, "early.cfg"), join(dir, "core.img")];
  await run("mke2fs", ["-q", "-t", "ext2", "-b", "1024", "-U", uuid, "-d", tree, disk, "24M"]);
  writeFileSync(early, `set root=hd0\nset prefix=(hd0)${prefix}\nnormal (hd0)/boot/grub/grub.cfg\n`);
  await run("grub-mkimage", ["-O", "i386-pc", "-d", GRUB, "-p", prefix, "-c", early, "-o", core, ...CORE]);
  // lnxboot: QEMU loads it as if it were Linux, so that no boot sector is needed
  writeFileSync(join(dir, "grub"), Buffer.concat([readFileSync(join(GRUB, "lnxboot.img")), readFileSync(core)]));
  return boot(join(dir, "grub"), disk);
}

function boot(kernel: string, disk: string): GrubMachine {
  const machine = [
    "-machine",
    "pc",
    "-accel",
    "tcg",
    "-m",
    "64",
    "-nodefaults",
    "-no-user-config",
    "-vga",
    "std",
    "-display",
    "none",
  ];
  const drive = ["-drive", `file=${disk},format=raw,if=ide`];
  const args = [...machine, ...drive, "-serial", "stdio", "-kernel", kernel];
  const qemu = startProcess("GRUB", "qemu-system-x86_64", args, { cwd: dirname(disk), stdio: "pipe" });
  const { stdin, stdout, stderr } = qemu.child;
  let raw = "";
  let over = false;
  const add = (data: Buffer) => {
    raw += data.toString("latin1");
  };
  for (const stream of [stdout, stderr]) stream?.on("data", add);
  qemu.child.once("close", () => {
    over = true;
  });
  // biome-ignore lint/suspicious/noControlCharactersInRegex: a terminal's escapes
  const said = () => raw.replaceAll(/\u001b\[[?0-9;]*[A-Za-z]/g, "").replaceAll(/\s+/g, " ");
  return {
    said,
    async until(pattern) {
      for (const since = Date.now(); !over && Date.now() - since < LIMIT; await sleep(50))
        if (pattern.test(said())) return said();
      throw new Error(`${pattern} did not come:\n${said()}`);
    },
    type: (text) => void stdin?.write(text),
    read: async (path) => (await run("debugfs", ["-R", `cat ${path}`, disk])).stdout,
    async stop() {
      endSession(qemu.pid);
      await qemu.ended;
    },
  };
}
