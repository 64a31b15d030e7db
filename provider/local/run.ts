/**
 * The only way in which the provider starts a process: no shell, a timeout, cancellation, redaction, and errors that
 * say what ran.
 */
import type { Readable, Writable } from "node:stream";
import { execa } from "execa";
import { PineError } from "../errors.ts";
import { lastLines, redactText, shorten } from "../redact.ts";

export interface RunOptions {
  signal?: AbortSignal;
  /** Milliseconds; 0 or undefined: no limit. */
  timeout?: number;
  cwd?: string;
  /** The whole environment of the child; it does not inherit ours unless `extendEnv`. */
  env?: Record<string, string>;
  extendEnv?: boolean;
  /** Standard input: text, bytes or a stream. Undefined: empty. */
  input?: string | Uint8Array | Readable;
  /** An open file as standard input instead; the child shares it. */
  stdin?: number;
  /** Where standard output goes instead of `stdout`. */
  output?: Writable;
  /** Gets each line of standard error and output as it comes. */
  onLine?: (line: string, from: "stdout" | "stderr") => void;
  /** Strings that must never appear in an error. */
  redact?: string[];
  /** Exit codes that are not errors; default [0]. */
  ok?: number[];
}

export interface RunResult {
  stdout: string;
  stderr: string;
  exitCode: number;
}

/** A process that could not start, failed, ran out of time or was cancelled. */
export class RunError extends PineError {
  override name = "RunError";
  readonly exitCode?: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly timedOut: boolean;
  constructor(
    message: string,
    o: { exitCode?: number; stdout: string; stderr: string; timedOut: boolean; cause?: unknown },
  ) {
    super(message, { cause: o.cause });
    this.exitCode = o.exitCode;
    this.stdout = o.stdout;
    this.stderr = o.stderr;
    this.timedOut = o.timedOut;
  }
}

/** Runs a program to its end. Throws {@link RunError} unless its exit code is in `ok`. */
export async function run(file: string, args: string[], o: RunOptions = {}): Promise<RunResult> {
  o.signal?.throwIfAborted();
  const child = execa(file, args, {
    cwd: o.cwd,
    env: o.env,
    extendEnv: o.extendEnv ?? o.env === undefined,
    // a number is passed on as it is; execa's types know only the standard streams'
    stdin: o.input === undefined ? ((o.stdin ?? "ignore") as "ignore") : "pipe",
    ...(typeof o.input === "string" || o.input instanceof Uint8Array ? { input: o.input } : {}),
    reject: false,
    stripFinalNewline: true,
    timeout: o.timeout ?? 0,
    cancelSignal: o.signal,
    killSignal: "SIGTERM",
    forceKillAfterDelay: 2000,
    buffer: { stdout: o.output === undefined, stderr: true },
    maxBuffer: 64 * 1024 * 1024,
  });
  if (o.input !== undefined && typeof o.input !== "string" && !(o.input instanceof Uint8Array)) {
    const source = o.input as Readable;
    source.on("error", () => child.kill());
    child.stdin?.on("error", () => source.destroy());
    source.pipe(child.stdin!);
  }
  if (o.output) child.stdout?.pipe(o.output, { end: false });
  if (o.onLine) for (const from of ["stdout", "stderr"] as const) lines(child[from], (line) => o.onLine!(line, from));
  const r = await child;
  const result = { stdout: String(r.stdout ?? ""), stderr: String(r.stderr ?? ""), exitCode: r.exitCode ?? -1 };
  if (o.signal?.aborted)
    throw o.signal.reason instanceof Error ? o.signal.reason : new DOMException("cancelled", "AbortError");
  if (r.exitCode !== undefined && (o.ok ?? [0]).includes(r.exitCode)) return result;
  const clean = (text: string) => redactText(text, o.redact);
  const [stdout, stderr] = [clean(result.stdout), clean(result.stderr)];
  const tail = lastLines(stderr.trim() || stdout.trim(), 12);
  const why = r.timedOut
    ? `took longer than ${(o.timeout ?? 0) / 1000} s`
    : r.exitCode !== undefined
      ? `exit code ${r.exitCode}`
      : (r.signal ?? (r as { code?: string }).code ?? "did not start");
  const command = shorten(clean([file, ...args].join(" ")), 300);
  const message = `${command}: ${why}${tail ? `: ${tail}` : ""}`;
  throw new RunError(message, { exitCode: r.exitCode, stdout, stderr, timedOut: r.timedOut });
}

function lines(stream: Readable | null | undefined, each: (line: string) => void): void {
  let rest = "";
  stream?.on("data", (chunk: Buffer) => {
    const parts = (rest + chunk.toString("utf8")).split(/\r?\n|\r/);
    rest = parts.pop() ?? "";
    for (const p of parts) each(p);
  });
  stream?.on("end", () => rest && each(rest));
}
