/** SSH to a server by the system's OpenSSH: one connection per operation, nothing left behind. */
import { existsSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { isAbort } from "../../errors.ts";
import type { Task } from "../../task.ts";
import { classify } from "./classify.ts";
import type { Connection } from "./connection.ts";
import { validate, type Ways, writeFiles } from "./credentials.ts";
import { SshError, targetOf } from "./errors.ts";
import { hostKeyOf } from "./keys.ts";
import { type Master, startMaster } from "./master.ts";
import { type PrivateFolder, privateFolder } from "./private-folder.ts";
import { openSession } from "./session.ts";
import type { OpenOptions, Ssh } from "./types.ts";

/** Seconds; `@pulumi/command`'s default. */
const DIAL_TIMEOUT = 15;

/** Opens a connection. The caller closes it; an abort of `task.signal` closes it too. Throws {@link SshError}. */
export async function openSsh(connection: Connection, task: Task, options: OpenOptions = {}): Promise<Ssh> {
  validate(connection);
  const limit = options.wait ? (connection.dialErrorLimit ?? 10) : 1;
  for (let attempt = 1; ; attempt++) {
    try {
      return await openOnce(connection, task, options);
    } catch (error) {
      const again = error instanceof SshError && error.code === "unreachable" && (limit < 0 || attempt < limit);
      if (!again) throw error;
      task.step(`waiting for ${targetOf(connection)} (${attempt}${limit < 0 ? "" : ` of ${limit}`}): ${error.message}`);
      await sleep(Math.min(5, attempt) * 1000, undefined, { signal: task.signal });
    }
  }
}

/** Opens a connection, runs `fn` and closes it, whatever happens. */
export async function withSsh<T>(
  connection: Connection,
  task: Task,
  fn: (ssh: Ssh) => Promise<T>,
  options?: OpenOptions,
): Promise<T> {
  const ssh = await openSsh(connection, task, options);
  try {
    return await fn(ssh);
  } finally {
    await ssh.close();
  }
}

/**
 * One attempt. A server that takes passwords only by keyboard-interactive is dialled again that way: it has seen no
 * password yet.
 */
async function openOnce(connection: Connection, task: Task, options: OpenOptions): Promise<Ssh> {
  const ways: Ways = { host: "password", proxy: "password" };
  for (;;) {
    try {
      return await dial(connection, task, options, ways);
    } catch (error) {
      const by = error instanceof SshError ? error.refusedBy : undefined;
      const password = by?.role === "proxy" ? connection.proxy?.password : connection.password;
      const other = by?.methods.includes("keyboard-interactive") && !by.methods.includes("password");
      if (!by || !password || !other || ways[by.role] === "keyboard-interactive") throw error;
      ways[by.role] = "keyboard-interactive";
    }
  }
}

async function dial(connection: Connection, task: Task, options: OpenOptions, ways: Ways): Promise<Ssh> {
  task.signal.throwIfAborted();
  const folder = await privateFolder();
  let master: Master | undefined;
  try {
    const seconds = options.connectTimeout ?? connection.perDialTimeout ?? DIAL_TIMEOUT;
    await writeFiles(folder, connection, seconds, ways, task);
    master = startMaster(folder);
    // ConnectTimeout ends with the key exchange; what follows gets as long again, and 15 s more for slow servers
    const hops = connection.proxy ? 2 : 1;
    const ended = await master.ready(task.signal, seconds ? (2 * seconds + 15) * hops * 1000 : 0);
    if (ended?.timedOut)
      throw new SshError("unreachable", `${targetOf(connection)} answers, but logging in takes too long`, {
        hint: "check whether the server is overloaded, or raise connection.perDialTimeout",
      });
    if (ended) {
      const shown = { host: shownKey(folder, "host"), proxy: shownKey(folder, "proxy") };
      throw classify({ connection, log: readLog(folder), stderr: ended.stderr, shown });
    }
    folder.dropSecrets();
    const hostKeySeen = shownKey(folder, "host") ?? hostKeyOf(connection, "connection") ?? "";
    const proxyKeySeen =
      connection.proxy && (shownKey(folder, "proxy") ?? hostKeyOf(connection.proxy, "connection.proxy"));
    const sessions = options.sessions ?? 2;
    const log = () => readLog(folder);
    return await openSession({ connection, folder, master, task, hostKeySeen, proxyKeySeen, sessions, log });
  } catch (error) {
    await master?.stop(isAbort(error, task.signal));
    folder.remove();
    throw error;
  }
}

function shownKey(folder: PrivateFolder, name: "host" | "proxy"): string | undefined {
  const file = `${folder.path}/shown_${name}`;
  return existsSync(file) ? readFileSync(file, "utf8").trim() : undefined;
}

function readLog(folder: PrivateFolder): string {
  const file = `${folder.path}/log`;
  return existsSync(file) ? readFileSync(file, "utf8") : "";
}
