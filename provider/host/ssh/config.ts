/** ssh's configuration, and the small programs it calls, as text. Pure. */

import { shellQuote } from "../../words.ts";
import type { ProxyConnection } from "./connection.ts";

export type PasswordWay = "password" | "keyboard-interactive";

export interface HostBlock {
  connection: ProxyConnection;
  /** `type base64`, when only this key is accepted. */
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
  // A key given as text comes before an agent, and an agent's socket before this user's own files. With a password,
  // keys that nobody named are not tried.
  const keys = b.keyFile
    ? [`IdentityFile ${value(b.keyFile)}`, "IdentitiesOnly yes", "IdentityAgent none"]
    : c.agentSocketPath
      ? [`IdentityAgent ${value(c.agentSocketPath)}`, "IdentityFile none"]
      : c.password
        ? ["PubkeyAuthentication no"]
        : [];
  // ssh-rsa (SHA-1): servers older than OpenSSH 7.2 (Debian 8, Ubuntu 14.04) know nothing else for an RSA key; ssh
  // takes rsa-sha2 where it can
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
    // It gives ssh no keys: it only writes down the one that the server shows.
    `KnownHostsCommand /bin/sh ${folder}/shown ${name} %I %t %K`,
    `StrictHostKeyChecking ${b.acceptNew ? "accept-new" : "yes"}`,
    ...(jump ? [`ProxyCommand ${proxyCommand(folder)}`] : []),
  ];
}

/**
 * Does what ProxyJump does, but a program of its own answers its questions and knows no secrets of the target. Ends
 * with the ssh that starts it.
 */
const proxyCommand = (folder: string) =>
  `setpriv --pdeathsig KILL env SSH_ASKPASS=${folder}/ask_proxy ssh -F ${folder}/config -W '[%h]:%p' pine-proxy`;

/** ssh's configuration: `pine-host` dials; `pine-mux` only uses the open connection and never dials by itself. */
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
    // logs which of several factors were accepted
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
 * The program that one hop's ssh asks for password and passphrase. It gives each once, and tells them apart by ssh's
 * own words: ssh (since 8.5) puts `(user@host) ` before what a server asks by keyboard-interactive, so that no server
 * gets a passphrase. It does not answer a server that wants a new password. Files are in `folder`.
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
