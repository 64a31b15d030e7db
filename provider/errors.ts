/** An error that a person can act on: `message` says what is wrong, `hint` what to do about it. */
export class PineError extends Error {
  override name = "PineError";
  readonly hint?: string;
  constructor(message: string, options: { hint?: string; cause?: unknown } = {}) {
    super(options.hint ? `${message}; ${options.hint}` : message, { cause: options.cause });
    this.hint = options.hint;
  }
}

/** Throws a {@link PineError}. */
export function die(message: string, hint?: string, cause?: unknown): never {
  throw new PineError(message, { hint, cause });
}

/** The message of anything thrown, without a stack. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Whether an error comes from the user's cancellation (Ctrl-C), not from the work itself. */
export function isAbort(error: unknown, signal?: AbortSignal): boolean {
  return (error instanceof Error && error.name === "AbortError") || signal?.aborted === true;
}
