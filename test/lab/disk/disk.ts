/**
 * A disk that drops what was not flushed: nbdkit with plugin.py, one process a machine, which outlives the machine's
 * power.
 */
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, renameSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { die } from "../../../provider/errors.ts";
import { run } from "../../../provider/local/run.ts";
import { identify, labCache, startProcess } from "../processes.ts";
import { withLock } from "../vps/key.ts";

/**
 * What a cut leaves of the writes that were not flushed: none; each sector of 4096 bytes, or each write, with
 * probability 1/2, by the seed.
 */
export interface CutChoice {
  mode: "drop" | "sectors" | "writes";
  seed: number;
}

/**
 * When the disk loses its power by itself: at the n-th flush from now, before or after it is done; or at the n-th write
 * of a GRUB environment with Pine's state, before any flush or after the next one.
 */
export type Trigger =
  | { on: "flush"; n: number; at: "before" | "after" }
  | { on: "state"; n: number; at: "write" | "flush" };

export interface DiskStat {
  /** Since the process started. */
  flushes: number;
  writes: number;
  /** Bytes not flushed. */
  waiting: number;
  /** Writes of Pine's state, by pine or by GRUB, and how many of them are flushed. */
  states: number;
  flushedStates: number;
  frozen: boolean;
}

/** Sectors or writes that were not flushed: how many a cut took, and how many reached the medium. */
export interface Lost {
  lost?: number;
  kept?: number;
}

export interface DiskOptions {
  /** Raw; see {@link rawBase}. */
  base: string;
  /** Folder of the machine: the sockets lie there, which QEMU finds from its working folder. */
  dir: string;
  /** Default "vps": as the machine. */
  name?: string;
  /** Folder of what is flushed; made when it is not there. */
  top: string;
  /** Saved folders that lie between base and top; none is written to. */
  layers?: string[];
}

export interface FaultyDisk {
  /** For QEMU's `-drive file=`, from the folder of the machine. */
  readonly uri: string;
  /** From now on nothing is read, written or flushed: the power is gone. */
  freeze(): Promise<DiskStat>;
  /** Resolves when it is frozen. */
  frozen(): Promise<DiskStat>;
  /** Once QEMU is gone: decides on what was not flushed, and works again. */
  settle(choice: CutChoice): Promise<Lost>;
  /** Freezes by itself later; undefined: not any more. */
  trigger(trigger: Trigger | undefined): Promise<void>;
  /** Writes end with EIO as long as it is on. */
  fail(on: boolean): Promise<void>;
  stat(): Promise<DiskStat>;
  /** `top` can be a layer of other disks once this process has ended. What is not flushed is not in it. */
  save(): Promise<void>;
  /** The disk's flushed content as a raw file. */
  export(path: string): Promise<void>;
  close(): Promise<void>;
}

/** The same disk as a sparse raw file beside it, made once. */
export async function rawBase(disk: string): Promise<string> {
  const raw = join(dirname(disk), "base.raw");
  if (existsSync(raw)) return raw;
  return withLock(join(labCache(), "vps"), async () => {
    if (existsSync(raw)) return raw;
    await run("qemu-img", ["convert", "-O", "raw", disk, `${raw}.new`]);
    await run("chmod", ["0444", `${raw}.new`]);
    renameSync(`${raw}.new`, raw);
    return raw;
  });
}

export async function startDisk(o: DiskOptions): Promise<FaultyDisk> {
  const name = o.name ?? "vps";
  mkdirSync(o.top, { recursive: true });
  const size = (await run("stat", ["-c", "%s", o.base])).stdout.trim();
  const parameters = { base: o.base, size, top: o.top, layers: (o.layers ?? []).join(":"), control: `${name}.control` };
  const pairs = Object.entries(parameters).flatMap(([key, value]) => (value === "" ? [] : [`${key}=${value}`]));
  const logFile = join(o.dir, `${name}.disk.log`);
  const log = openSync(logFile, "a");
  await run("rm", ["-f", join(o.dir, `${name}.nbd`), join(o.dir, `${name}.control`)]);
  const env = { ...process.env, PYTHONPATH: import.meta.dirname, PYTHONDONTWRITEBYTECODE: "1" };
  const args = ["-f", "-U", `${name}.nbd`, "python", join(import.meta.dirname, "plugin.py"), ...pairs];
  const nbdkit = startProcess(`disk ${name}`, "nbdkit", args, { cwd: o.dir, env, stdio: ["ignore", log, log] });
  closeSync(log);
  const there = () => existsSync(join(o.dir, `${name}.nbd`)) && existsSync(join(o.dir, `${name}.control`));
  for (; !there(); await sleep(20))
    if (!identify(nbdkit.pid)) die(`the disk ${name} ended at once: ${readFileSync(logFile, "utf8").trim()}`);
  // short whatever the folder is called: a Unix socket's path has 108 bytes at most
  const path = `/proc/${nbdkit.pid}/cwd/${name}.control`;
  const ask = async <T = DiskStat>(request: object): Promise<T> => {
    const said = await askOn(path, request);
    return typeof said.error === "string" ? die(`the disk ${name}: ${said.error}`) : (said as T);
  };
  return {
    uri: `nbd:unix:${name}.nbd`,
    freeze: () => ask({ do: "freeze" }),
    frozen: () => ask({ do: "wait" }),
    settle: (choice) => ask({ do: "settle", ...choice }),
    trigger: async (trigger) => void (await ask({ do: "trigger", trigger })),
    fail: async (on) => void (await ask({ do: "fail", on })),
    stat: () => ask({ do: "stat" }),
    save: async () => void (await ask({ do: "save" })),
    async export(to) {
      await run("cp", ["--sparse=always", "--no-preserve=mode", o.base, to]);
      await ask({ do: "export", path: to });
    },
    async close() {
      nbdkit.child.kill("SIGKILL");
      await nbdkit.ended;
    },
  };
}

/** A request on a connection of its own: one that waits holds up no other. */
function askOn(path: string, request: object): Promise<Record<string, unknown>> {
  return new Promise((done, fail) => {
    const socket: Socket = connect(path, () => socket.write(`${JSON.stringify(request)}\n`));
    socket.on("error", fail);
    socket.on("close", () => fail(new Error("the disk ended")));
    createInterface(socket)
      .on("line", (line) => {
        done(JSON.parse(line));
        socket.destroy();
      })
      .on("error", () => {}); // the socket's own
  });
}
