/**
 * Long-lived processes of the lab that never outlive the test run: ended at exit, with the parent, or at the next
 * start.
 */
import { type StdioOptions, spawn } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { homedir } from "node:os";
import { join } from "node:path";

/** Folder of everything the lab keeps between runs. */
export const labCache = () => join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "pine", "lab");

/** A process is its pid and its start time (clock ticks since boot): pids come again. */
interface Identity {
  pid: number;
  start: string;
}

/** Fields of /proc/PID/stat after the name, which may hold spaces and brackets. */
function statOf(pid: number): string[] | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "utf8");
    return text.slice(text.lastIndexOf(")") + 2).split(" ");
  } catch {
    return undefined;
  }
}

/** The identity of a living process, `undefined` when there is none or it is a zombie. */
export function identify(pid: number): Identity | undefined {
  const fields = statOf(pid);
  return fields && fields[0] !== "Z" ? { pid, start: fields[19]! } : undefined;
}

export const isAlive = (who: Identity) => identify(who.pid)?.start === who.start;

/** Processes of ours by pid, and whether they are asked to end. */
const live = new Map<number, boolean>();
let armed = false;

function endAll(): void {
  for (const [pid, gentle] of live) end(pid, gentle);
}

function end(pid: number, gentle: boolean): void {
  if (!gentle) {
    endSession(pid);
    return;
  }
  try {
    process.kill(-pid, "SIGTERM"); // its whole group, as Ctrl-C would
  } catch {
    // ended meanwhile
  }
}

/** Kills a process and everything in the session it leads: also children that made a process group of their own. */
export function endSession(leader: number): void {
  for (const name of readdirSync("/proc")) {
    const pid = Number(name);
    if (!(pid > 1) || (pid !== leader && sessionOf(pid) !== leader)) continue;
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      // ended meanwhile
    }
  }
}

/** Pids of a process's children that are no zombies. */
export function childrenOf(parent: number): number[] {
  return readdirSync("/proc").flatMap((name) => {
    const fields = /^\d+$/.test(name) ? statOf(Number(name)) : undefined;
    return fields && fields[0] !== "Z" && Number(fields[1]) === parent ? [Number(name)] : [];
  });
}

function sessionOf(pid: number): number | undefined {
  return Number(statOf(pid)?.[3]);
}

function arm(): void {
  if (armed) return;
  armed = true;
  process.on("exit", endAll);
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
    process.once(signal, () => {
      endAll();
      process.kill(process.pid, signal); // ours was the only listener, so this one ends us
    });
}

/** What is written down of a running process, for the next start. */
interface RunRecord {
  child: Identity;
  owner: Identity;
  what: string;
  gentle: boolean;
}

const records = () => join(labCache(), "run");

/** Ends what a killed test run left behind: processes whose record names an owner that is gone. */
export function endLeftovers(log: (message: string) => void = () => {}): void {
  mkdirSync(records(), { recursive: true });
  for (const name of readdirSync(records())) {
    const file = join(records(), name);
    try {
      const { child, owner, what, gentle } = JSON.parse(readFileSync(file, "utf8")) as RunRecord;
      if (isAlive(owner)) continue;
      if (isAlive(child)) {
        log(`ending ${what} (pid ${child.pid}), left behind by a killed run`);
        end(child.pid, gentle);
      }
    } catch {
      // unreadable, or gone meanwhile: nothing to end
    }
    rmSync(file, { force: true });
  }
}

/**
 * Starts a process that ends with us, whatever ends us: the kernel kills it with its parent (setpriv), exit and signal
 * handlers do before, and a record lets the next run end it. It leads a session of its own, which ends with it.
 * `gentle`: its group is asked to end (SIGTERM), because it has to clean up; not by the kernel, which asks one process
 * only.
 */
export function startProcess(
  what: string,
  file: string,
  args: string[],
  o: { cwd: string; env?: NodeJS.ProcessEnv; stdio: StdioOptions; gentle?: boolean },
) {
  arm();
  const gentle = o.gentle === true;
  const [program, command] = gentle ? [file, args] : ["setpriv", ["--pdeathsig", "KILL", "--", file, ...args]];
  const child = spawn(program, command, { cwd: o.cwd, env: o.env, stdio: o.stdio, detached: true });
  const pid = child.pid;
  child.on("error", () => {}); // without a pid it is told here, later by `ended`
  if (pid === undefined) throw new Error(`${program} did not start; is it installed? npm run setup`);
  live.set(pid, gentle);
  mkdirSync(records(), { recursive: true });
  const record = join(records(), `${pid}.json`);
  writeFileSync(record, JSON.stringify({ child: identify(pid), owner: identify(process.pid), what, gentle }));
  const ended = new Promise<{ exitCode: number | null; signal: NodeJS.Signals | null }>((done) => {
    child.on("error", () => done({ exitCode: -1, signal: null }));
    child.on("exit", (exitCode, signal) => done({ exitCode, signal }));
  }).finally(() => {
    endSession(pid);
    live.delete(pid);
    rmSync(record, { force: true });
  });
  return { child, pid, ended };
}

/**
 * A TCP port of 127.0.0.1 that is free at this moment: one that the kernel gives to nobody by itself, neither to who
 * connects nor to who listens on any (ip_local_port_range begins at 32768).
 */
export function freePort(): Promise<number> {
  return new Promise((done, fail) => {
    const port = 16_384 + Math.floor(Math.random() * 16_384);
    const server = createServer();
    server.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "EADDRINUSE") freePort().then(done, fail);
      else fail(error);
    });
    server.listen(port, "127.0.0.1", () => server.close(() => done(port)));
  });
}
