/**
 * What long work gets from its caller: a signal that ends it, and a way to report progress.
 * image/ and host/ know only this, not Pulumi.
 */
export interface Task {
  /** Aborted on Ctrl-C, or when the engine died. All long work ends within 4 s of it. */
  readonly signal: AbortSignal;
  /** A live line beside the resource ("sending 34 of 82 MB"); replaced by the next. */
  step(message: string): void;
  /** A line that stays. */
  warn(message: string): void;
  /** A line for who looks for a fault: shown by `--debug`, and in the log of `-v=9`. */
  debug?(message: string): void;
}

/** A task that says nothing, for tests and scripts. */
export function quietTask(signal: AbortSignal = new AbortController().signal): Task {
  return { signal, step() {}, warn() {} };
}

/** Milliseconds between two progress lines: nobody reads them faster. */
const STEP_INTERVAL_MS = 250;

/** Calls `tell` a few times a second at most; in between it does nothing. */
export function fewTimes<A extends unknown[]>(tell: (...args: A) => void): (...args: A) => void {
  let last = 0;
  return (...args) => {
    if (Date.now() - last < STEP_INTERVAL_MS) return;
    last = Date.now();
    tell(...args);
  };
}
