/** What a ring's manifest says next. Pure. */
import type { Statement } from "../../trust/publication.ts";
import type { Made } from "../commit/history.ts";
import type { Gate } from "./gate.ts";

/** Commits that a ring remembers: those that a server may still run, for deltas and barriers. */
const KEPT = 20;

export interface Next {
  /** What was signed for this ring, the newest first; the first of it is what the manifest names. */
  history: Made[];
  /** Why the wanted commit is not it. */
  waits?: string;
  /** A server of a ring before could not stay on it. */
  failed?: string;
}

/** A commit that was withdrawn, or that a server before does not run confirmed, is never signed. */
export function nextOf(wanted: Made, gate: Gate, withdrawn: readonly string[], history: Made[]): Next {
  if (history[0]?.checksum === wanted.checksum) return { history };
  const which = `version ${wanted.version}`;
  if (withdrawn.includes(wanted.checksum)) return { history, waits: `${which} was withdrawn` };
  if (gate.is === "failed") return { history, failed: `${which} failed on ${gate.why}` };
  if (gate.is === "waits") return { history, waits: `${which} waits for ${gate.why}` };
  return { history: [wanted, ...history.filter((h) => h.checksum !== wanted.checksum)].slice(0, KEPT) };
}

/** What is said besides. A barrier brings servers to a commit: it counts where that was signed for this ring. */
export const ringStatement = (
  o: { withdrawn?: readonly string[]; barriers?: readonly string[] },
  history: readonly Made[],
): Statement => ({
  withdrawn: [...(o.withdrawn ?? [])],
  barriers: history
    .filter(({ checksum }) => o.barriers?.includes(checksum) && !o.withdrawn?.includes(checksum))
    .map(({ version, checksum }) => ({ version, checksum })),
});
