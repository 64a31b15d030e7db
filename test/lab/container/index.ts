/**
 * A plain container for tests: a tree with its own init, no LXC. Its root is nobody on this machine: it cannot change a
 * thing of it.
 */
import { readdirSync, readFileSync, realpathSync, rmdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type RunResult, run } from "../../../provider/local/run.ts";
import { childrenOf, identify, isAlive, startProcess } from "../processes.ts";

export interface ContainerOptions {
  /**
   * Folder of the tree. It has dev, proc, sys and run; what the container writes stays in it. Its owners are as in an
   * image.
   */
  root: string;
  /** /usr cannot be written, as on a booted OSTree deployment. */
  readOnlyUsr?: boolean;
  /** Program that becomes pid 1, default /sbin/init. */
  init?: string[];
  /** What must be reached before it counts as started: OpenRC's default runlevel, or nothing. */
  until?: "default" | "started";
  /** Milliseconds until then, default 60 s. */
  timeout?: number;
  /** Lines of the console as they come. */
  log?: (line: string) => void;
}

export interface Container {
  /** Pid of its init on this machine. */
  pid: number;
  /** What init and the services said so far. */
  readonly console: string;
  /** Runs a program in it as its root; any exit code is an answer. `timeout` in milliseconds, default 30 s. */
  exec(argv: string[], o?: { input?: string | Uint8Array; timeout?: number }): Promise<RunResult>;
  /**
   * Tells init to power off, and ends what has not ended within `grace` milliseconds (default 10 s). Nothing of it
   * stays.
   */
  stop(o?: { grace?: number }): Promise<void>;
  /** Resolves when it is gone, by itself or stopped. */
  ended: Promise<void>;
}

/** First of the 65536 ids that its users have on this machine: nobody's, and the same for all containers. */
const FIRST_ID = 1_879_048_192;
/** Enters the container's control group, if there is one to enter, and then its namespaces. */
const JOIN_GROUP = '{ echo 0 >"$0"; } 2>/dev/null; exec nsenter "$@"';
/** Control groups of containers: this, our pid and a number. */
const GROUP = "pine-container-";
let count = 0;
/** The script that becomes the container's init; its name stands in its command line until then. */
const SETUP = "plain.sh";
/**
 * Where the tree is mounted, in the container's own mount namespace: the path to the tree itself may be closed to its
 * root.
 */
const PLACE = "/mnt";
const PATH = "/usr/sbin:/usr/bin:/sbin:/bin";
const SIGNAL_POWER_OFF = "SIGUSR2"; // busybox init's
const NAMESPACES = ["user", "mount", "uts", "ipc", "net", "pid", "cgroup"].map((n) => `--${n}`);

/** Starts a container and waits for OpenRC's default runlevel; an error has the console. Needs root on this machine. */
export async function startContainer(o: ContainerOptions): Promise<Container> {
  if (process.getuid?.() !== 0) throw new Error("the lab's container needs root: run the test with sudo");
  const root = realpathSync(o.root);
  removeGroups(); // a killed run's
  const group = `${GROUP}${process.pid}-${++count}`;
  const running = startTree(o, root, group);
  const limit = Date.now() + (o.timeout ?? 60_000);
  const pid = await untilSetUp(running, limit);
  const init = identify(pid);
  const enter = ["--target", String(pid), ...NAMESPACES, "--"];
  const exec: Container["exec"] = (argv, { input, timeout } = {}) =>
    run("sh", ["-c", JOIN_GROUP, groupFile(group), ...enter, ...argv], {
      env: { PATH, HOME: "/root", TERM: "dumb" },
      ok: Array.from({ length: 256 }, (_, i) => i),
      timeout: timeout ?? 30_000,
      ...(input === undefined ? {} : { input }),
    });
  if (o.until !== "started") await untilDefault(running, pid, exec, limit);
  return {
    pid,
    get console() {
      return running.text;
    },
    exec,
    ended: running.ended,
    async stop({ grace = 10_000 } = {}) {
      if (!running.gone && init && isAlive(init)) process.kill(pid, SIGNAL_POWER_OFF);
      await Promise.race([running.ended, sleep(grace, undefined, { ref: false })]);
      if (!running.gone && init && isAlive(init)) kill(pid);
      await running.ended;
    },
  };
}

/** What unshare and the container said, and whether they are gone. */
interface Running {
  pid: number;
  text: string;
  gone: boolean;
  ended: Promise<void>;
}

/** Starts {@link SETUP}, which becomes the container's init. */
function startTree(o: ContainerOptions, root: string, group: string): Running {
  const here = import.meta.dirname;
  // biome-ignore format: what belongs together is in one line
  const args = [
    join(here, "plain.py"), String(FIRST_ID), group, root, PLACE,
    "unshare", "--mount", "--propagation", "private", "--pid", "--net", "--ipc", "--uts", "--cgroup",
    // its text: the namespace's root may not read a file of this machine's (a home of mode 0700 on the way is enough)
    "--fork", "--kill-child", "--", "sh", "-c", readFileSync(join(here, SETUP), "utf8"), SETUP,
    PLACE, o.readOnlyUsr ? "ro" : "rw",
    ...(o.init ?? ["/sbin/init"]),
  ];
  const started = startProcess(`container ${root}`, "python3", args, {
    cwd: "/",
    env: { PATH, container: "lxc", TERM: "linux", HOME: "/" }, // OpenRC knows LXC by pid 1's environment
    stdio: ["ignore", "pipe", "pipe"],
  });
  const running: Running = {
    pid: started.pid,
    text: "",
    gone: false,
    ended: started.ended.then(() => {
      running.gone = true;
      removeGroups();
    }),
  };
  let rest = "";
  for (const stream of [started.child.stdout!, started.child.stderr!]) {
    stream.setEncoding("utf8");
    stream.on("data", (chunk: string) => {
      running.text += chunk;
      const lines = (rest + chunk).split("\n");
      rest = lines.pop()!;
      for (const line of lines) o.log?.(line);
    });
  }
  return running;
}

/** The pid of the container's init, once it is that. */
async function untilSetUp(running: Running, limit: number): Promise<number> {
  for (;;) {
    if (running.gone) throw await failed(running, "could not be set up");
    if (Date.now() > limit) throw await failed(running, "was not set up in time");
    const pid = initOf(running.pid);
    if (pid !== undefined) return pid;
    await sleep(50);
  }
}

async function untilDefault(running: Running, pid: number, exec: Container["exec"], limit: number): Promise<void> {
  for (;;) {
    if (running.gone) throw await failed(running, "ended while it started");
    const { stdout } = await exec(["sh", "-c", "[ -e /run/openrc/rc.starting ] || rc-status -r"]).catch(() => ({
      stdout: "",
    }));
    if (stdout.trim() === "default") return;
    if (Date.now() > limit) throw await failed(running, "did not reach its default runlevel in time", pid);
    await sleep(200);
  }
}

/** Ends what runs; the error has the console. */
async function failed(running: Running, why: string, ...pids: number[]): Promise<Error> {
  for (const pid of [...pids, running.pid]) kill(pid);
  await running.ended;
  return new Error(`the container ${why}; its console:\n${running.text.slice(-8000)}`);
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // ended meanwhile
  }
}

/** The container's init: the child of unshare whose root is the tree, so once plain.sh has become init. */
function initOf(parent: number): number | undefined {
  for (const pid of childrenOf(parent)) {
    try {
      // one that was killed and not yet waited for (plain.py's) has an empty command line
      const argv = readFileSync(`/proc/${pid}/cmdline`, "utf8");
      if (argv && !argv.includes(SETUP)) return pid;
    } catch {
      // ended meanwhile
    }
  }
  return undefined;
}

/** Where the pids of a control group are written. */
function groupFile(name: string): string {
  const mount = readFileSync("/proc/self/mounts", "utf8")
    .split("\n")
    .find((line) => line.split(" ")[2] === "cgroup2");
  return mount ? join(mount.split(" ")[1]!, name, "cgroup.procs") : "/dev/null";
}

/** Removes the control groups of containers that are gone: the kernel keeps those that still have processes. */
function removeGroups(): void {
  for (const line of readFileSync("/proc/self/mounts", "utf8").split("\n")) {
    const [, where, type] = line.split(" ");
    if (type !== "cgroup2") continue;
    for (const name of readdirSync(where!)) if (name.startsWith(GROUP)) removeGroup(join(where!, name));
  }
}

function removeGroup(path: string): void {
  try {
    for (const e of readdirSync(path, { withFileTypes: true })) if (e.isDirectory()) removeGroup(join(path, e.name));
    rmdirSync(path);
  } catch {
    // still in use, or removed meanwhile
  }
}
