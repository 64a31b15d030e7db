/** What is done over an open connection: scripts, streams, and the end of it. */
import { createHash, randomBytes } from "node:crypto";
import { createReadStream } from "node:fs";
import { access } from "node:fs/promises";
import { Readable } from "node:stream";
import { die, isAbort, PineError } from "../errors.ts";
import { RunError, type RunResult, redactText, run } from "../run.ts";
import type { Task } from "../task.ts";
import type { Connection } from "./connection-type.ts";
import { frameScript } from "./quote.ts";
import { RemoteError, SshError, targetOf } from "./ssh-errors.ts";
import type { PrivateFolder } from "./ssh-files.ts";
import { type Master, sshEnv } from "./ssh-master.ts";
import { askingSudo, dialogue, PROBE, parseProbe, wantsPassword, whyNotRoot, wrongPassword } from "./ssh-root.ts";
import { chunksOf, impatient, joined } from "./ssh-streams.ts";
import type { ExecOptions, ExecResult, NotRoot, RootWay, Ssh, UploadOptions } from "./types.ts";

export interface SessionParts {
  connection: Connection;
  folder: PrivateFolder;
  master: Master;
  task: Task;
  hostKeySeen: string;
  /** ssh's log so far. */
  log: () => string;
}

const ANY_CODE = Array.from({ length: 256 }, (_, code) => code);

/** Passwords that sudo refused in this process (digests): a repeated attempt may lock the user out. */
const refused = new Map<string, SshError>();

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
  notRoot: NotRoot | undefined;
  /** For sudo, when that asks for one. */
  private password: string | undefined;
  private closing: Promise<void> | undefined;
  private readonly secrets: string[];
  private readonly onAbort = () => void this.end(true);

  constructor(private readonly p: SessionParts) {
    this.target = targetOf(p.connection);
    this.user = p.connection.user ?? "root";
    this.hostKeySeen = p.hostKeySeen;
    const c = p.connection;
    const secrets = [c, c.proxy].flatMap((x) => [x?.password, x?.privateKey, x?.privateKeyPassword]);
    this.secrets = secrets.filter((s): s is string => Boolean(s));
    p.task.signal.addEventListener("abort", this.onAbort, { once: true });
  }

  async probe(): Promise<void> {
    const r = await this.start(PROBE, [], { root: false, ok: ANY_CODE, timeout: 60_000 });
    const found = parseProbe(r.stdout);
    if (!found) {
      const said = (r.stdout.trim() || r.stderr.trim()).split("\n").slice(0, 3).join(" ").slice(0, 300);
      const other = /login as the user "?([A-Za-z0-9_.-]+)"? rather than/.exec(said)?.[1];
      throw new SshError("shell", `the login ${this.target} gives no shell: ${said || `exit code ${r.exitCode}`}`, {
        hint: other ? `set connection.user to "${other}"` : "use a login with a POSIX shell and no forced command",
      });
    }
    this.uid = found.uid;
    this.rootWay = found.way;
    this.bootId = found.bootId;
    if (found.way !== "none") return;
    const { password } = this.p.connection;
    const sudo = password && wantsPassword(found.sudo) ? await this.trySudo(password) : undefined;
    if (this.rootWay === "none")
      this.notRoot = whyNotRoot(this.user, { ...found, ...(sudo === undefined ? {} : { sudo }) }, sudo !== undefined);
  }

  /** One attempt to become root by sudo with a password. Answers what sudo says when it took it and still refuses. */
  private async trySudo(password: string): Promise<string | undefined> {
    // other resources of the same run may know this server too
    const attempt = createHash("sha256").update(`${this.target}\0${password}`).digest("hex");
    const before = refused.get(attempt);
    if (before) throw before;
    this.rootWay = "sudo";
    this.password = password;
    try {
      const r = await this.start('test "$(id -u)" = 0', [], { ok: ANY_CODE, timeout: 60_000, what: "asking sudo" });
      if (r.exitCode === 0) return undefined;
      this.rootWay = "none";
      return r.stderr.split("\n").join(" ").trim();
    } catch (error) {
      if (error instanceof SshError && error.code === "sudo") refused.set(attempt, error);
      if (!(error instanceof RemoteError && error.timedOut)) throw error;
      throw new SshError("sudo", `sudo on ${this.target} does not answer: it may ask for more than a password`, {
        hint: "log in as root, or let sudo ask that user for a password only, or for nothing",
        cause: error,
      });
    }
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
    const asRoot = (o.root ?? true) && this.uid !== 0;
    if (asRoot && this.rootWay === "none")
      throw new SshError("not-root", `${this.target}: ${this.notRoot?.message}`, { hint: this.notRoot?.hint });
    if (this.closing) throw new SshError("lost", `the connection to ${this.target} is closed`);
    const mark = asRoot && this.password ? randomBytes(8).toString("hex") : undefined;
    const way = asRoot ? (this.rootWay as "sudo" | "doas") : undefined;
    const frame = frameScript(script, args, {
      more: o.input !== undefined,
      by: mark ? (command) => askingSudo(mark, command) : way,
    });
    const sent = o.input === undefined ? frame.head : joined(frame.head, o.input);
    const talk = mark ? dialogue(mark, this.password!, () => chunksOf(sent)) : undefined;
    const apart = (text: string) => talk?.apart(text) ?? text;
    const sshArgs = ["-F", `${this.p.folder.path}/config`, "-T", "pine-mux", frame.command];
    try {
      const running = run("ssh", sshArgs, {
        env: sshEnv(),
        signal: this.p.task.signal,
        input: talk?.input ?? sent,
        output: o.output,
        timeout: o.timeout,
        ok: o.ok,
        onLine: talk ? (line, from) => (from === "stderr" && talk.hear(line)) || o.onLine?.(line, from) : o.onLine,
        redact: this.secrets,
      });
      const r = await impatient(running, o.timeout);
      if (talk?.refused()) throw wrongPassword(this.user, this.target, apart(r.stderr));
      if (r.exitCode === 255) await this.throwIfLost(o.what);
      return { ...r, stderr: apart(r.stderr) };
    } catch (error) {
      if (!(error instanceof RunError)) throw error;
      if (talk?.refused()) throw wrongPassword(this.user, this.target, apart(error.stderr));
      if (!error.timedOut && (error.exitCode === 255 || error.exitCode === undefined)) await this.throwIfLost(o.what);
      const stderr = apart(error.stderr);
      const tail = (stderr.trim() || error.stdout.trim()).split("\n").slice(-12).join("\n");
      const why = error.timedOut
        ? `took longer than ${(o.timeout ?? 0) / 1000} s`
        : `failed (exit code ${error.exitCode})`;
      throw new RemoteError(`${o.what ?? "a remote script"} on ${this.target} ${why}${tail ? `: ${tail}` : ""}`, {
        exitCode: error.exitCode,
        stdout: error.stdout,
        stderr,
        timedOut: error.timedOut,
        cause: error,
      });
    } finally {
      talk?.end();
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
