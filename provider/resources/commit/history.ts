/** The commits that an OstreeCommit made, the newest first, and which of them the store keeps. Pure. */

export interface Made {
  checksum: string;
  version: string;
  /** When it became the newest: ISO 8601, UTC. */
  made: string;
}

export interface Retain {
  /** Number of commits, the newest included. */
  commits?: number;
  /** Keeps commits made within this many days. */
  days?: number;
}

/** Number of commits kept without `retain`: a state should not grow for ever. */
const KEPT = 100;
const DAY_MS = 86_400_000;

/**
 * The history with one more commit. A commit that comes again, after a rollback, is the newest again. The newest itself
 * keeps its time.
 */
export function withCommit(history: Made[], made: Made): Made[] {
  const [newest, ...rest] = history;
  if (newest?.checksum === made.checksum) return [{ ...newest, version: made.version }, ...rest];
  return [made, ...history.filter((h) => h.checksum !== made.checksum)];
}

/** The commits that at least one of the two rules keeps, and always the newest. `now`: ms since 1970. */
export function retained(history: Made[], retain: Retain | undefined, now: number): Made[] {
  const { commits, days } = retain ?? { commits: KEPT };
  return history.filter(
    (h, n) =>
      n === 0 ||
      (commits !== undefined && n < commits) ||
      (days !== undefined && now - Date.parse(h.made) < days * DAY_MS),
  );
}
