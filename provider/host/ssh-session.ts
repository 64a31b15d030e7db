/** What is done over an open connection: scripts, streams, and the end of it. */
import { createReadStream } from "node:fs";
import { access } from "node:fs/promises";
import { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { die, isAbort, PineError } from "../errors.ts";
import { RunError, type RunResult, redactText, run } from "../run.ts";
import type { Task } from "../task.ts";
import type { Connection } from "./connection-type.ts";
import { frameScript } from "./quote.ts";
import { RemoteError, SshError, targetOf } from "./ssh-errors.ts";
import type { PrivateFolder } from "./ssh-files.ts";
import { type Master, sshEnv } from "./ssh-master.ts";
import type { ExecOptions, ExecResult, RootWay, Ssh, UploadOptions } from "./types.ts";

export interface SessionParts {
  connection: Connection;
  folder: PrivateFolder;
  master: Master;
  task: Task;
  hostKeySeen: string;
  /** ssh's log so far. */
  log: () => string;
}

const PROBE = `uid=$(id -u)
way=none
why=
if [ "$uid" = 0 ]; then way=root
elif ! command -v sudo >/dev/null 2>&1; then why='sudo is not installed'
elif why=$(LC_ALL=C sudo -n true 2>&1 </dev/null); then way=sudo
fi
printf 'pine-login %s %s %s\\n' "$uid" "$way" "$(cat /proc/sys/kernel/random/boot_id)"
printf '%s\\n' "$why"`;

/** Asks who we are there; throws {@link SshError} when the login gives no shell. */
export async function openSession(p: SessionParts): Promise<Ssh> {
  const session = new Session(p);
  await session.probe();
  return session;
}

class Session implements Ssh {
  readonly target: string;
  readonly user: string;
  readonly hostKeySeen: string;
  uid = -1;
  rootWay: RootWay = "none";
  bootId = "";
  private whyNotRoot = "";
  private closing: Promise<void> | undefined;
  private readonly secrets: string[];
  private readonly onAbort = () => void this.end(true);

  constructor(private readonly p: SessionParts) {
    this.target = targetOf(p.connection);
    this.user = p.connection.user ?? "root";
    this.hostKeySeen = p.hostKeySeen;
    const c = p.connection;
    this.secrets = [c.password, c.privateKey, c.privateKeyPassword, c.proxy?.password, c.proxy?.privateKey].filter(
      (s): s is string => Boolean(s),
    );
    p.task.signal.addEventListener("abort", this.onAbort, { once: true });
  }

  async probe(): Promise<void> {
    const r = await this.start(PROBE, [], {
      root: false,
      ok: Array.from({ length: 256 }, (_, n) => n),
      timeout: 60_000,
    });
    const m = /^pine-login (\d+) (root|sudo|none) (\S*)\n?([\s\S]*)$/m.exec(r.stdout);
    if (!m) {
      const said = (r.stdout.trim() || r.stderr.trim()).split("\n").slice(0, 3).join(" ").slice(0, 300);
      const other = /login as the user "?([A-Za-z0-9_.-]+)"? rather than/.exec(said)?.[1];
      throw new SshError("shell", `the login ${this.target} gives no shell: ${said || `exit code ${r.exitCode}`}`, {
        hint: other ? `set connection.user to "${other}"` : "use a login with a POSIX shell and no forced command",
      });
    }
    this.uid = Number(m[1]);
    this.rootWay = m[2] as RootWay;
    this.bootId = m[3]!;
    this.whyNotRoot = m[4]!.trim().split("\n")[0] ?? "";
  }

  exec(script: string, args: string[] = [], o: ExecOptions = {}): Promise<ExecResult> {
    return this.start(script, args, o);
  }

  async upload(
    source: Readable | string | Uint8Array,
    script: string,
    args: string[] = [],
    o: UploadOptions = {},
  ): Promise<ExecResult> {
    if (typeof source === "string")
      await access(source).catch((cause) => die(`${source} cannot be read`, "it is to be sent to the server", cause));
    const stream =
      typeof source === "string"
        ? createReadStream(source, { highWaterMark: 256 * 1024 })
        : source instanceof Readable
          ? source
          : Readable.from([source]);
    const size = o.size ?? (source instanceof Uint8Array ? source.length : undefined);
    let failure: unknown;
    async function* counted() {
      let sent = 0;
      let told = 0;
      try {
        for await (const chunk of stream as AsyncIterable<Uint8Array>) {
          sent += chunk.length;
          if (size !== undefined && sent > size) break;
          yield chunk;
          if (o.onProgress && Date.now() - told >= 250) {
            told = Date.now();
            o.onProgress(sent);
          }
        }
        if (size !== undefined && sent !== size)
          throw new PineError(
            `what is to be sent has ${sent > size ? "more than" : "only"} ${Math.min(sent, size)} of ${size} bytes`,
          );
        o.onProgress?.(sent);
      } catch (error) {
        failure = error;
        throw error;
      }
    }
    try {
      return await this.start(script, args, { ...o, input: Readable.from(counted()) });
    } catch (error) {
      // the source's own failure is the cause; a remote script that ended early is one too, and then there is none
      if (failure && !isAbort(failure) && !this.p.task.signal.aborted && !(error instanceof SshError)) throw failure;
      throw error;
    } finally {
      stream.destroy();
    }
  }

  close(): Promise<void> {
    return this.end(false);
  }

  private end(now: boolean): Promise<void> {
    this.p.task.signal.removeEventListener("abort", this.onAbort);
    this.closing ??= this.p.master.stop(now || this.p.task.signal.aborted).finally(() => this.p.folder.remove());
    return this.closing;
  }

  private async start(script: string, args: string[], o: ExecOptions): Promise<RunResult> {
    const root = o.root ?? true;
    if (root && this.uid !== 0 && this.rootWay === "none")
      throw new SshError(
        "not-root",
        `user ${this.user} of ${this.target} may not become root without a password${this.whyNotRoot ? ` (${this.whyNotRoot})` : ""}`,
        {
          hint: `log in as root, or let it: echo '${this.user} ALL=(ALL) NOPASSWD: ALL' >/etc/sudoers.d/pine as root there`,
        },
      );
    if (this.closing) throw new SshError("lost", `the connection to ${this.target} is closed`);
    const frame = frameScript(script, args, { more: o.input !== undefined, root: root && this.uid !== 0 });
    const sshArgs = ["-F", `${this.p.folder.path}/config`, "-T", "pine-mux", frame.command];
    try {
      const running = run("ssh", sshArgs, {
        env: sshEnv(),
        signal: this.p.task.signal,
        input: o.input === undefined ? frame.head : joined(frame.head, o.input),
        output: o.output,
        timeout: o.timeout,
        ok: o.ok,
        onLine: o.onLine,
        redact: this.secrets,
      });
      const r = await impatient(running, o.timeout);
      if (r.exitCode === 255) await this.throwIfLost(o.what);
      return r;
    } catch (error) {
      if (!(error instanceof RunError)) throw error;
      if (!error.timedOut && (error.exitCode === 255 || error.exitCode === undefined)) await this.throwIfLost(o.what);
      const tail = (error.stderr.trim() || error.stdout.trim()).split("\n").slice(-12).join("\n");
      const why = error.timedOut
        ? `took longer than ${(o.timeout ?? 0) / 1000} s`
        : `failed (exit code ${error.exitCode})`;
      throw new RemoteError(`${o.what ?? "a remote script"} on ${this.target} ${why}${tail ? `: ${tail}` : ""}`, {
        exitCode: error.exitCode,
        stdout: error.stdout,
        stderr: error.stderr,
        timedOut: error.timedOut,
        cause: error,
      });
    }
  }

  /** 255 is ssh's own exit code as well as a script's: the connection is lost when the process that held it is gone. */
  private async throwIfLost(what: string | undefined): Promise<void> {
    const ended = this.p.master.ended ?? (await this.p.master.settle(300));
    if (!ended && !this.closing) return;
    const reason = redactText(`${this.p.log()}\n${ended?.stderr ?? ""}`.trim(), this.secrets)
      .split("\n")
      .pop()
      ?.trim();
    throw new SshError(
      "lost",
      `the connection to ${this.target} was lost${what ? ` while ${what}` : ""}${reason ? `: ${reason}` : ""}`,
      {
        hint: "see whether the server is up; the next `up` goes on from what is there",
      },
    );
  }
}

/**
 * The connection's process holds a session's output open until the remote script lets go of it, so a killed client is not waited
 * for: 500 ms after the time is up it counts as ended.
 */
async function impatient(running: Promise<RunResult>, timeout: number | undefined): Promise<RunResult> {
  if (!timeout) return running;
  const late = new RunError("timed out", { stdout: "", stderr: "", timedOut: true });
  const clock = new AbortController();
  const alarm = sleep(timeout + 500, undefined, { signal: clock.signal }).then(() => Promise.reject(late));
  try {
    return await Promise.race([running, alarm]);
  } finally {
    clock.abort();
    running.catch(() => {});
    alarm.catch(() => {});
  }
}

function joined(head: Buffer, input: string | Uint8Array | Readable): Uint8Array | Readable {
  if (!(input instanceof Readable))
    return Buffer.concat([head, typeof input === "string" ? Buffer.from(input) : input]);
  async function* parts() {
    yield head;
    yield* input as Readable;
  }
  return Readable.from(parts());
}
