/** What a way tells about itself: ways/words.ts makes a plan's words from it and from the steps. */
import type { Facts } from "../facts/types/facts.ts";
import type { Plan } from "./types.ts";

/** A plan without its words, and what the words are made from. */
export interface Told {
  plan: Omit<Plan, "summary" | "lines">;
  facts: Facts;
  /** The old system: "Debian 12". */
  title: string;
}

export interface WayWords {
  /** The one line of a preview begins with it: "alongside Debian 12 on vda2 (ext4, 3.5 GB free)". */
  head: string;
  /** What is sent, and how often the server restarts. */
  effort: string;
  /** What the one line says in addition, in this order. */
  parts: string[];
  /** Lines of the whole plan before those of the steps. */
  before: string[];
  /** Lines after those of the steps. */
  after?: string[];
  erases: string;
  /** Lines after what is erased. */
  data?: string[];
  destroy: string;
  notes?: string[];
}
