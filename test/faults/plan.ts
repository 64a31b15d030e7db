/** Which cut is made n-th: a function of the seed alone, so that a campaign goes on where it stopped. */
import type { CutChoice } from "../lab/disk/index.ts";
import { type Moment, PHASES } from "./phases.ts";
import { chance } from "./random.ts";

export interface Cut {
  seed: number;
  /** From 1. */
  n: number;
  phase: string;
  /** Name of the moment. */
  moment: string;
  what: Moment;
  /** Where in the moment's span, 0 to 1. */
  where: number;
  choice: CutChoice;
  /** Also: is the file system whole, and does the next command complete. */
  sample: boolean;
}

/** One in so many is a sample. */
const SAMPLE = 5;

/** The n-th cut of a campaign over these phases: each phase in turn, and in it each moment in turn. */
export function cutOf(seed: number, n: number, phases: string[], samples = true): Cut {
  const phase = phases[(n - 1) % phases.length]!;
  const moments = Object.entries(PHASES[phase]!.moments);
  const round = Math.floor((n - 1) / phases.length);
  // another seed begins elsewhere
  const first = Math.floor(chance(seed, phase) * moments.length);
  const [moment, what] = moments[(round + first) % moments.length]!;
  const kind = chance(seed, n, "mode");
  return {
    seed,
    n,
    phase,
    moment,
    what,
    where: chance(seed, n, "where"),
    choice: {
      mode: kind < 0.5 ? "drop" : kind < 0.8 ? "sectors" : "writes",
      seed: Math.floor(chance(seed, n, "sectors") * 2 ** 32),
    },
    sample: samples && chance(seed, n, "sample") < 1 / SAMPLE,
  };
}
