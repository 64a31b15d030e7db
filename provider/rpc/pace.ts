/** How often the live line of a resource is sent: on a terminal it is replaced, in a log each one stays. */
import { readlinkSync } from "node:fs";

export interface Pace {
  /** Least milliseconds between two lines. */
  least: number;
  /** Whether the first line comes at once, and what waits is sent before a line that stays. */
  eager: boolean;
  /** Milliseconds of silence after which the last line is said again, with how long it has lasted; absent: never. */
  most?: number;
}

/** On a terminal: nobody reads more than two a second, and each is an rpc. */
export const LIVE: Pace = { least: 500, eager: true };
/**
 * In a file, a pipe, a log of CI: short work says nothing, long work four lines a minute at most, and two at least,
 * because jobs that are silent are ended (pulumi/actions#1402, #1108; pulumi/pulumi#14069).
 */
export const LOGGED: Pace = { least: 15_000, eager: false, most: 25_000 };

/** For who reads each line, as tests do. */
export const EVERY: Pace = { least: 0, eager: true };

/** Where the standard output of a process goes, as Linux tells it; null: not told. */
function outputOf(pid: number): string | null {
  try {
    return readlinkSync(`/proc/${pid}/fd/1`);
  } catch {
    return null;
  }
}

/**
 * The pace of this plugin. `PINE_PROGRESS`, "live", "log" or "all", decides. Otherwise it is where the CLI, which
 * started us, writes to; the engine does not tell. Where that is not to be seen (macOS), only `CI` says that it is a
 * log.
 */
export function paceOf(env: NodeJS.ProcessEnv, output: string | null = outputOf(process.ppid)): Pace {
  if (env.PINE_PROGRESS === "live") return LIVE;
  if (env.PINE_PROGRESS === "log") return LOGGED;
  if (env.PINE_PROGRESS === "all") return EVERY;
  if (output === null) return env.CI ? LOGGED : LIVE;
  return /^\/dev\/(pts\/\d+|tty|console)/.test(output) ? LIVE : LOGGED;
}

const MINUTE = 60_000;
/** The line that breaks a silence. `since`: milliseconds that the work it names has taken. */
export const stillAt = (line: string, since: number): string =>
  `${line}; since ${since < 2 * MINUTE ? `${Math.round(since / 1000)} s` : `${Math.round(since / MINUTE)} min`}`;
