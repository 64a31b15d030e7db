/**
 * What long work gets from its caller: a signal that ends it, and a way to say where it is.
 * image/ and host/ know only this, not Pulumi.
 */
export interface Task {
  /** Aborted on Ctrl-C, or when the engine died. Everything long ends within 4 s of it. */
  readonly signal: AbortSignal;
  /** A live line beside the resource ("sending 34 of 82 MB"); replaced by the next. */
  step(message: string): void;
  /** A line that stays. */
  warn(message: string): void;
}

/** A task that says nothing, for tests and scripts. */
export function quietTask(signal: AbortSignal = new AbortController().signal): Task {
  return { signal, step() {}, warn() {} };
}
