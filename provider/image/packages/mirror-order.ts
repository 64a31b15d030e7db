/** Several mirrors with the same content, in the person's order: which one is asked, which one is left, and why. */
import { isAbort, PineError } from "../../errors.ts";
import { FetchError } from "../../local/fetch.ts";
import type { Task } from "../../task.ts";
import { BadFile } from "./apkfile.ts";
import type { Source } from "./source.ts";

/** One of them: the mirror's own address, for messages, and what is asked for there. */
export interface Place {
  mirror: string;
  url: string;
}

/** A mirror that did not give what was asked for. */
export interface Failure extends Place {
  error: FetchError | BadFile | OlderIndex;
}

/** An index that is older than what was seen of that repository before, wherever that was. */
export class OlderIndex extends PineError {
  override name = "OlderIndex";
  constructor(
    readonly url: string,
    readonly reason: string,
  ) {
    super(`${url} ${reason}`);
  }
}

/** No mirror gave it: each address with its cause. */
export class MirrorsError extends PineError {
  override name = "MirrorsError";
  /** The message without its hint. */
  readonly told: string;
  constructor(
    readonly failures: Failure[],
    what: string,
  ) {
    const told = `${what}: ${failures.map(causeOf).join("; ")}`;
    const hints = failures.flatMap(({ error }) => error.hint ?? []);
    super(told, { hint: [...new Set(hints)].join("; ") || undefined, cause: failures[0]?.error });
    this.told = told;
  }
}

/** The address that was asked, and what came of it. */
const causeOf = ({ error }: Failure) => `${error instanceof BadFile ? error.file : error.url}: ${error.reason}`;

/** Where something of a repository is: on the mirror and those with the same content, or at its own address alone. */
export function placesOf(url: string, source: Pick<Source, "mirror" | "fallbacks">): Place[] {
  const begin = `${source.mirror}/`;
  if (!url.startsWith(begin)) return [{ mirror: url, url }];
  const rest = url.slice(begin.length);
  return [source.mirror, ...(source.fallbacks ?? [])].map((mirror) => ({ mirror, url: `${mirror}/${rest}` }));
}

/**
 * The other mirrors for one that a Rootfs names itself: the configuration's others where it is among them (they have
 * the same content), else none.
 */
export const fallbacksOf = (mirror: string, o: Pick<Source, "mirror" | "fallbacks">): string[] => {
  const all = [o.mirror, ...(o.fallbacks ?? [])];
  return all.includes(mirror) ? all.filter((m) => m !== mirror) : [];
};

/** Milliseconds for which a mirror that was left is asked last: pacman leaves it for the rest of a transaction. */
const LEFT_MS = 600_000;
/** Mirror -> when and why it was left. Kept for this process, which is one `up` or preview. */
const left = new Map<string, { at: number; why: string }>();

const isLeft = (mirror: string) => Date.now() - (left.get(mirror)?.at ?? -LEFT_MS) < LEFT_MS;

/** Whether only the file is missing or differs: the mirror lags behind or is being updated. */
export const ofTheFile = (error: Failure["error"]): boolean =>
  !(error instanceof FetchError) || [404, 410, 413].includes(error.status ?? 0);

/** Leaves a mirror, and says so: each time for an older index, once for another cause. */
export function leave(failure: Failure, next: string | undefined, task: Task): void {
  const { mirror, error } = failure;
  if (error instanceof OlderIndex || !isLeft(mirror) || left.get(mirror)?.why !== error.reason)
    task.warn(`stopped using the mirror ${mirror}: ${causeOf(failure)}${next ? `; trying ${next}` : ""}`);
  left.set(mirror, { at: Date.now(), why: error.reason });
}

/** Whether another attempt, with full patience, is worth it once no other mirror has it. */
const passing = ({ error }: Failure) =>
  error instanceof FetchError &&
  (error.status === undefined || error.status >= 500 || [408, 429].includes(error.status));

const known = (e: unknown): e is Failure["error"] =>
  e instanceof FetchError || e instanceof BadFile || e instanceof OlderIndex;

/**
 * What the first place gives that has it. With one place: its own answer or error. With several each is asked once,
 * without patience (`hurry`); then those in trouble are asked again, with full patience. `failed` hears of each
 * failure, and who is asked next. Throws a {@link MirrorsError}.
 */
export async function firstOf<T>(
  places: Place[],
  what: string,
  task: Task,
  get: (place: Place, hurry: boolean) => Promise<T>,
  failed: (failure: Failure, next: string | undefined) => void,
): Promise<T> {
  if (places.length === 1) return get(places[0]!, false);
  const order = [...places].sort((a, b) => Number(isLeft(a.mirror)) - Number(isLeft(b.mirror)));
  const failures = new Map<string, Failure>();
  const attempt = async (place: Place, hurry: boolean, next?: string): Promise<{ got: T } | undefined> => {
    try {
      return { got: await get(place, hurry) };
    } catch (error) {
      if (isAbort(error, task.signal) || !known(error)) throw error;
      const failure = { ...place, error };
      failures.set(place.mirror, failure);
      if (hurry) failed(failure, next);
      return undefined;
    }
  };
  for (const [n, place] of order.entries()) {
    const said = await attempt(place, true, order[n + 1]?.mirror);
    if (said) return said.got;
  }
  for (const place of places.filter((p) => passing(failures.get(p.mirror)!))) {
    const said = await attempt(place, false);
    if (said) return said.got;
  }
  throw new MirrorsError(
    places.map((p) => failures.get(p.mirror)!),
    what,
  );
}

/** Reports packages that a mirror lacked, or had changed: a line for each mirror and kind, not for each package. */
export class Passed {
  private readonly byKind = new Map<string, { failure: Failure; names: string[] }>();
  add(failure: Failure, name: string): void {
    const key = `${failure.error instanceof FetchError} ${failure.mirror}`;
    const before = this.byKind.get(key) ?? { failure, names: [] };
    before.names.push(name);
    this.byKind.set(key, before);
  }
  tell(task: Task): void {
    for (const { failure, names } of this.byKind.values()) {
      const more = names.length > 3 ? ` and ${names.length - 3} more` : "";
      task.warn(
        `${failure.mirror} did not give ${names.slice(0, 3).join(", ")}${more} as locked (${failure.error.reason}): taken from another mirror`,
      );
    }
  }
}
