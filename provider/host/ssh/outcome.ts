/** The result of a session: the script's own output and exit code, or why it never began. Pure. */
import type { RunError, RunResult } from "../../local/run.ts";
import { lastLines, redactText } from "../../redact.ts";
import { RemoteError } from "./errors.ts";
import { noSession, noShell } from "./login.ts";
import { wrongPassword } from "./root.ts";
import { afterMark } from "./streams.ts";
import type { Dialogue } from "./sudo.ts";
import type { ExecOptions } from "./types.ts";

export interface Session extends ExecOptions {
  target: string;
  user: string;
  /** The script runs through sudo or doas. */
  asRoot: boolean;
  /** The line before the script's own output. */
  mark: string;
  talk?: Dialogue;
  /** When standard output went elsewhere: whether the mark was seen in it. */
  begun?: boolean;
  secrets: string[];
}

/** The script's result, or its failure. */
export function outcome(r: RunResult, s: Session): RunResult {
  const { target, user } = s;
  const { begun, ...own } = ownOf(r, s);
  if (s.talk?.refused()) throw wrongPassword(user, target, own.stderr);
  if (!begun) {
    const refused = noSession(target, r.stderr);
    if (refused) throw refused;
    const said = redactText(r.stdout.trim() || own.stderr.trim(), s.secrets);
    // complaints of sudo and doas are reported as the script's
    if (!s.asRoot || r.exitCode === 0) throw noShell(target, user, { said, exitCode: r.exitCode });
  }
  if ((s.ok ?? [0]).includes(r.exitCode)) return { ...own, exitCode: r.exitCode };
  throw remoteError(own, `failed (exit code ${r.exitCode})`, s, r);
}

/** The error of a session that took too long, or whose client was killed. */
export function unfinished(error: RunError, s: Session): Error {
  const own = ownOf(error, s);
  if (s.talk?.refused()) return wrongPassword(s.user, s.target, own.stderr);
  const why = error.timedOut ? `took longer than ${(s.timeout ?? 0) / 1000} s` : "failed: this side's ssh was killed";
  return remoteError(own, why, s, error);
}

function ownOf(r: { stdout: string; stderr: string }, s: Session) {
  const stdout = afterMark(r.stdout, s.mark);
  const stderr = afterMark(r.stderr, s.mark) ?? s.talk?.apart(r.stderr) ?? r.stderr;
  return { stdout: stdout ?? "", stderr, begun: s.begun ?? stdout !== undefined };
}

function remoteError(
  own: { stdout: string; stderr: string },
  why: string,
  s: Session,
  { exitCode, timedOut = false }: { exitCode?: number; timedOut?: boolean },
): RemoteError {
  const [stdout, stderr] = [redactText(own.stdout, s.secrets), redactText(own.stderr, s.secrets)];
  const tail = lastLines(stderr.trim() || stdout.trim(), 12);
  const message = `${s.what ?? "a remote script"} on ${s.target} ${why}${tail ? `: ${tail}` : ""}`;
  return new RemoteError(message, { exitCode, stdout, stderr, timedOut });
}
