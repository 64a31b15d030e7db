/** What is known of the RAM system of an overwrite (facts/ram.ts). */

/** The RAM system of an overwrite that runs instead of any installed one. */
export interface RamFacts {
  /** id, stack, urn, created, old. */
  install: Record<string, string>;
  /** The plan it was started with, as JSON. */
  plan: string;
  /** sha256 of the image whose blocks are being written. */
  image?: string;
  /** Blocks of it, and how many of them are written and compared. */
  blocks: number;
  verified: number;
  finished: boolean;
}
