/**
 * A machine with Debian's GRUB and little else: it boots in seconds, without KVM. Kernels on it say their command line
 * and reset it.
 */
import { copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { run } from "../../../provider/local/run.ts";
import { endSession, startProcess } from "../processes.ts";

export const PLATFORMS = { bios: "i386-pc", uefi: "x86_64-efi" };
const OVMF = "/usr/share/OVMF/OVMF_CODE_4M.fd";
/** What Debian's core image has on a disk with ext4; everything else is loaded from the folder of modules. */
const CORE = ["ext2", "search", "search_fs_uuid", "normal", "echo"];

export interface GrubOptions {
  /** Folder that is made, for the disk. */
  dir: string;
  /** UUID of its file system (ext2), which is the whole disk. */
  uuid: string;
  /** Path -> content. */
  files: Record<string, string | Uint8Array>;
  /** Of GRUB's own: `$prefix`, where its modules are; default /boot/grub. grub.cfg is always in /boot/grub. */
  prefix?: string;
  /** Default: bios. */
  firmware?: keyof typeof PLATFORMS;
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

/** GRUB's core for a firmware, as QEMU starts it by itself. */
export async function makeCore(
  dir: string,
  firmware: keyof typeof PLATFORMS,
  o: { early: string; modules: string[]; prefix: string },
): Promise<Buffer> {
  const folder = `/usr/lib/grub/${PLATFORMS[firmware]}`;
  const [early, core] = [join(dir, "early.cfg"), join(dir, "core.img")];
  writeFileSync(early, o.early);
  const modules = [...(firmware === "bios" ? ["biosdisk"] : []), ...o.modules];
  const more = ["-d", folder, "-p", o.prefix, "-c", early, "-o", core];
  await run("grub-mkimage", ["-O", PLATFORMS[firmware], ...more, ...modules]);
  // lnxboot: it is loaded as if it were Linux, so that no boot sector is needed
  const before = firmware === "bios" ? [readFileSync(join(folder, "lnxboot.img"))] : [];
  return Buffer.concat([...before, readFileSync(core)]);
}

/** Makes the disk and starts the machine. */
export async function startGrub({
  dir,
  uuid,
  files,
  prefix = "/boot/grub",
  firmware = "bios",
}: GrubOptions): Promise<GrubMachine> {
  const tree = join(dir, "tree");
  const put = (path: string, content: string | Uint8Array) => {
    mkdirSync(dirname(join(tree, path)), { recursive: true });
    writeFileSync(join(tree, path), content);
  };
  for (const [path, content] of Object.entries(files)) put(path, content);
  const platform = PLATFORMS[firmware];
  mkdirSync(join(tree, prefix, platform), { recursive: true });
  for (const name of readdirSync(`/usr/lib/grub/${platform}`).filter((n) => /\.(mod|lst)$/.test(n)))
    copyFileSync(join("/usr/lib/grub", platform, name), join(tree, prefix, platform, name));
  const disk = join(dir, "disk");
  await run("mke2fs", ["-q", "-t", "ext2", "-b", "1024", "-U", uuid, "-d", tree, disk, "24M"]);
  const early = `set root=hd0\nset prefix=(hd0)${prefix}\nnormal (hd0)/boot/grub/grub.cfg\n`;
  writeFileSync(join(dir, "grub"), await makeCore(dir, firmware, { early, modules: CORE, prefix }));
  return boot(join(dir, "grub"), disk, firmware);
}

function boot(kernel: string, disk: string, firmware: keyof typeof PLATFORMS): GrubMachine {
  const machine = [
    "-machine",
    "pc",
    "-accel",
    "tcg",
    "-m",
    firmware === "uefi" ? "192" : "64",
    "-nodefaults",
    "-no-user-config",
    "-vga",
    "std",
    "-display",
    "none",
  ];
  const drive = ["-drive", `file=${disk},format=raw,if=ide`];
  const code = firmware === "uefi" ? ["-drive", `if=pflash,format=raw,readonly=on,file=${OVMF}`] : [];
  const args = [...machine, ...code, ...drive, "-serial", "stdio", "-kernel", kernel];
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
