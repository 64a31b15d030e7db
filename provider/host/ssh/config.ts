/** ssh's configuration, and the small programs it calls, as text. Pure. */
import type { ProxyConnection } from "./connection.ts";
import { shellQuote } from "./frame.ts";

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
  // The key's text wins over an agent, an agent's socket over this user's own files, a password over trying keys nobody
  // named.
  const keys = b.keyFile
    ? [`IdentityFile ${value(b.keyFile)}`, "IdentitiesOnly yes", "IdentityAgent none"]
    : c.agentSocketPath
      ? [`IdentityAgent ${value(c.agentSocketPath)}`, "IdentityFile none"]
      : c.password
        ? ["PubkeyAuthentication no"]
        : [];
  // ssh-rsa (SHA-1): servers of before OpenSSH 7.2 (Debian 8, Ubuntu 14.04) know nothing else for an RSA key; ssh takes
  // rsa-sha2 where it can
  const known = b.hostKey
    ? [`HostKeyAlias pine-${name}`, `HostKeyAlgorithms ${algorithmsFor(b.hostKey)}`, "GlobalKnownHostsFile none"]
    : ["HostKeyAlgorithms +ssh-rsa"];
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
    "PubkeyAcceptedAlgorithms +ssh-rsa",
    `UserKnownHostsFile ${files.map((f) => (f.startsWith("~") ? f : value(f))).join(" ")}`,
    // Not asked for keys: it only writes down the one that is shown.
    `KnownHostsCommand /bin/sh ${folder}/shown ${name} %I %t %K`,
    `StrictHostKeyChecking ${b.acceptNew ? "accept-new" : "yes"}`,
    ...(jump ? [`ProxyCommand ${proxyCommand(folder)}`] : []),
  ];
}

/**
 * As ProxyJump, but for the program that answers its questions: it knows nothing of the target's. Ends with the ssh
 * that starts it.
 */
const proxyCommand = (folder: string) =>
  `setpriv --pdeathsig KILL env SSH_ASKPASS=${folder}/ask_proxy ssh -F ${folder}/config -W '[%h]:%p' pine-proxy`;

/**
 * ssh's configuration: `pine-host` dials, `pine-mux` only uses the connection that is there and never dials by itself.
 */
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
    // tells what was taken of several factors
    "LogLevel VERBOSE",
    // a minute of silence is a lost connection
    "ServerAliveInterval 15",
    "ServerAliveCountMax 4",
  ];
  const mux = [
    "Host pine-mux",
    `ControlPath ${folder}/ctl`,
    "ControlMaster no",
    "ProxyCommand false",
    "BatchMode yes",
    "LogLevel INFO",
  ];
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

/**
 * The program that one hop's ssh asks for password and passphrase; each is given once. They are told apart by words
 * that are ssh's own: whatever a server asks by keyboard-interactive, ssh (since 8.5) puts `(user@host) ` before it, so
 * that no server gets a passphrase. A new password that a server wants is not answered. Files are in `folder`.
 */
export function askScript(folder: string, name: "host" | "proxy"): string {
  return `#!/bin/sh
case "$1" in
"Enter passphrase for key '"*) file=phrase ;;
Enter*) exit 1 ;;
"("* | *"'s password: ") file=password ;;
*) exit 1 ;;
esac
cd ${shellQuote(folder)} && cat "\${file}_${name}" && rm "\${file}_${name}"
`;
}
