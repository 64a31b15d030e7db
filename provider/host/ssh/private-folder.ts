/**
 * The private folder of a connection: nobody else can read it, and it is removed when the process that made it ends,
 * however that ends.
 */
import { spawn } from "node:child_process";
import { existsSync, renameSync, rmSync } from "node:fs";
import { lstat, mkdtemp, readdir, writeFile } from "node:fs/promises";
import type { Socket } from "node:net";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { hold, isAbandoned } from "../../local/holder.ts";
import { shellQuote } from "../../words.ts";

export interface PrivateFolder {
  path: string;
  /** A file only we can read. Answers its path. */
  write(name: string, text: string): Promise<string>;
  /** The same, for a secret that is removed after the login ({@link PrivateFolder.dropSecrets}). */
  writeSecret(name: string, text: string): Promise<string>;
  /** The same, for a file that is run. */
  writeProgram(name: string, text: string): Promise<string>;
  /** A program that prints `secret`, for SSH_ASKPASS. Answers its path. */
  askpass(name: string, secret: string): Promise<string>;
  /** Removes what {@link PrivateFolder.writeSecret} wrote. */
  dropSecrets(): void;
  /** Synchronous, so that it also works while the process exits. */
  remove(): void;
}

const PREFIX = "pine-ssh-";
const OWNER = "owner";
const open = new Set<string>();
process.on("exit", () => {
  for (const path of open) removeFolder(path);
});

/** Prefix of a folder that is being removed: whoever finds one removes it. */
const GONE = "pine-gone-";

/** Renames a folder first, then removes it. If we are killed half-way, its name alone shows that it is a leftover. */
function removeFolder(path: string): void {
  const gone = basename(path).startsWith(GONE) ? path : join(dirname(path), `${GONE}${basename(path)}`);
  try {
    renameSync(path, gone);
  } catch {
    // gone already
  }
  for (const left of [gone, path]) rmSync(left, { recursive: true, force: true });
}

/** The parent: in memory if possible ($XDG_RUNTIME_DIR), and short: a socket's path is limited to 108 bytes. */
async function base(): Promise<string> {
  for (const path of [process.env.XDG_RUNTIME_DIR, tmpdir()]) {
    if (!path || !/^\/[A-Za-z0-9_./-]{0,50}$/.test(path) || !existsSync(path)) continue;
    const writable = await mkdtemp(join(path, `${PREFIX}${process.pid}-`)).catch(() => undefined);
    if (!writable) continue;
    rmSync(writable, { recursive: true });
    return path;
  }
  return "/tmp";
}

/** Removes folders that outlived their makers because the watcher was ended too. */
async function sweep(parent: string): Promise<void> {
  for (const name of await readdir(parent).catch(() => [])) {
    if (!name.startsWith(PREFIX) && !name.startsWith(GONE)) continue;
    const path = join(parent, name);
    const found = await lstat(path).catch(() => undefined);
    if (!found?.isDirectory() || found.uid !== process.getuid?.()) continue;
    if (name.startsWith(GONE)) removeFolder(path);
    else if (await isAbandoned(join(path, OWNER), path)) removeFolder(path);
  }
}

/**
 * Removes the folder named in its first line, as {@link removeFolder} does, once its input ends: when we end, also by
 * SIGKILL.
 */
const WATCHER = `trap '' HUP INT TERM
IFS= read -r path && { IFS= read -r end; gone=\${path%/*}/${GONE}\${path##*/}; mv -- "$path" "$gone"; rm -rf -- "$gone" "$path"; }`;

function watch(path: string): () => void {
  const child = spawn("/bin/sh", ["-c", WATCHER], {
    detached: true,
    stdio: ["pipe", "ignore", "ignore"],
    cwd: "/",
    env: { PATH: process.env.PATH },
  });
  child.on("error", () => {});
  child.stdin.on("error", () => {});
  child.stdin.write(`${path}\n`);
  child.unref();
  (child.stdin as Socket).unref();
  return () => {
    child.kill("SIGKILL");
    child.stdin.destroy();
  };
}

export async function privateFolder(): Promise<PrivateFolder> {
  const parent = await base();
  await sweep(parent);
  // mkdtemp makes it with mode 0700
  const path = await mkdtemp(join(parent, `${PREFIX}${process.pid}-`));
  open.add(path);
  const unwatch = watch(path);
  const secrets = new Set<string>();
  const write = async (name: string, text: string, mode = 0o600) => {
    await writeFile(join(path, name), text, { mode, flag: "wx" });
    return join(path, name);
  };
  const writeSecret = async (name: string, text: string) => {
    secrets.add(join(path, name));
    return write(name, text);
  };
  const letGo = await hold(join(path, OWNER));
  return {
    path,
    write: (name, text) => write(name, text),
    writeSecret,
    writeProgram: (name, text) => write(name, text, 0o700),
    async askpass(name, secret) {
      const file = await writeSecret(name, `${secret}\n`);
      return write(`ask-${name}`, `#!/bin/sh\nexec cat ${shellQuote(file)}\n`, 0o700);
    },
    dropSecrets() {
      for (const file of secrets) rmSync(file, { force: true });
      secrets.clear();
    },
    remove() {
      removeFolder(path);
      open.delete(path);
      unwatch();
      void letGo();
    },
  };
}
