/** Checks what a connection logs in with, and writes it for ssh where no other user can read it. */
import { die } from "../../errors.ts";
import type { Task } from "../../task.ts";
import { askScript, type HostBlock, type PasswordWay, shownScript, sshConfig } from "./config.ts";
import type { Connection, ProxyConnection } from "./connection.ts";
import { derivePublicKey, hostKeyOf, privateKeyText } from "./keys.ts";
import type { PrivateFolder } from "./private-folder.ts";

export function validate(connection: Connection): void {
  const parts: [string, ProxyConnection][] = [["connection", connection]];
  if (connection.proxy) parts.push(["connection.proxy", connection.proxy]);
  for (const [property, c] of parts) {
    if (!/^[A-Za-z0-9_:][A-Za-z0-9_.:%-]*$/.test(c.host ?? ""))
      die(
        `${property}.host "${c.host}" is not a host name or address`,
        "give a name, an IPv4 or an IPv6 address without brackets",
      );
    if (c.port !== undefined && !(Number.isInteger(c.port) && c.port > 0 && c.port < 65536))
      die(`${property}.port ${c.port} is not a port`, "expected a whole number from 1 to 65535");
    if (!/^[A-Za-z0-9_][A-Za-z0-9_.@+-]*$/.test(c.user ?? "root"))
      die(`${property}.user "${c.user}" is not a user name`, "expected letters, digits and _ . @ + -");
    if (c.agentSocketPath !== undefined && !/^[A-Za-z0-9_./@+ -]+$/.test(c.agentSocketPath))
      die(`${property}.agentSocketPath "${c.agentSocketPath}" is not the path of a socket`);
    if (/[\r\n]/.test(c.password ?? "") || /[\r\n]/.test(c.privateKeyPassword ?? ""))
      die(`${property}: a password holds a line break`, "remove it");
  }
}

export type Ways = { host: PasswordWay; proxy: PasswordWay };

/** Writes configuration, known keys, private keys and passwords; each hop has files of its own. */
export async function writeFiles(
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
