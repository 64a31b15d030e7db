/** What a cancelled run must not leave: processes, mounts, temporary files, locks; here and on the server. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { identify, isAlive } from "../lab/processes.ts";
import type { Running } from "./hijack-cli.ts";
import type { Lab } from "./hijack-lab.ts";
import { descendants } from "./hijack-secrets.ts";

type Identity = NonNullable<ReturnType<typeof identify>>;

/** Notes every process that a run starts, until it has ended: also those that are orphans by then. */
export function follow(running: Running): { seen: Map<number, Identity & { command: string }> } {
  const seen = new Map<number, Identity & { command: string }>();
  let over = false;
  void running.ended.then(() => {
    over = true;
  });
  void (async () => {
    while (!over) {
      for (const pid of [running.pid, ...seen.keys()].flatMap(descendants)) {
        const who = identify(pid);
        if (who && seen.get(pid)?.start !== who.start) seen.set(pid, { ...who, command: commandOf(pid) });
      }
      await sleep(40);
    }
  })();
  return { seen };
}

function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ").slice(0, 100);
  } catch {
    return "?";
  }
}

/** What is left on this machine, a line each. */
export function leftHere(lab: Lab, seen: Iterable<Identity & { command: string }>): string[] {
  const { work, project } = lab;
  const found: string[] = [];
  for (const who of seen) if (isAlive(who)) found.push(`process ${who.pid}: ${who.command}`);
  // whatever has the run's folder for temporary files in its environment, or works on the stack's folders
  for (const pid of readdirSync("/proc").filter((n) => /^\d+$/.test(n) && Number(n) !== lab.vps.pid)) {
    const text = ["environ", "cmdline"].map((what) => {
      try {
        return readFileSync(`/proc/${pid}/${what}`, "latin1");
      } catch {
        return ""; // ended
      }
    });
    const ours =
      text[0]!.includes(`TMPDIR=${project.temp}`) || /\/(store|cache|tmp)\b/.test(text[1]!.split(work)[1] ?? "");
    if (ours && identify(Number(pid))) found.push(`process ${pid}: ${commandOf(Number(pid))}`);
  }
  for (const line of readFileSync("/proc/self/mountinfo", "utf8").split("\n"))
    if (line.includes(work)) found.push(`mount ${line}`);
  for (const folder of [project.temp, join(work, "store", "tmp"), join(work, "cache", "tmp")])
    for (const name of existsSync(folder) ? readdirSync(folder) : []) found.push(`file ${join(folder, name)}`);
  for (const folder of ["store", "cache", ".backend"])
    for (const path of existsSync(join(work, folder))
      ? readdirSync(join(work, folder), { recursive: true, withFileTypes: true })
      : []) {
      const lock = /(^|\.)lock$/.test(path.name) || /\/locks(\/|$)/.test(path.parentPath);
      // OSTree keeps repo/.lock for good and locks it with flock: its being there says nothing
      if (lock && path.isFile() && !(path.name === ".lock" && path.parentPath.endsWith("/repo")))
        found.push(`lock ${join(path.parentPath, path.name)}`);
    }
  return found;
}

/** What is left on the server, a line each: of a transfer that was broken off. */
export async function leftThere(lab: Lab): Promise<string[]> {
  const script = `ps -eo comm=,args= | grep -E '^(tar|gzip|zstd|cat|flock|timeout) ' | grep -v 'ps -eo'
    ls -d /.pine-new 2>/dev/null; [ ! -e /run/pine.lock ] || flock -n /run/pine.lock true || echo 'the lock is held'`;
  return (await lab.vps.ssh(script)).stdout.split("\n").filter(Boolean);
}

/** Bytes as messages have them ("56 MB"). */
export function bytesOf(text: string): number {
  const [, n = "0", unit = "B"] = /^([\d.]+) (B|kB|MB|GB)$/.exec(text) ?? [];
  return Number(n) * { B: 1, kB: 1e3, MB: 1e6, GB: 1e9 }[unit as "B"];
}

/** Waits until a share of the transfer is sent. */
export async function sentShare(running: Running, share: number): Promise<void> {
  await running.saw(/^sent (\S+ \S+) of (\S+ \S+?)[,\s]/, (m) => bytesOf(m[1]!) >= share * bytesOf(m[2]!));
}
