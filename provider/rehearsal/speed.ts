/**
 * How fast this machine runs a guest now. Limits in seconds failed good systems on emulated and busy machines
 * (tailscale/tailscale#19384, systemd/systemd#8883), so a loop of known length is timed first.
 */
import { constants } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { accessible } from "../local/files.ts";
import { QEMU } from "../local/qemu.ts";
import { type RunError, run } from "../local/run.ts";
import type { Task } from "../task.ts";
import { type Accelerator, bareArguments } from "./qemu.ts";

interface Loop {
  /** Rounds of the loop. */
  rounds: number;
  /** Milliseconds that they take on a machine as fast as the reference. */
  reference: number;
  /** Milliseconds to wait for it. */
  limit: number;
}

/**
 * tcg: measured with QEMU 7.2 on two idle cores of a cloud VM, where a whole rehearsal takes a minute. kvm: a round a
 * cycle at 2 GHz; computed, since the only KVM at hand hangs. That is what its short limit is for: a nested KVM may be
 * there and never let the guest end.
 */
const LOOPS: Record<Accelerator, Loop> = {
  kvm: { rounds: 1_000_000_000, reference: 500, limit: 20_000 },
  tcg: { rounds: 200_000_000, reference: 950, limit: 180_000 },
};

/** QEMU's exit code when `E` is written to its debug port: (E << 1) | 1. */
const DONE = (0x45 << 1) | 1;

/** A boot sector that says S on the first serial port, counts down, says E, and ends QEMU. */
export function bootSector(rounds: number): Buffer {
  const say = (letter: string) => [0xb0, letter.charCodeAt(0), 0xee, 0xb0, 0x0a, 0xee]; // mov al, …; out dx, al
  const code = Buffer.from([
    0xfa, // cli
    ...[0xba, 0xf8, 0x03], // mov dx, 0x3f8
    ...say("S"),
    ...[0x66, 0xb9, 0, 0, 0, 0], // mov ecx, rounds
    ...[0x66, 0x49, 0x75, 0xfc], // dec ecx; jnz to it
    ...say("E"),
    ...[0xba, 0xf4, 0x00, 0xb0, 0x45, 0xee], // mov dx, 0xf4; mov al, E; out dx, al
    ...[0xf4, 0xeb, 0xfd], // hlt, for ever
  ]);
  code.writeUInt32LE(rounds, code.indexOf(Buffer.from([0x66, 0xb9])) + 2);
  const sector = Buffer.alloc(512);
  code.copy(sector);
  sector.writeUInt16LE(0xaa55, 510);
  return sector;
}

/** How many times slower than the reference a loop of so many milliseconds is: at least 1. Pure. */
export const slowness = (accelerator: Accelerator, ms: number): number =>
  Math.max(1, ms / LOOPS[accelerator].reference);

/** The same beside a server, for which a round takes a cycle of 2 GHz: emulated, 9.5 on the reference. Pure. */
export const besideServer = (accelerator: Accelerator, ms: number): number =>
  Math.max(1, ms / (LOOPS[accelerator].rounds / 2e6));

/** Milliseconds of the loop; undefined: it did not end in time, or QEMU could not run it. */
async function timeLoop(accelerator: Accelerator, dir: string, task: Task): Promise<number | undefined> {
  const { rounds, limit } = LOOPS[accelerator];
  await writeFile(join(dir, "loop"), bootSector(rounds));
  const at = new Map<string, number>();
  const machine = [
    ...bareArguments(accelerator, 16),
    ...["-device", "isa-debug-exit,iobase=0xf4", "-serial", "stdio"],
    ...["-drive", "file=loop,format=raw,if=ide"],
  ];
  const ended = await runQemu(machine, {
    cwd: dir,
    signal: task.signal,
    timeout: limit,
    ok: [DONE],
    onLine: (line) => at.set(line.trim().slice(-1), performance.now()),
  }).catch((e: RunError) => {
    task.signal.throwIfAborted();
    return e;
  });
  const [from, to] = [at.get("S"), at.get("E")];
  return ended instanceof Error || from === undefined || to === undefined ? undefined : to - from;
}

/** QEMU, which dies with this process, whatever ends that. */
export const runQemu = (args: string[], o: Parameters<typeof run>[2]) =>
  run("setpriv", ["--pdeathsig", "KILL", "--", QEMU, ...args], o);

export interface Speed {
  accelerator: Accelerator;
  /** How many times slower than the reference: at least 1. */
  slow: number;
  /** How many times slower than a server: at least 1. The limits of health checks were made for that. */
  beside: number;
}

/** Measures with one accelerator; undefined: it does not work here. */
export async function measure(accelerator: Accelerator, dir: string, task: Task): Promise<Speed | undefined> {
  const ms = await timeLoop(accelerator, dir, task);
  return ms === undefined
    ? undefined
    : { accelerator, slow: slowness(accelerator, ms), beside: besideServer(accelerator, ms) };
}

/** KVM where it works, else emulation; undefined: not even a boot sector runs to its end. */
export async function measureBest(dir: string, task: Task): Promise<Speed | undefined> {
  task.step("rehearsal: measuring how fast this machine is");
  const there = await accessible("/dev/kvm", constants.R_OK | constants.W_OK);
  const kvm = there ? await measure("kvm", dir, task) : undefined;
  return kvm ?? (await measure("tcg", dir, task));
}
