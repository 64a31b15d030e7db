/** The calls under way: what ends them, and when they have ended. */
import { PineError } from "../errors.ts";

export class Running {
  private stop = new AbortController();
  private readonly calls = new Set<Promise<unknown>>();

  /** Ends every call, and refuses new ones. */
  abort(): void {
    this.stop.abort(new DOMException("cancelled", "AbortError"));
  }

  /** A new engine is there (attach mode outlives one): calls are taken again. */
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

  /** Done when no call is under way any more, or after `limit` milliseconds. Answers whether all have ended. */
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
