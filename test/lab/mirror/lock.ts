/**
 * One builder at a time: a lock file with its owner's process id, taken over when that process is gone or it is far too
 * old.
 */
import { readFile, rm, stat, writeFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";

/** Milliseconds; a build takes one minute, with slow downloads ten. */
const TOO_OLD = 30 * 60_000;

/**
 * Runs `work` while holding the lock. What it does must end in an atomic rename: a lock that was taken over is no
 * longer exclusive.
 */
export async function withLock<T>(file: string, work: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      await writeFile(file, String(process.pid), { flag: "wx" });
      break;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
      const owner = Number(await readFile(file, "utf8").catch(() => "0"));
      const age = Date.now() - ((await stat(file).catch(() => undefined))?.mtimeMs ?? Date.now());
      if ((owner > 0 && !alive(owner)) || age > TOO_OLD) await rm(file, { force: true });
      await sleep(200);
    }
  }
  try {
    return await work();
  } finally {
    await rm(file, { force: true });
  }
}

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
