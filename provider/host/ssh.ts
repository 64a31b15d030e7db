/** SSH to a server: system OpenSSH, one connection an operation, nothing left behind. */
import { existsSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { die, isAbort } from "../errors.ts";
import type { Task } from "../task.ts";
import type { Connection, ProxyConnection } from "./connection-type.ts";
import { derivePublicKey, hostKeyOf, privateKeyText } from "./keys.ts";
import { classify, SshError, targetOf } from "./ssh-errors.ts";
import { askScript, type HostBlock, type PasswordWay, shownScript, sshConfig } from "./ssh-files.ts";
import { type PrivateFolder, privateFolder } from "./ssh-folder.ts";
import { type Master, startMaster } from "./ssh-master.ts";
import { openSession } from "./ssh-session.ts";
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

function validate(connection: Connection): void {
  const parts: [string, ProxyConnection][] = [["connection", connection]];
  if (connection.proxy) parts.push(["connection.proxy", connection.proxy]);
  for (const [property, c] of parts) {
    if (!/^[A-Za-z0-9_:][A-Za-z0-9_.:%-]*$/.test(c.host ?? ""))
      die(
        `${property}.host "${c.host}" is no host name or address`,
        "give a name, an IPv4 or an IPv6 address without brackets",
      );
    if (c.port !== undefined && !(Number.isInteger(c.port) && c.port > 0 && c.port < 65536))
      die(`${property}.port ${c.port} is no port`, "expected is a whole number from 1 to 65535");
    if (!/^[A-Za-z0-9_][A-Za-z0-9_.@+-]*$/.test(c.user ?? "root"))
      die(`${property}.user "${c.user}" is no user name`, "expected are letters, digits and _ . @ + -");
    if (c.agentSocketPath !== undefined && !/^[A-Za-z0-9_./@+ -]+$/.test(c.agentSocketPath))
      die(`${property}.agentSocketPath "${c.agentSocketPath}" is no path of a socket`);
    if (/[\r\n]/.test(c.password ?? "") || /[\r\n]/.test(c.privateKeyPassword ?? ""))
      die(`${property}: a password holds a line break`, "remove it");
  }
}

type Ways = { host: PasswordWay; proxy: PasswordWay };

/** One attempt. A server that takes passwords by keyboard-interactive only is dialled again, that way: it has seen none yet. */
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
    // ConnectTimeout ends with the key exchange; what follows gets as long again and some for slow servers
    const hops = connection.proxy ? 2 : 1;
    const ended = await master.ready(task.signal, seconds ? (2 * seconds + 15) * hops * 1000 : 0);
    if (ended?.timedOut)
      throw new SshError("unreachable", `${targetOf(connection)} answers, but logging in takes too long`, {
        hint: "see whether the server is overloaded, or raise connection.perDialTimeout",
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

/** Configuration, known keys, private keys, passwords: each hop's in files of its own. */
async function writeFiles(
  folder: PrivateFolder,
  connection: Connection,
  seconds: number,
  ways: Ways,
  task: Task,
): Promise<void> {
  const block = async (name: "host" | "proxy"): Promise<HostBlock> => {
    const c = name === "host" ? connection : connection.proxy!;
    const property = name === "host" ? "connection" : "connection.proxy";
    const hostKey = hostKeyOf(c, property);
    if (hostKey) await folder.write(`known_${name}`, `pine-${name} ${hostKey}\n`);
    let keyFile: string | undefined;
    if (c.privateKey) {
      keyFile = await folder.writeSecret(`key_${name}`, privateKeyText(c.privateKey, property));
      const askpass = c.privateKeyPassword ? await folder.askpass(`phrase_${name}`, c.privateKeyPassword) : undefined;
      const publicKey = await derivePublicKey(keyFile, c, property, { askpass, signal: task.signal });
      // beside the key, so that ssh asks for the passphrase only when the server takes this key
      await folder.write(`key_${name}.pub`, `${publicKey}\n`);
    }
    if (c.password) await folder.writeSecret(`password_${name}`, `${c.password}\n`);
    await folder.writeProgram(`ask_${name}`, askScript(folder.path, name));
    const acceptNew = hostKey === undefined && connection.acceptNewHostKey === true;
    const connectTimeout = name === "host" ? seconds : (c.perDialTimeout ?? seconds);
    return { connection: c, hostKey, acceptNew, keyFile, ask: ways[name], connectTimeout };
  };
  const host = await block("host");
  const proxy = connection.proxy ? await block("proxy") : undefined;
  await folder.write("config", sshConfig(folder.path, host, proxy));
  await folder.write("shown", shownScript(folder.path));
}

function shownKey(folder: PrivateFolder, name: "host" | "proxy"): string | undefined {
  const file = `${folder.path}/shown_${name}`;
  return existsSync(file) ? readFileSync(file, "utf8").trim() : undefined;
}

function readLog(folder: PrivateFolder): string {
  const file = `${folder.path}/log`;
  return existsSync(file) ? readFileSync(file, "utf8") : "";
}
