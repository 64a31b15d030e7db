/** One QEMU without KVM: its arguments, start on a free port, end. */
import type { StdioOptions } from "node:child_process";
import { closeSync, copyFileSync, existsSync, openSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { die } from "../../../provider/errors.ts";
import { freePort, identify, startProcess } from "../processes.ts";

export type Firmware = "bios" | "uefi";

const scsi = (controller: string, more = "") => [
  "-device",
  `${controller},id=scsi`,
  "-device",
  `scsi-hd,drive=disk,bus=scsi.0${more}`,
];

/** What the disk hangs on: vda, nvme0n1, or sda to the guest. linux-virt has no driver for lsi and megasas. */
const BUSES = {
  "virtio-blk": ["-device", "virtio-blk-pci,drive=disk"],
  "virtio-scsi": scsi("virtio-scsi-pci"),
  // q35 has one of its own
  ahci: ["-device", "ide-hd,drive=disk,bus=ide.0"],
  nvme: ["-device", "nvme,drive=disk,serial=pine"],
  // on the machine "pc": piix3
  ide: ["-device", "ide-hd,drive=disk,bus=ide.0"],
  // VMware's
  pvscsi: scsi("pvscsi"),
  // Linux passes over a disk without a SAS address; any
  mptsas: scsi("mptsas1068", ",wwn=0x5000c50015ea71ac"),
  lsi: scsi("lsi53c895a"),
  megasas: scsi("megasas"),
};
export type Bus = keyof typeof BUSES;

export interface Machine {
  /** For messages and file names. */
  name: string;
  /** Folder of the overlay and the logs. */
  dir: string;
  disk: string;
  format: "raw" | "qcow2";
  /** MiB */
  memory: number;
  firmware: Firmware;
  /** Of the disk; default virtio-blk. */
  bus?: Bus;
  /** Of UEFI: only what Microsoft's keys vouch for boots, such as Debian's shim. */
  secureBoot?: boolean;
  serialLog: string;
  /** Boots this kernel instead of the disk's boot loader. */
  kernel?: { path: string; initrd: string; append: string };
  /** Further disks, qcow2: vdb, vdc, … */
  disks?: string[];
  /**
   * Network cards in all, the first with the forwarded port; default 1. The others have DHCP (10.0.2.15 each), and
   * reach nothing.
   */
  cards?: number;
  /** Its firmware keeps what a kernel says as it crashes: ACPI's Error Record Serialization Table, 64 KiB. */
  erst?: boolean;
  /** Port of this machine's 127.0.0.1 that the server reaches as {@link WEB}. */
  web?: number;
  extraArgs?: string[];
  /** Writes need not reach the disk: for building, where a broken disk is thrown away. */
  unsafe?: boolean;
}

export type Qemu = ReturnType<typeof startProcess> & { port: number };

/** The one address of this machine that a server reaches, where it is asked for: a web server here. */
export const WEB = "http://10.0.2.100";

// a process for each connection; it ends with it
const forwarded = ({ web }: Machine) => (web ? `,guestfwd=tcp:10.0.2.100:80-cmd:busybox nc 127.0.0.1 ${web}` : "");

const OVMF = "/usr/share/OVMF";

/**
 * MiB of translated code that QEMU keeps. Its default is 1 GiB, never full here: a second kernel in the same run meets
 * the first one's code in lists that are gone through for every page written (page_collection_lock). So seen in a
 * machine "hung" in its third boot; and a boot costs 37 s of CPU time instead of 55.
 */
const TCG = "tcg,tb-size=128";

function uefiArgs(m: Machine): string[] {
  if (!existsSync(`${OVMF}/OVMF_CODE_4M.fd`)) die("no UEFI firmware for QEMU", "apt-get install ovmf");
  // the variables that come with Microsoft's keys
  const kind = m.secureBoot ? ".ms" : "";
  const vars = join(m.dir, `${m.name}.vars${kind}.fd`);
  if (!existsSync(vars)) copyFileSync(`${OVMF}/OVMF_VARS_4M${kind}.fd`, vars);
  return [
    // what writes to the variables is the firmware alone
    ...(m.secureBoot ? ["-global", "driver=cfi.pflash01,property=secure,value=on"] : []),
    "-drive",
    `if=pflash,format=raw,readonly=on,file=${OVMF}/OVMF_CODE_4M${kind}.fd`,
    "-drive",
    `if=pflash,format=raw,file=${vars}`,
  ];
}

/**
 * Arguments of `qemu-system-x86_64`. No KVM (it may be there and hang), nothing of the host reachable but the forwarded
 * port and {@link WEB}, a watchdog like a hypervisor's, the serial line in a log and on a socket in the working folder.
 */
export function qemuArgs(m: Machine, port: number): string[] {
  const cache = m.unsafe ? "unsafe" : "writeback";
  // biome-ignore format: what belongs together is in one line
  return [
    "-name", m.name, "-machine", m.bus === "ide" ? "pc" : "q35", "-accel", TCG,
    "-cpu", "max", "-smp", "1", "-m", String(m.memory),
    "-nographic", "-nodefaults", "-vga", "none", "-monitor", "none",
    ...(m.firmware === "uefi" ? uefiArgs(m) : []),
    "-drive", `file=${m.disk},format=${m.format},if=none,id=disk,cache=${cache},discard=unmap`,
    ...BUSES[m.bus ?? "virtio-blk"],
    ...(m.disks ?? []).flatMap((file, n) => [
      "-drive", `file=${file},format=qcow2,if=none,id=disk${n + 2},cache=${cache},discard=unmap`,
      "-device", `virtio-blk-pci,drive=disk${n + 2}`,
    ]),
    "-netdev", `user,id=net,restrict=on,ipv6=off,hostfwd=tcp:127.0.0.1:${port}-10.0.2.15:22${forwarded(m)}`,
    "-device", "virtio-net-pci,netdev=net,mac=52:54:00:12:34:56",
    ...Array.from({ length: (m.cards ?? 1) - 1 }, (_, n) => n + 2).flatMap((n) => [
      "-netdev", `user,id=net${n},restrict=on,ipv6=off`,
      "-device", `virtio-net-pci,netdev=net${n},mac=52:54:00:12:35:${n.toString(16).padStart(2, "0")}`,
    ]),
    "-object", "rng-random,id=random,filename=/dev/urandom", "-device", "virtio-rng-pci,rng=random",
    "-device", "i6300esb", "-action", "watchdog=reset",
    // the socket's path is relative: a Unix socket's path has 108 bytes at most
    "-chardev", `socket,id=serial,path=${m.name}.serial,server=on,wait=off,logfile=${m.serialLog},logappend=on`,
    "-serial", "chardev:serial",
    ...(m.kernel ? ["-kernel", m.kernel.path, "-initrd", m.kernel.initrd, "-append", m.kernel.append] : []),
    ...(m.erst
      ? ["-object", `memory-backend-file,id=erst,size=64K,share=on,mem-path=${join(m.dir, m.name)}.erst`,
         "-device", "acpi-erst,memdev=erst"]
      : []),
    ...(m.extraArgs ?? []),
  ];
}

/** Starts the machine with SSH on `port`, or on a free one; another process may take it first: tried again. */
export async function startQemu(m: Machine, port?: number): Promise<Qemu> {
  const logFile = join(m.dir, `${m.name}.qemu.log`);
  for (let attempt = 1; ; attempt++) {
    const chosen = port ?? (await freePort());
    const before = existsSync(logFile) ? readFileSync(logFile, "utf8").length : 0;
    const log = openSync(logFile, "a");
    const o = { cwd: m.dir, stdio: ["ignore", log, log] as StdioOptions };
    const process = startProcess(`QEMU ${m.name}`, "qemu-system-x86_64", qemuArgs(m, chosen), o);
    closeSync(log);
    // QEMU refuses its arguments or the port within a moment
    const early = await Promise.race([process.ended, listening(process.pid, chosen)]);
    if (early === "listening") return { ...process, port: chosen };
    const why = readFileSync(logFile, "utf8").slice(before).trim();
    if (attempt < 6 && /host forwarding rule/i.test(why)) await sleep(200 * attempt);
    else die(`QEMU ${m.name} ended at once: ${why || JSON.stringify(early)}`);
  }
}

/** Resolves when process `pid` listens on the port: told by /proc, without a connection, which the guest would see. */
async function listening(pid: number, port: number): Promise<"listening"> {
  const local = `0100007F:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  for (; identify(pid); await sleep(50)) {
    const row = readFileSync("/proc/net/tcp", "utf8")
      .split("\n")
      .map((line) => line.trim().split(/\s+/))
      .find((f) => f[1] === local && f[3] === "0A");
    if (row && holds(pid, `socket:[${row[9]}]`)) return "listening";
  }
  return new Promise(() => {}); // it ended: its own promise tells
}

function holds(pid: number, target: string): boolean {
  try {
    return readdirSync(`/proc/${pid}/fd`).some((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`) === target);
  } catch {
    return false; // ended, or a descriptor closed meanwhile: looked at again
  }
}
