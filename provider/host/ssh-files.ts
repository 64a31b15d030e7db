/** The private files of a connection: a folder nobody else can read, gone afterwards, and ssh's configuration as text. */
import { existsSync, rmSync } from "node:fs";
import { mkdtemp, readdir, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Connection, ProxyConnection } from "./connection-type.ts";
import { shellQuote } from "./quote.ts";

export interface PrivateFolder {
  path: string;
  /** A file only we can read. Answers its path. */
  write(name: string, text: string): Promise<string>;
  /** The same, to be run. */
  writeProgram(name: string, text: string): Promise<string>;
  /** A program that prints `secret`, for SSH_ASKPASS. Answers its path. */
  askpass(name: string, secret: string): Promise<string>;
  /** Synchronous, so that it also works while the process exits. */
  remove(): void;
}

const PREFIX = "pine-ssh-";
const open = new Set<string>();
process.on("exit", () => {
  for (const path of open) rmSync(path, { recursive: true, force: true });
});

/** In memory where there is such a place ($XDG_RUNTIME_DIR); short, since a socket's path is limited to 108 bytes. */
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

/** Removes folders that killed processes left. */
async function sweep(parent: string): Promise<void> {
  for (const name of await readdir(parent).catch(() => [])) {
    const pid = name.startsWith(PREFIX) ? Number.parseInt(name.slice(PREFIX.length), 10) : Number.NaN;
    if (!(pid > 0) || existsSync(`/proc/${pid}`) || !existsSync("/proc/self")) continue;
    const path = join(parent, name);
    const owner = await stat(path).catch(() => undefined);
    if (owner?.uid === process.getuid?.()) rmSync(path, { recursive: true, force: true });
  }
}

export async function privateFolder(): Promise<PrivateFolder> {
  const parent = await base();
  await sweep(parent);
  // mkdtemp makes it with mode 0700
  const path = await mkdtemp(join(parent, `${PREFIX}${process.pid}-`));
  open.add(path);
  const write = async (name: string, text: string, mode = 0o600) => {
    await writeFile(join(path, name), text, { mode, flag: "wx" });
    return join(path, name);
  };
  return {
    path,
    write: (name, text) => write(name, text),
    writeProgram: (name, text) => write(name, text, 0o700),
    async askpass(name, secret) {
      const file = await write(name, `${secret}\n`);
      return write(`ask-${name}`, `#!/bin/sh\nexec cat ${shellQuote(file)}\n`, 0o700);
    },
    remove() {
      rmSync(path, { recursive: true, force: true });
      open.delete(path);
    },
  };
}

export type PasswordWay = "password" | "keyboard-interactive";

export interface HostBlock {
  connection: ProxyConnection;
  /** `type base64`, when only this one will do. */
  hostKey?: string;
  acceptNew: boolean;
  keyFile?: string;
  /** How a password is given; one way at a time, so that a wrong one is tried once. Default "password". */
  ask?: PasswordWay;
  /** Seconds. */
  connectTimeout: number;
}

const value = (text: string) => `"${text.replaceAll("%", "%%")}"`;

/** Host key algorithms that use a key of this type. */
export function algorithmsFor(hostKey: string): string {
  const type = hostKey.split(" ")[0]!;
  return type === "ssh-rsa" ? "rsa-sha2-512,rsa-sha2-256,ssh-rsa" : type;
}

function hostBlock(name: "host" | "proxy", folder: string, b: HostBlock, jump: boolean): string[] {
  const c = b.connection;
  // The key's text wins over an agent, an agent's socket over this user's own files, a password over trying keys nobody named.
  const keys = b.keyFile
    ? [`IdentityFile ${value(b.keyFile)}`, "IdentitiesOnly yes", "IdentityAgent none"]
    : c.agentSocketPath
      ? [`IdentityAgent ${value(c.agentSocketPath)}`, "IdentityFile none"]
      : c.password
        ? ["PubkeyAuthentication no"]
        : [];
  const known = b.hostKey
    ? [`HostKeyAlias pine-${name}`, `HostKeyAlgorithms ${algorithmsFor(b.hostKey)}`, "GlobalKnownHostsFile none"]
    : [];
  const files = b.hostKey
    ? [`${folder}/known_${name}`]
    : [`${folder}/new_${name}`, "~/.ssh/known_hosts", "~/.ssh/known_hosts2"];
  return [
    `Host pine-${name}`,
    `HostName ${value(c.host)}`,
    `Port ${c.port ?? 22}`,
    `User ${value(c.user ?? "root")}`,
    `ConnectTimeout ${b.connectTimeout || "none"}`,
    ...keys,
    ...(c.password
      ? [`PreferredAuthentications publickey,${b.ask ?? "password"}`, "NumberOfPasswordPrompts 1"]
      : ["PreferredAuthentications publickey"]),
    ...(c.password || c.privateKeyPassword ? [] : ["BatchMode yes"]),
    ...known,
    `UserKnownHostsFile ${files.map((f) => (f.startsWith("~") ? f : value(f))).join(" ")}`,
    // Not asked for keys: it only writes down the one that is shown.
    `KnownHostsCommand /bin/sh ${folder}/shown ${name} %I %t %K`,
    `StrictHostKeyChecking ${b.acceptNew ? "accept-new" : "yes"}`,
    ...(jump ? ["ProxyJump pine-proxy"] : []),
  ];
}

/** ssh's configuration: `pine-host` dials, `pine-mux` only uses the connection that is there and never dials by itself. */
export function sshConfig(folder: string, host: HostBlock, proxy?: HostBlock): string {
  const common = [
    "Host *",
    "CheckHostIP no",
    "UpdateHostKeys no",
    "ForwardAgent no",
    "ForwardX11 no",
    "ClearAllForwardings no",
    "RequestTTY no",
    "EscapeChar none",
    "GSSAPIAuthentication no",
    "HostbasedAuthentication no",
    "PermitLocalCommand no",
    "AddKeysToAgent no",
    "LogLevel INFO",
    // a minute of silence is a lost connection
    "ServerAliveInterval 15",
    "ServerAliveCountMax 4",
  ];
  const mux = ["Host pine-mux", `ControlPath ${folder}/ctl`, "ControlMaster no", "ProxyCommand false", "BatchMode yes"];
  return `${[
    ...hostBlock("host", folder, host, proxy !== undefined),
    ...(proxy ? hostBlock("proxy", folder, proxy, false) : []),
    ...mux,
    ...common,
  ].join("\n")}\n`;
}

/** The script behind KnownHostsCommand. */
export function shownScript(folder: string): string {
  return `[ "$2" = HOSTNAME ] && printf '%s %s\\n' "$3" "$4" >"${folder}/shown_$1"\nexit 0\n`;
}

/** The program ssh asks for passwords and passphrases; it tells them apart by the prompt. Files are in `folder`. */
export function askScript(folder: string, asks: { prompt: string; file: string }[]): string {
  const cases = asks.map((a) => `*${shellQuote(a.prompt)}*) exec cat ${shellQuote(`${folder}/${a.file}`)} ;;`);
  return `#!/bin/sh\ncase "$1" in\n${cases.join("\n")}\nesac\nexit 1\n`;
}

/** What ssh calls a host when it asks for its password. */
export function promptName(name: "host" | "proxy", c: Connection | ProxyConnection, pinned: boolean): string {
  return `${c.user ?? "root"}@${pinned ? `pine-${name}` : c.host.toLowerCase()}`;
}
