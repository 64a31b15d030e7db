/** The lab's SSH key, and the lock under which things are made once a machine. */
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { run } from "../../../provider/local/run.ts";
import { identify, isAlive, labCache } from "../processes.ts";

export interface Key {
  /** Path of the private key. */
  path: string;
  /** The private key, OpenSSH format. */
  text: string;
  /** The public line. */
  public: string;
}

/** The lab's own SSH key, one a machine. */
export async function labKey(): Promise<Key> {
  const folder = join(labCache(), "ssh");
  const path = join(folder, "id_ed25519");
  if (!existsSync(path)) await withLock(folder, async () => existsSync(path) || newKey(path, "ed25519", "pine-lab"));
  return { path, text: readFileSync(path, "utf8"), public: readFileSync(`${path}.pub`, "utf8").trim() };
}

/** Makes an SSH key pair without a passphrase: `path` and `path`.pub. */
export async function newKey(path: string, type: string, comment: string): Promise<void> {
  // under another name first: a key that is there is whole
  const made = `${path}.new`;
  rmSync(made, { force: true });
  await run("ssh-keygen", ["-q", "-t", type, "-N", "", "-C", comment, "-f", made], { timeout: 60_000 });
  renameSync(`${made}.pub`, `${path}.pub`);
  renameSync(made, path);
}

/** Runs `work` while no other process of this machine holds the lock of that folder. */
export async function withLock<T>(folder: string, work: () => Promise<T>): Promise<T> {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const file = join(folder, ".lock");
  for (;;) {
    try {
      writeFileSync(file, JSON.stringify(identify(process.pid)), { flag: "wx" });
      break;
    } catch {
      try {
        if (!isAlive(JSON.parse(readFileSync(file, "utf8")))) rmSync(file, { force: true });
      } catch {
        // just being written, or gone
      }
      await sleep(300);
    }
  }
  try {
    return await work();
  } finally {
    rmSync(file, { force: true });
  }
}
