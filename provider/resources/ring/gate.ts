/** Whether the servers of the rings before have confirmed a commit. Pure. */
import type { PineFacts } from "../../host/facts/types/pine.ts";
import type { AgentStatus } from "../../host/server/agent.ts";
import { failedLook } from "../../host/updates/notes.ts";
import { heldText } from "../../host/ways/update/by-hand.ts";
import { short } from "../../words.ts";

/** What a server said; `away`: why it could not be asked. */
export type Seen = { pine: PineFacts; status?: AgentStatus } | { away: string };

export type Verdict = { is: "confirmed" } | { is: "waits" | "failed"; why: string };

const waits = (why: string): Verdict => ({ is: "waits", why });

/** What a server has made of a commit. Only one that runs it confirmed speaks for it (fleet.md 46). */
export function verdictOf(commit: string, seen: Seen): Verdict {
  if ("away" in seen) return waits(seen.away);
  const { pine, status } = seen;
  if (!status?.running) return waits("Pine does not run there");
  // the boot that was a trial keeps its mark after it was confirmed
  if (status.checksum === commit)
    return status.running === status.slot ? { is: "confirmed" } : waits("it runs there on trial");
  const refused = pine.refused?.find((one) => one.commit === commit);
  if (refused && (refused.kind === "bad" || refused.kind === "person")) {
    const how = refused.kind === "bad" ? "it came back" : "it was rolled back by hand";
    return { is: "failed", why: `${how} at ${refused.since}: ${refused.reason}` };
  }
  if (refused) return waits(`it did not stay, and is tried again: ${refused.reason}`);
  return waits(whatHolds(pine) ?? `commit ${short(status.checksum)} runs${lastLook(pine)}`);
}

function whatHolds({ hold, updates }: PineFacts): string | undefined {
  if (hold) return heldText(hold);
  if (!updates) return undefined;
  const { staged, state } = updates;
  return failedLook(state) ?? (staged && (state.waiting ?? `version ${staged} is fetched`));
}

const lastLook = ({ updates }: PineFacts) =>
  updates ? `; it looked for updates ${updates.state.checked ? `at ${updates.state.checked}` : "never"}` : "";

export type Gate = { is: "open" } | { is: "waits" | "failed"; why: string; names: string[] };

/** Names of servers that a line shows. */
const SHOWN = 3;

/** All have confirmed, one has failed, or some are waited for. */
export function gateOf(verdicts: ReadonlyMap<string, Verdict>): Gate {
  const those = (is: "failed" | "waits") =>
    [...verdicts].flatMap(([name, verdict]) => (verdict.is === is ? [{ name, why: verdict.why }] : []));
  for (const is of ["failed", "waits"] as const) {
    const all = those(is);
    if (all.length === 0) continue;
    const more = all.length > SHOWN ? `, and ${all.length - SHOWN} more` : "";
    const why = all.slice(0, SHOWN).map(({ name, why }) => `${name} (${why})`);
    return { is, why: why.join(", ") + more, names: all.map(({ name }) => name) };
  }
  return { is: "open" };
}
