/** Who is logged in by a real sshd, as the kernel's processes tell: libexec/pine/sessions, by both shells. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, it } from "vitest";
import { asset } from "../../../provider/assets.ts";
import { type Sshd, startSshd } from "../../lab/sshd/index.ts";

const SHELLS: [string, ...string[]][] = [["dash"], ["busybox", "sh"]];
const dir = mkdtempSync(join(tmpdir(), "pine-sessions-"));
let sshd: Sshd;
beforeAll(async () => {
  // as Alpine's sshd_config has it
  sshd = await startSshd(dir, { config: "Subsystem sftp internal-sftp" });
});
afterAll(async () => {
  await sshd?.end();
  rmSync(dir, { recursive: true });
});

/** The sshd and all that it started, in a folder like /proc: this machine has other people. */
function itsProcesses(): string {
  const parents = new Map<string, string>();
  for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name)))
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
      parents.set(pid, stat.slice(stat.lastIndexOf(")")).split(" ")[2]!);
    } catch {} // gone meanwhile
  const first = readFileSync(join(dir, "sshd/pid"), "utf8").trim();
  const of = (pid?: string): boolean => pid !== undefined && (pid === first || of(parents.get(pid)));
  const proc = mkdtempSync(join(dir, "proc-"));
  for (const pid of parents.keys()) if (of(pid)) symlinkSync(`/proc/${pid}`, join(proc, pid));
  return proc;
}

/** What both shells say. */
function seen(): string[] {
  const env = { PATH: process.env.PATH, PINE_PROC: itsProcesses() };
  const script = `set -eu; . ${asset("system/rootfs/usr/libexec/pine/sessions")}; sessions`;
  return SHELLS.map(([file, ...args]) => execFileSync(file, [...args, "-c", script], { encoding: "utf8", env }).trim());
}

function connect(args: string[]): { child: ChildProcess; entered: Promise<void> } {
  const { port, user } = sshd.connection;
  const home = join(dir, "home");
  mkdirSync(home, { recursive: true });
  const options = ["StrictHostKeyChecking=no", `UserKnownHostsFile=${home}/known`, "IdentitiesOnly=yes"];
  const all = ["-v", "-F", "none", "-i", join(dir, "sshd/login"), "-p", `${port}`, "-l", user!];
  const child = spawn("ssh", [...all, ...options.flatMap((o) => ["-o", o]), ...args], {
    stdio: ["pipe", "ignore", "pipe"],
  });
  const entered = new Promise<void>((done, failed) => {
    let said = "";
    child.stderr!.on("data", (text) => {
      said += text;
      if (said.includes("Entering interactive session")) done();
    });
    child.on("exit", () => failed(new Error(said)));
  });
  return { child, entered };
}

it.each<[string, string[], string]>([
  ["who only holds a connection", ["-N", "127.0.0.1"], ""],
  ["a login", ["-tt", "127.0.0.1", "sleep 100"], "1 terminal is in use"],
  ["a command without a terminal", ["127.0.0.1", "sleep 100"], "1 connection does something"],
  // no program is started for it, and its process has sshd's name (scp takes this way, too)
  ["files that go by sshd's own SFTP", ["-s", "127.0.0.1", "sftp"], "1 connection does something"],
])("%s (39: zincati#115, FCOS#1780)", async (_, args, said) => {
  expect(seen()).toEqual(["", ""]);
  const { child, entered } = connect(args);
  try {
    await entered;
    for (let n = 0; n < 50 && seen()[0] !== said; n++) await sleep(100);
    expect(seen()).toEqual([said, said]);
  } finally {
    child.removeAllListeners("exit");
    const gone = new Promise((done) => child.on("exit", done));
    child.kill();
    await gone;
  }
  for (let n = 0; n < 50 && seen()[0] !== ""; n++) await sleep(100);
});
