/**
 * The lab's VPS: a stock-like Debian, or a disk of ours, in QEMU on this machine; a power cut is the end of that QEMU.
 */
import { closeSync, mkdirSync, openSync, readFileSync, readSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { die, messageOf } from "../../../provider/errors.ts";
import { run } from "../../../provider/local/run.ts";
import type { CutChoice, FaultyDisk, Lost } from "../disk/disk.ts";
import { endLeftovers } from "../processes.ts";
import type { BaseImage } from "./bases.ts";
import { type Key, labKey } from "./key.ts";
import { type Bus, type Firmware, type Machine, type Qemu, startQemu } from "./qemu.ts";
import { incomingArgs, qmpArgs, resume, saveMemory } from "./qmp.ts";
import { tail, typeOn } from "./serial.ts";
import { type Reached, sshTo, waitForSsh } from "./ssh.ts";

export interface VpsOptions {
  /** Debian from {@link ensureDebian}, or any raw or qcow2 disk; neither is ever written to. */
  base: BaseImage | { disk: string; hostKeys?: string[] };
  /** Existing folder for the overlay and the logs. */
  dir: string;
  /** File names and messages; default "vps". One per machine in a folder. */
  name?: string;
  /** MiB; default 512. */
  memory?: number;
  /** Default what the base is made for, else "bios". */
  firmware?: Firmware;
  /** What its disk hangs on; default virtio-blk. */
  bus?: Bus;
  /** Size of the disk in MiB, when it is to be larger than the base's. */
  diskMiB?: number;
  /**
   * Its disk instead of an overlay of the base: one that drops what was not flushed. Named as the machine, in the same
   * folder.
   */
  faulty?: FaultyDisk;
  /** Port of SSH on 127.0.0.1; default: a free one. */
  port?: number;
  /** Begins with this memory of {@link Vps.freezeTo} instead of a boot; the disk must be as it was then. */
  memoryFile?: string;
  /** For {@link Vps.freezeTo}, which a machine with a faulty disk always takes. */
  freezable?: boolean;
  /** Sizes in MiB of further, empty disks: vdb, vdc, … */
  disks?: number[];
  /** Network cards in all; default 1. The first is the one with SSH. */
  cards?: number;
  /** Its firmware keeps what a kernel says as it crashes. */
  erst?: boolean;
  /** Boots this kernel instead of the disk's boot loader. */
  kernel?: Machine["kernel"];
  /** Port of this machine's 127.0.0.1 that the server reaches as {@link WEB}. */
  web?: number;
  /** More arguments for QEMU. */
  extraArgs?: string[];
  /** Where the serial line is logged; default `<dir>/<name>.serial.log`. */
  serialLog?: string;
  /**
   * Wait for SSH, and start once more if the machine hangs in this first boot; default: true for a Debian, else false.
   */
  wait?: boolean;
  log?: (message: string) => void;
}

export interface Vps extends Reached {
  /** Of the running QEMU; 0 when it is off. */
  readonly pid: number;
  readonly serialLog: string;
  /** The overlay (qcow2). */
  readonly disk: string;
  /** The serial line since the first start. */
  console(): Promise<string>;
  /** Types on the serial line. */
  type(text: string): Promise<void>;
  /** Waits until a command runs over SSH; throws when it takes longer or QEMU ends. */
  waitSsh(timeoutMs: number): Promise<void>;
  /** Waits until the machine powers itself off; throws when it takes longer. */
  off(timeoutMs: number): Promise<void>;
  /** Power cut. The choice is for a faulty disk, which loses everything that was not flushed when there is none. */
  cut(choice?: CutChoice): Promise<Lost>;
  /** Ends with the memory in a file, for {@link VpsOptions.memoryFile}; for machines that are freezable. */
  freezeTo(file: string): Promise<void>;
  /** Power on, same disk, same port, changed from now on. Does not wait. */
  boot(change?: Partial<Pick<Machine, "memory" | "secureBoot">>): Promise<void>;
  /** Off for good. */
  stop(): Promise<void>;
}

/** Time without a word on the serial line after which a boot without KVM is taken for hung. */
const QUIET_MS = 150_000;

async function overlay(o: VpsOptions, disk: string): Promise<void> {
  const fd = openSync(o.base.disk, "r");
  const magic = Buffer.alloc(4);
  readSync(fd, magic, 0, 4, 0);
  closeSync(fd);
  const format = magic.toString("latin1") === "QFI\xfb" ? "qcow2" : "raw";
  const size = o.diskMiB ? [`${o.diskMiB}M`] : [];
  await run("qemu-img", ["create", "-q", "-f", "qcow2", "-F", format, "-b", o.base.disk, disk, ...size]);
}

/** Starts a machine on a new overlay of its base. */
export async function startVps(o: VpsOptions): Promise<Vps> {
  const log = o.log ?? (() => {});
  endLeftovers(log);
  mkdirSync(o.dir, { recursive: true });
  const key = await labKey();
  const machine = machineOf(o);
  await makeFiles(o, machine);
  const incoming = o.memoryFile ? incomingArgs(o.memoryFile) : [];
  const qemu = await startQemu({ ...machine, extraArgs: [...machine.extraArgs!, ...incoming] }, o.port);
  if (o.memoryFile) await resume(qemu.pid, machine.name);
  const started = Date.now();
  const vps = controls(o, machine, { qemu, port: qemu.port }, key);
  if (o.wait ?? "release" in o.base) {
    try {
      await firstBoot(vps, machine.name, log);
    } catch (error) {
      await vps.stop();
      throw error;
    }
    log(`${machine.name}: SSH after ${((Date.now() - started) / 1000).toFixed(1)} s`);
  }
  return vps;
}

function machineOf(o: VpsOptions): Machine {
  const name = o.name ?? "vps";
  return {
    name,
    dir: o.dir,
    disk: o.faulty?.uri ?? join(o.dir, `${name}.qcow2`),
    format: o.faulty ? "raw" : "qcow2",
    memory: o.memory ?? 512,
    firmware: o.firmware ?? ("firmware" in o.base ? o.base.firmware : "bios"),
    bus: o.bus,
    disks: (o.disks ?? []).map((_, n) => join(o.dir, `${name}.disk${n + 2}.qcow2`)),
    cards: o.cards,
    erst: o.erst,
    serialLog: o.serialLog ?? join(o.dir, `${name}.serial.log`),
    kernel: o.kernel,
    web: o.web,
    extraArgs: [...(o.extraArgs ?? []), ...(o.faulty || o.freezable || o.memoryFile ? qmpArgs(name) : [])],
  };
}

/** Its log, its overlay, and its further disks. */
async function makeFiles(o: VpsOptions, machine: Machine): Promise<void> {
  writeFileSync(machine.serialLog, "");
  if (!o.faulty) await overlay(o, machine.disk);
  for (const [n, file] of (machine.disks ?? []).entries())
    await run("qemu-img", ["create", "-q", "-f", "qcow2", file, `${o.disks![n]}M`]);
}

/** The QEMU of a machine: another one after each start, none while it is off; the port stays. */
interface Running {
  qemu?: Qemu;
  readonly port: number;
}

function controls(o: VpsOptions, machine: Machine, running: Running, key: Key): Vps {
  const { name } = machine;
  const { port } = running;
  const hostKeys = o.base.hostKeys ?? [];
  const ssh = sshTo(port, key.path, hostKeys, join(o.dir, `${name}.known_hosts`));
  const power = async () => {
    const { qemu } = running;
    running.qemu = undefined;
    qemu?.child.kill("SIGKILL");
    await qemu?.ended;
  };
  const dead = () =>
    !running.qemu?.child.pid || running.qemu.child.exitCode !== null || running.qemu.child.signalCode !== null
      ? "QEMU is not running"
      : undefined;
  const vps: Vps = {
    host: "127.0.0.1",
    port,
    user: "root",
    hostKeys,
    disk: machine.disk,
    serialLog: machine.serialLog,
    hostKey: hostKeys.find((k) => k.startsWith("ssh-ed25519 ")) ?? "",
    privateKey: key.text,
    privateKeyPath: key.path,
    get pid() {
      return running.qemu?.pid ?? 0;
    },
    ssh,
    console: async () => readFileSync(machine.serialLog, "utf8"),
    type: (text) => typeOn(`/proc/${vps.pid}/cwd/${name}.serial`, text),
    waitSsh: (timeoutMs) => waitForSsh({ name, port, ssh, dead, console: vps.console }, timeoutMs),
    async off(timeoutMs) {
      const over = await Promise.race([running.qemu?.ended, sleep(timeoutMs, "over" as const, { ref: false })]);
      if (over === "over")
        die(`${name}: still on after ${timeoutMs / 1000} s; serial line:\n${tail(await vps.console())}`);
      running.qemu = undefined;
    },
    async cut(choice = { mode: "drop", seed: 0 }) {
      await o.faulty?.freeze();
      await power();
      return (await o.faulty?.settle(choice)) ?? {};
    },
    async freezeTo(file) {
      await saveMemory(vps.pid, name, file);
      await power();
    },
    async boot(change) {
      if (running.qemu) await power();
      Object.assign(machine, change);
      running.qemu = await startQemu(machine, port);
    },
    stop: power,
  };
  return vps;
}

/** Waits for SSH; starts the machine once more if it hangs. */
async function firstBoot(vps: Vps, name: string, log: (message: string) => void): Promise<void> {
  if (await reached(vps)) return;
  log(`${name}: silent for ${QUIET_MS / 1000} s in its first boot (QEMU without KVM): starting it once more`);
  await vps.boot();
  await vps.waitSsh(2 * QUIET_MS);
}

/** Waits for SSH as long as the serial line goes on talking; false when it fell silent. */
async function reached(vps: Vps): Promise<boolean> {
  let seen = -1;
  for (;;) {
    const said = (await vps.console()).length;
    if (said === seen) return false;
    seen = said;
    try {
      await vps.waitSsh(QUIET_MS);
      return true;
    } catch (error) {
      if (!messageOf(error).includes("no SSH after")) throw error;
    }
  }
}
