/**
 * Holds up what would take too many servers of a fleet down. The engine keeps the order of the turns; this counts who
 * is down for other reasons, too, and lets nobody go on after a failure.
 */
import { die } from "../../errors.ts";
import { ignoring, isIgnored } from "../../host/plan/ignorable.ts";
import type { Membership, Operation, Overseer, Stop } from "../../resource.ts";
import type { Task } from "../../task.ts";
import { listed } from "../../words.ts";
import type { Seen } from "./summary.ts";

/** What becomes of a server that cannot be reached: its update fails, or it is left for later. */
export const UNREACHABLE = ["failCanaries", "fail", "skip"] as const;
export type WhenUnreachable = (typeof UNREACHABLE)[number];

export interface RolloutPlan {
  /** Names by turns. */
  turns: readonly (readonly string[])[];
  canaries: readonly string[];
  maxUnavailable: number;
  unreachable: WhenUnreachable;
  commit: string;
}

/** What is known of a server that the engine is done with. */
interface Outcome {
  /** Checksum that it runs; absent: none of ours, or not known. */
  runs?: string;
  /** It was left alone because it cannot be reached. */
  left: boolean;
}

/** Who does not answer, and how many changes had ended when that was asked. */
interface Question {
  after: number;
  names: Promise<ReadonlySet<string>>;
}

export class Rollout implements Overseer {
  private readonly seen = new Map<string, Seen>();
  private readonly noticed = new Map<string, () => void>();
  private readonly outcomes = new Map<string, Outcome>();
  private readonly busy = new Set<string>();
  private readonly waiting = new Set<() => void>();
  private question: Question | undefined;
  private quiet: ReadonlySet<string> = new Set();
  /** Servers whose change has ended, and how. */
  private ends = 0;
  private readonly over = new Map<string, "done" | "failed">();
  /** Servers whose ring was signed for what they are asked for: the rings keep the order of those. */
  readonly signed = new Set<string>();

  constructor(
    private readonly plan: RolloutPlan,
    private readonly way: {
      /** A server's name from its URN. */
      nameOf(urn: string): string;
      /** Which servers cannot be reached. `busy`: not asked; `quiet`: could not be before, and are not waited for. */
      silent(call: Task, known: Record<"busy" | "quiet", ReadonlySet<string>>): Promise<ReadonlySet<string>>;
      /** Called when a server has failed, before the engine knows. */
      failed(): void;
    },
  ) {}

  asked(urn: string): void {
    this.noticed.get(this.way.nameOf(urn))?.();
  }

  planned(urn: string, operation: Operation): void {
    this.seen.set(this.way.nameOf(urn), { operation });
  }

  /** Resolves when the engine asks about a server: it has taken its registration in, and those before. */
  taken = (name: string): Promise<void> => new Promise((done) => void this.noticed.set(name, done));
  seenOf = (name: string): Seen => this.seen.get(name) ?? {};
  /** How the change of a server ended; absent: it has not ended, or has not begun. */
  endOf = (name: string): "done" | "failed" | undefined => this.over.get(name);
  isBusy = (name: string): boolean => this.busy.has(name);

  /** The engine is done with a server. */
  ended(name: string, runs: string | undefined): void {
    this.outcomes.set(name, { left: false, ...this.outcomes.get(name), runs });
  }

  async enter(urn: string, operation: Operation, call: Task): Promise<Membership> {
    const name = this.way.nameOf(urn);
    this.seen.set(name, { operation });
    for (;;) {
      const down = await this.silent(call);
      const failed = [...this.over].find(([other, end]) => end === "failed" && other !== name)?.[0];
      if (failed) die(`not touched, because ${failed} of this fleet failed`, "see there; the next `pulumi up` goes on");
      const left = operation === "update" && down.has(name) && this.leaves(name);
      if (left) {
        this.outcomes.set(name, { left: true });
        return { left, mayStop() {} };
      }
      // one that is worked on has its place already
      const others = [...down].filter((other) => other !== name && !this.busy.has(other));
      if (this.busy.size < Math.max(1, this.plan.maxUnavailable - others.length)) {
        this.busy.add(name);
        return { left, mayStop: (how) => this.mayStop(name, others, how) };
      }
      call.step(`waiting for ${listed([...this.busy])}`);
      await this.nextEnd(call.signal);
    }
  }

  leave(urn: string, done: boolean): void {
    const name = this.way.nameOf(urn);
    this.busy.delete(name);
    this.over.set(name, done ? "done" : "failed");
    this.ends++;
    if (!done) this.way.failed();
    for (const wake of [...this.waiting]) wake();
  }

  /** For a preview: servers that would come before their turn. */
  early(): string[] {
    if (this.plan.commit === "") return [];
    // what this run changes as well comes first
    const changed = [...this.seen.keys()].map((name) => [name, { left: true }] as const);
    const outcomes = new Map<string, Outcome>([...this.outcomes, ...changed]);
    return [...this.seen.keys()].flatMap((name) => {
      const early = this.signed.has(name) ? undefined : pastCanary(this.plan, name, outcomes);
      return early
        ? [
            `${name} would be stopped ${early}; \`pulumi up\` refuses that without its \`ignoreChecks: ["canary-first"]\``,
          ]
        : [];
    });
  }

  private leaves(name: string): boolean {
    const { unreachable, canaries } = this.plan;
    return unreachable === "skip" || (unreachable === "failCanaries" && !canaries.includes(name));
  }

  /** Who does not answer. Asked anew when a change has ended: a server may have gone down, or come back. */
  private async silent(call: Task): Promise<ReadonlySet<string>> {
    for (;;) {
      call.signal.throwIfAborted();
      const question = this.ask(call);
      const names = await question.names;
      if (question.after === this.ends) return names;
    }
  }

  private ask(call: Task): Question {
    if (this.question?.after === this.ends) return this.question;
    const names = this.way.silent(call, { busy: new Set(this.busy), quiet: this.quiet }).then((found) => {
      this.quiet = found;
      return found;
    });
    const question = { after: this.ends, names };
    this.question = question;
    // the next one asks with a signal of its own
    names.catch(() => {
      if (this.question === question) this.question = undefined;
    });
    return question;
  }

  private async nextEnd(signal: AbortSignal): Promise<void> {
    await new Promise<void>((done) => {
      const wake = () => {
        this.waiting.delete(wake);
        signal.removeEventListener("abort", wake);
        done();
      };
      this.waiting.add(wake);
      signal.addEventListener("abort", wake);
    });
  }

  private mayStop(name: string, down: string[], stop: Stop): void {
    const { maxUnavailable } = this.plan;
    const free = isIgnored(stop, "canary-first") || this.signed.has(name);
    const early = free ? undefined : pastCanary(this.plan, name, this.outcomes);
    if (early) die(`it would be stopped ${early}`, `update that one first, or ${ignoring("canary-first")} of ${name}`);
    if (stop.serves && !isIgnored(stop, "max-unavailable") && down.length >= maxUnavailable) {
      const [are, them] = down.length > 1 ? ["are", "them"] : ["is", "it"];
      die(
        `${listed(down)} of this fleet ${are} down already, and rollout.maxUnavailable is ${maxUnavailable}: ${name} is not stopped`,
        `bring ${them} back, take ${them} out of the fleet, raise maxUnavailable, or ${ignoring("max-unavailable")} of ${name}`,
      );
    }
    this.seen.set(name, { ...this.seen.get(name), stopped: true });
  }
}

/**
 * Why a server would come before its turn, as with `--target`: a server of an earlier turn does not run the commit.
 * Those that were left because they cannot be reached do not count. Pure.
 */
export function pastCanary(
  { turns, canaries, commit }: Pick<RolloutPlan, "turns" | "canaries" | "commit">,
  name: string,
  outcomes: ReadonlyMap<string, Outcome>,
): string | undefined {
  const own = turns.findIndex((turn) => turn.includes(name));
  const before = turns.slice(0, Math.max(own, 0)).flat();
  const behind = before.find((other) => {
    const outcome = outcomes.get(other);
    return !outcome?.left && outcome?.runs !== commit;
  });
  if (behind === undefined) return undefined;
  const what = canaries.includes(behind) ? "the canary" : "the server";
  const runs = outcomes.get(behind)?.runs;
  const does = runs ? `runs commit ${runs.slice(0, 12)}` : "does not run Pine";
  return `before its turn: ${what} ${behind} comes first and ${does}, not ${commit.slice(0, 12)}`;
}
