/** SSH to a server of the lab, by the OpenSSH client. */
import { writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { die, messageOf } from "../../../provider/errors.ts";
import { run } from "../../../provider/local/run.ts";
import { answers, tail } from "./serial.ts";

export interface SshResult {
  stdout: string;
  stderr: string;
  exitCode: number;
}

/**
 * Runs a shell command; exit code 255 and ssh's words when the server cannot be reached. Timeout in ms, default 120 s.
 */
export type Ssh = (
  command: string,
  o?: { user?: string; input?: string | Uint8Array; timeout?: number },
) => Promise<SshResult>;

/** How a server of the lab is reached. */
export interface Reached {
  readonly host: "127.0.0.1";
  readonly port: number;
  readonly user: "root";
  /** `ssh-ed25519 AAAA…`; "" for a disk that came without. */
  readonly hostKey: string;
  readonly hostKeys: string[];
  /** The lab's key, OpenSSH format. */
  readonly privateKey: string;
  readonly privateKeyPath: string;
  ssh: Ssh;
}

/**
 * SSH to a port of 127.0.0.1 with the private key at `key`, as root unless told otherwise. The host keys
 * (`ssh-ed25519 AAAA…`) are pinned in the file `knownHosts`, which is written; with none, any is taken.
 */
export function sshTo(port: number, key: string, hostKeys: string[], knownHosts: string): Ssh {
  writeFileSync(knownHosts, hostKeys.map((k) => `[127.0.0.1]:${port} ${k}\n`).join(""));
  const check = hostKeys.length ? ["StrictHostKeyChecking=yes"] : ["StrictHostKeyChecking=no"];
  const settings = [...check, `UserKnownHostsFile=${hostKeys.length ? knownHosts : "/dev/null"}`, "BatchMode=yes"];
  settings.push("IdentitiesOnly=yes", "ConnectTimeout=30", "ServerAliveInterval=15", "LogLevel=ERROR");
  const args = ["-F", "none", "-i", key, "-p", String(port), ...settings.flatMap((s) => ["-o", s])];
  return async (command, o = {}) =>
    run("ssh", [...args, `${o.user ?? "root"}@127.0.0.1`, "--", command], {
      input: o.input,
      timeout: o.timeout ?? 120_000,
      ok: ANY,
    });
}

const ANY = Array.from({ length: 256 }, (_, code) => code);

/** What {@link waitForSsh} looks at. */
export interface Waited {
  name: string;
  port: number;
  ssh: Ssh;
  /** Why it cannot answer any more; undefined as long as it may. */
  dead(): string | undefined;
  /** Its serial line or console, for the error. */
  console(): Promise<string>;
}

/**
 * Waits until a command runs over SSH, which is tried every `pause` ms; throws when that takes longer, or the server
 * ends.
 */
export async function waitForSsh(server: Waited, timeoutMs: number, pause = 500): Promise<void> {
  const { name, port } = server;
  const end = Date.now() + timeoutMs;
  let last = "no answer";
  while (Date.now() < end) {
    const dead = server.dead();
    if (dead) die(`${name}: ${dead}; serial line:\n${tail(await server.console())}`);
    if (await answers(port)) {
      const r = await server.ssh("true", { timeout: Math.max(end - Date.now(), 1000) }).catch((e) => {
        return { exitCode: -1, stdout: "", stderr: messageOf(e) };
      });
      if (r.exitCode === 0) return;
      last = r.stderr || `exit code ${r.exitCode}`;
    }
    await sleep(pause);
  }
  die(`${name}: no SSH after ${timeoutMs / 1000} s (${last}); serial line:\n${tail(await server.console())}`);
}
