/** Runs scripts and streams over an open connection, and closes it. */
import { createHash, randomBytes } from "node:crypto";
import { createReadStream } from "node:fs";
import { access } from "node:fs/promises";
import { PassThrough, Readable } from "node:stream";
import { finished } from "node:stream/promises";
import { die, isAbort } from "../../errors.ts";
import { RunError, type RunResult, run } from "../../local/run.ts";
import { redactText } from "../../redact.ts";
import type { Task } from "../../task.ts";
import type { Connection } from "./connection.ts";
import { RemoteError, SshError, targetOf } from "./errors.ts";
import { frameScript } from "./frame.ts";
import { noShell } from "./login.ts";
import { type Master, sshEnv } from "./master.ts";
import { outcome, unfinished } from "./outcome.ts";
import type { PrivateFolder } from "./private-folder.ts";
import { PROBE, parseProbe, wantsPassword, whyNotRoot } from "./root.ts";
import { chunksOf, counted, impatient, joined, linesAfter, StreamAfter } from "./streams.ts";
import { askingSudo, dialogue } from "./sudo.ts";
import { tellsEnd } from "./told.ts";
import type { ExecOptions, ExecResult, NotRoot, RootWay, Ssh, UploadOptions } from "./types.ts";

export interface SessionParts {
  connection: Connection;
  folder: PrivateFolder;
  master: Master;
  task: Task;
  hostKeySeen: string;
  proxyKeySeen?: string;
  /** Sessions that must be open at one time. */
  sessions: number;
  /** ssh's log so far. */
  log: () => string;
}

/** Milliseconds after which a session without an answer is given up; a server that works is faster. */
const PROBE_MS = 60_000;

const ANY_CODE = Array.from({ length: 256 }, (_, code) => code);

const PROBING = { root: false, ok: ANY_CODE, timeout: PROBE_MS };

/** Passwords that sudo refused in this process (digests): a repeated attempt may lock the user out. */
const refused = new Map<string, SshError>();

/** Asks who we are there; throws {@link SshError} when the login gives no shell. */
export async function openSession(p: SessionParts): Promise<Ssh> {
  const session = new Session(p);
  try {
    await session.probe();
    return session;
  } catch (error) {
    session.ignoreAbort();
    throw error;
  }
}

class Session implements Ssh {
  readonly target: string;
  readonly user: string;
  readonly hostKeySeen: string;
  readonly proxyKeySeen: string | undefined;
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
    this.proxyKeySeen = p.proxyKeySeen;
    const c = p.connection;
    const secrets = [c, c.proxy].flatMap((x) => [x?.password, x?.privateKey, x?.privateKeyPassword]);
    this.secrets = secrets.filter((s): s is string => Boolean(s));
    p.task.signal.addEventListener("abort", this.onAbort, { once: true });
  }

  async probe(): Promise<void> {
    const r = await (this.p.sessions > 1 ? this.probeTwice() : this.start(PROBE, [], PROBING));
    const found = parseProbe(r.stdout);
    if (!found) throw noShell(this.target, this.user, { ...r, said: r.stdout.trim() || r.stderr.trim() });
    this.uid = found.uid;
    this.rootWay = found.way;
    this.bootId = found.bootId;
    if (found.way !== "none") return;
    const { password } = this.p.connection;
    const sudo = password && wantsPassword(found.sudo) ? await this.trySudo(password) : undefined;
    if (this.rootWay === "none")
      this.notRoot = whyNotRoot(this.user, { ...found, ...(sudo === undefined ? {} : { sudo }) }, sudo !== undefined);
  }

  /** The probe, with a second session beside it: the server's lock is held in one while another works. */
  private async probeTwice(): Promise<RunResult> {
    const input = new PassThrough();
    let second: Promise<unknown> = Promise.resolve();
    const onLine = (line: string) => {
      if (line !== "pine-probed") return;
      second = this.start(":", [], PROBING).finally(() => input.end());
      second.catch(() => {});
    };
    const r = await this.start(`${PROBE}\necho pine-probed\ncat >/dev/null`, [], { ...PROBING, input, onLine });
    await second;
    return r;
  }

  /** One attempt to become root by sudo. Answers what sudo says when it took the password and still refuses. */
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
      await access(source).catch((cause) =>
        die(`${source} cannot be read`, "Pine needs it to send it to the server", cause),
      );
    const stream =
      typeof source === "string"
        ? createReadStream(source, { highWaterMark: 256 * 1024 })
        : source instanceof Readable
          ? source
          : Readable.from([source]);
    const size = o.size ?? (source instanceof Uint8Array ? source.length : undefined);
    let failure: unknown;
    const parts = counted(stream as AsyncIterable<Uint8Array>, { ...o, size }, (error) => {
      failure = error;
    });
    try {
      return await this.start(script, args, { ...o, input: Readable.from(parts) });
    } catch (error) {
      // a failure of the source is the cause; without one it is the remote script, which ended early
      if (failure && !isAbort(failure) && !this.p.task.signal.aborted && !(error instanceof SshError)) throw failure;
      throw error;
    } finally {
      stream.destroy();
    }
  }

  close(): Promise<void> {
    return this.end(false);
  }

  ignoreAbort(): void {
    this.p.task.signal.removeEventListener("abort", this.onAbort);
  }

  private end(now: boolean): Promise<void> {
    this.ignoreAbort();
    this.closing ??= this.p.master.stop(now || this.p.task.signal.aborted).finally(() => this.p.folder.remove());
    return this.closing;
  }

  private async start(script: string, args: string[], o: ExecOptions): Promise<RunResult> {
    const asRoot = (o.root ?? true) && this.uid !== 0;
    if (asRoot && this.rootWay === "none")
      throw new SshError("not-root", `${this.target}: ${this.notRoot?.message}`, { hint: this.notRoot?.hint });
    if (this.closing) throw new SshError("lost", `the connection to ${this.target} is closed`);
    const id = randomBytes(8).toString("hex");
    const mark = `pine-begins-${id}`;
    const way = asRoot ? (this.rootWay as "sudo" | "doas") : undefined;
    const asks = asRoot && this.password !== undefined;
    const frame = frameScript(script, args, {
      more: o.input !== undefined,
      mark,
      by: asks ? (command) => askingSudo(id, command) : way,
    });
    const sent = o.input === undefined ? frame.head : joined(frame.head, o.input);
    const talk = asks ? dialogue(id, this.password!, () => chunksOf(sent)) : undefined;
    const onLine = linesAfter(mark, o.onLine);
    const output = o.output && new StreamAfter(mark, o.output);
    const about = { mark, talk, asRoot, target: this.target, user: this.user, secrets: this.secrets };
    const told = tellsEnd(this.p.task, this.target, o.what);
    try {
      const running = run("ssh", ["-F", `${this.p.folder.path}/config`, "-T", "pine-mux", frame.command], {
        env: sshEnv(),
        signal: this.p.task.signal,
        input: talk?.input ?? sent,
        output,
        timeout: o.timeout,
        ok: ANY_CODE,
        onLine: (line, from) => (from === "stderr" && talk?.hear(line)) || onLine?.(line, from),
        redact: this.secrets,
      });
      const r = await impatient(running, o.timeout);
      told(`exit code ${r.exitCode}`);
      if (output) await finished(output.end());
      if (r.exitCode === 255 && !talk?.refused()) await this.throwIfLost(o.what);
      return outcome(r, { ...o, ...about, begun: output?.begun });
    } catch (error) {
      if (!(error instanceof RunError) || error instanceof RemoteError) throw error;
      told(error.timedOut ? "ended by its limit" : "not ended well");
      if (!error.timedOut && !talk?.refused()) await this.throwIfLost(o.what);
      throw unfinished(error, { ...o, ...about });
    } finally {
      talk?.end();
    }
  }

  /** 255 may be ssh's own exit code or a script's: the connection is lost if the process that held it is gone. */
  private async throwIfLost(what: string | undefined): Promise<void> {
    const ended = this.p.master.ended ?? (await this.p.master.settle(300));
    if (!ended && !this.closing) return;
    const reason = redactText(`${this.p.log()}\n${ended?.stderr ?? ""}`.trim(), this.secrets)
      .split("\n")
      // what LogLevel VERBOSE logs of a healthy connection
      .filter((line) => !/^(Authenticated |Transferred: |Bytes per second)/.test(line))
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
