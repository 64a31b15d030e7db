/** The calls in progress: ends them, and waits for their end. */
import { PineError } from "../errors.ts";

export class Running {
  private stop = new AbortController();
  private readonly calls = new Set<Promise<unknown>>();

  /** Ends every call, and refuses new ones. */
  abort(): void {
    this.stop.abort(new DOMException("cancelled", "AbortError"));
  }

  /** Accepts calls again for a new engine (attach mode outlives one). */
  renew(): void {
    if (this.stop.signal.aborted) this.stop = new AbortController();
  }

  /**
   * Does one call's work. Its signal is aborted by {@link abort}, by `gone` (the caller went away), and after
   * `timeoutSeconds` (0: never).
   */
  async run<T>(timeoutSeconds: number, gone: AbortSignal, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const late = new AbortController();
    const signal = AbortSignal.any([this.stop.signal, gone, late.signal]);
    const reason = new PineError(`took longer than the ${timeoutSeconds} s of customTimeouts`);
    const timer =
      timeoutSeconds > 0
        ? setTimeout(() => late.abort(reason), Math.min(timeoutSeconds * 1000, 2 ** 31 - 1))
        : undefined;
    const call = (async () => {
      signal.throwIfAborted();
      return work(signal);
    })();
    this.calls.add(call);
    try {
      return await call;
    } finally {
      clearTimeout(timer);
      this.calls.delete(call);
    }
  }

  /** Waits until no call is in progress, for at most `limit` milliseconds. Returns whether all have ended. */
  async settled(limit: number): Promise<boolean> {
    let timer: NodeJS.Timeout | undefined;
    const over = new Promise<void>((done) => {
      timer = setTimeout(done, limit);
    });
    await Promise.race([Promise.allSettled(this.calls), over]);
    clearTimeout(timer);
    return this.calls.size === 0;
  }
}
