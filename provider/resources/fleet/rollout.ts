/**
 * Holds up what would take too many servers of a fleet down. The engine keeps the order of the turns; this counts who
 * is down for other reasons, too, and lets nobody go on after a failure.
 */
import { die } from "../../errors.ts";
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

export class Rollout implements Overseer {
  private readonly seen = new Map<string, Seen>();
  private readonly noticed = new Map<string, () => void>();
  private readonly outcomes = new Map<string, Outcome>();
  private readonly busy = new Set<string>();
  private readonly waiting = new Set<() => void>();
  private down: Promise<ReadonlySet<string>> | undefined;
  /** Servers whose change has ended, and how. */
  private readonly over = new Map<string, "done" | "failed">();

  constructor(
    private readonly plan: RolloutPlan,
    private readonly way: {
      /** A server's name from its URN. */
      nameOf(urn: string): string;
      /** Which servers cannot be reached. */
      silent(call: Task): Promise<ReadonlySet<string>>;
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
    this.down ??= this.way.silent(call);
    const down = await this.down;
    const left = operation === "update" && down.has(name) && this.leaves(name);
    if (left) {
      this.outcomes.set(name, { left: true });
      return { left, mayStop() {} };
    }
    const others = [...down].filter((other) => other !== name);
    const room = this.plan.maxUnavailable - others.length;
    await this.turn(name, Math.max(1, room), call);
    return { left, mayStop: (how) => this.mayStop(name, others, how) };
  }

  leave(urn: string, done: boolean): void {
    const name = this.way.nameOf(urn);
    this.busy.delete(name);
    this.over.set(name, done ? "done" : "failed");
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
      const early = pastCanary(this.plan, name, outcomes);
      return early ? [`${name} ${early}: \`pulumi up\` refuses that`] : [];
    });
  }

  private leaves(name: string): boolean {
    const { unreachable, canaries } = this.plan;
    return unreachable === "skip" || (unreachable === "failCanaries" && !canaries.includes(name));
  }

  /** Waits until fewer than `room` servers are worked on. */
  private async turn(name: string, room: number, { signal, step }: Task): Promise<void> {
    for (;;) {
      signal.throwIfAborted();
      const failed = [...this.over].find(([other, end]) => end === "failed" && other !== name)?.[0];
      if (failed) die(`not touched, because ${failed} of this fleet failed`, "see there; the next `pulumi up` goes on");
      if (this.busy.size < room) break;
      step(`waiting for ${listed([...this.busy])}`);
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
    this.busy.add(name);
  }

  private mayStop(name: string, down: string[], { serves, insist }: Stop): void {
    const { maxUnavailable } = this.plan;
    const early = insist ? undefined : pastCanary(this.plan, name, this.outcomes);
    if (early)
      die(`it would be stopped ${early}`, `update that one first, or set \`force: true\` for ${name} to insist`);
    if (serves && !insist && down.length >= maxUnavailable) {
      const [are, them] = down.length > 1 ? ["are", "them"] : ["is", "it"];
      die(
        `${listed(down)} of this fleet ${are} down already, and rollout.maxUnavailable is ${maxUnavailable}: ${name} is not stopped`,
        `bring ${them} back, take ${them} out of the fleet, raise maxUnavailable, or set \`force: true\` for ${name} to insist`,
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
