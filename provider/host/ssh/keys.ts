/** Keys of a connection: checked before anything is dialled, with one clear error each. */
import { readdir, readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { messageOf, PineError } from "../../errors.ts";
import { RunError, run } from "../../local/run.ts";
import type { Task } from "../../task.ts";
import type { Connection, ProxyConnection } from "./connection.ts";
import { SshError } from "./errors.ts";
import { privateFolder } from "./private-folder.ts";
import { publicKeyOf } from "./public-key.ts";

/** `connection.hostKey` as `type base64`. Throws when it is no host key. */

export function hostKeyOf(c: ProxyConnection, property: string): string | undefined {
  if (c.hostKey === undefined || c.hostKey.trim() === "") return undefined;
  const key = publicKeyOf(c.hostKey);
  if (key) return key;
  throw new SshError("key", `${property}.hostKey is not a public host key`, {
    hint: 'expected the text of /etc/ssh/ssh_host_ed25519_key.pub of the server ("ssh-ed25519 AAAA…"); fingerprints and DSA keys cannot be used',
  });
}

/** A private key's text as ssh wants it in a file. Throws when it is evidently something else. */
export function privateKeyText(text: string, property: string): string {
  const clean = `${text.replace(/\r\n?/g, "\n").trim()}\n`;
  const bad = (message: string, hint: string) => new SshError("key", `${property}.privateKey ${message}`, { hint });
  if (/^PuTTY-User-Key-File/.test(clean))
    throw bad("is a PuTTY key", "convert it: puttygen key.ppk -O private-openssh -o key");
  if (publicKeyOf(clean)) throw bad("is a public key", "give the text of the file without .pub");
  if (/^[~/.][^\n]*\n$/.test(clean))
    throw bad("looks like a path", 'give the file\'s text: fs.readFileSync(path, "utf8")');
  if (!/^-----BEGIN [A-Z ]*PRIVATE KEY-----\n/m.test(clean))
    throw bad("is not a private key", 'expected text that begins with "-----BEGIN OPENSSH PRIVATE KEY-----"');
  return clean;
}

/** The public half of the private key in `file` (mode 0600). `askpass`: a program that prints its passphrase. */
export async function derivePublicKey(
  file: string,
  c: ProxyConnection,
  property: string,
  o: { askpass?: string; signal: AbortSignal },
): Promise<string> {
  const env = { PATH: process.env.PATH ?? "/usr/bin:/bin", LANG: "C" };
  const ask: Record<string, string> = o.askpass ? { SSH_ASKPASS: o.askpass, SSH_ASKPASS_REQUIRE: "force" } : {};
  try {
    const args = ["-y", ...(o.askpass ? [] : ["-P", ""]), "-f", file];
    const { stdout } = await run("ssh-keygen", args, { env: { ...env, ...ask }, signal: o.signal, timeout: 60_000 });
    const key = publicKeyOf(stdout);
    if (key) return key;
    throw new SshError("key", `${property}.privateKey has a type that is not supported`, {
      hint: "use ed25519, ecdsa or rsa",
    });
  } catch (error) {
    if (!(error instanceof RunError)) throw error;
    if (error.exitCode === undefined)
      throw new SshError("client", `ssh-keygen cannot be run: ${messageOf(error)}`, {
        hint: "install OpenSSH's client",
      });
    if (!/passphrase/.test(error.stderr))
      throw new SshError("key", `${property}.privateKey cannot be used: ssh-keygen cannot read it`, {
        hint: "the text is damaged or of an unknown format; try it with ssh-keygen -y -f FILE",
      });
    throw c.privateKeyPassword
      ? new SshError("passphrase", `${property}.privateKeyPassword does not open ${property}.privateKey`)
      : new SshError("passphrase", `${property}.privateKey needs a passphrase`, {
          hint: `set ${property}.privateKeyPassword, or use an agent (${property}.agentSocketPath)`,
        });
  }
}

/**
 * The public keys a connection can log in with: its private key's, else the agent's and this user's. Empty with only a
 * password: then no key is tried that the connection does not name.
 */
export async function loginPublicKeys(c: Connection, task: Pick<Task, "signal">): Promise<string[]> {
  if (c.privateKey) {
    const folder = await privateFolder();
    try {
      const file = await folder.writeSecret("key", privateKeyText(c.privateKey, "connection"));
      const askpass = c.privateKeyPassword ? await folder.askpass("phrase", c.privateKeyPassword) : undefined;
      return [await derivePublicKey(file, c, "connection", { askpass, signal: task.signal })];
    } finally {
      folder.remove();
    }
  }
  const keys = new Set<string>();
  const add = (text: string) => {
    for (const line of text.split("\n")) {
      const key = publicKeyOf(line);
      if (key) keys.add(key);
    }
  };
  if (c.password && !c.agentSocketPath) return [];
  const agent = c.agentSocketPath ?? process.env.SSH_AUTH_SOCK;
  if (agent) {
    const env = { PATH: process.env.PATH ?? "/usr/bin:/bin", LANG: "C", SSH_AUTH_SOCK: agent };
    const listed = await run("ssh-add", ["-L"], { env, signal: task.signal, timeout: 10_000, ok: [0, 1] }).catch(
      (e) => {
        if (c.agentSocketPath && e instanceof PineError)
          throw new SshError("key", `connection.agentSocketPath: no agent answers at ${agent}`);
        if (e instanceof PineError) return undefined;
        throw e;
      },
    );
    add(listed?.stdout ?? "");
  }
  if (!c.agentSocketPath) {
    const ssh = join(homedir(), ".ssh");
    const names = await readdir(ssh).catch(() => []);
    for (const name of names.filter((n) => /^id_\w+\.pub$/.test(n))) add(await readFile(join(ssh, name), "utf8"));
  }
  return [...keys];
}
