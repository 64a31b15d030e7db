/** What a way into a server is: its refusals, its steps, its words. A folder of ways/ each; ways/all.ts lists them. */
import type { Facts } from "../facts/types/facts.ts";
import type { Check } from "./check.ts";
import type { Step } from "./steps.ts";
import type { Told, WayWords } from "./told.ts";
import type { Existing, ImageFacts, Method, PlanInputs } from "./types.ts";

/** What the steps are made from. */
export interface Taken {
  facts: Facts;
  image: ImageFacts;
  existing: Existing;
  /** Seconds. */
  deadman: number;
  /** What finalize erases, in words. */
  removes?: string;
}

export interface WayIn {
  /** Asked beside the refusals for every server (ways/refusals.ts). */
  refusals: readonly Check[];
  /** It installs on a machine of its own kernel: its firmware, virtualisation and old system are asked, too. */
  machine: boolean;
  /**
   * Whether the commit's kernel must drive the disk that is overwritten, or the one that the server's root is on;
   * absent: no kernel of the commit boots.
   */
  drives?: "over" | "beside";
  /** What is recorded as the installation's method; absent: nothing is installed anew. */
  method?: Exclude<Method, "auto">;
  steps(taken: Taken): Step[];
  words(told: Told): WayWords;
  /** What a person should read before. */
  notes(told: Told, inputs: PlanInputs): string[];
}
