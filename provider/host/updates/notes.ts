/** What a server did about updates by itself, for a refresh. Pure. */

import { short } from "../../words.ts";
import type { PineFacts } from "../facts/types/pine.ts";

/** The commit that the server went to by itself, with its version: kept with its manifest once it was confirmed. */
export function wentTo({ updates, trust, deployment }: PineFacts): { checksum: string; version?: string } | undefined {
  const runs = deployment?.split(".")[0];
  if (!updates || !runs || trust?.checksum !== runs || updates.state.updated === undefined) return undefined;
  return { checksum: runs, version: trust.version };
}

/** Windows that may pass with an update waiting before it is told: one or two nights are no finding. */
const MISSED_TOLD = 3;

/** Lines for a person. Without `updates` there are none. */
export function updateNotes({ updates }: Pick<PineFacts, "updates">): string[] {
  if (!updates) return [];
  const { problem, checked, result, waiting, withdrawn, hook, missed, missed_why: why } = updates.state;
  const late = Number(missed) >= MISSED_TOLD;
  const version = updates.staged;
  return [
    ...(problem ? [`its last look for updates (${checked}) failed: ${problem}`] : []),
    ...(version ? [`version ${version} is fetched${waiting ? `: ${waiting}` : " and waits for its reboot"}`] : []),
    ...(late ? [`${missed} windows passed with an update waiting${why ? `: ${why}` : ""}`] : []),
    ...(result && !/is confirmed$/.test(result) ? [result] : []),
    ...(withdrawn ? [withdrawn] : []),
    ...(hook ? [`a hook failed: ${hook}`] : []),
  ];
}

/** For a preview: the program is behind what the server pulled. */
export const aheadLine = (
  runs: { checksum: string; version?: string },
  wanted: { checksum: string; version?: string },
) =>
  `ahead of the program: ${runs.version ?? short(runs.checksum)} runs, pulled by the server; the program has ${wanted.version ?? short(wanted.checksum)}`;

/** The same where only the server itself goes to another commit, which may be newer or older than the program's. */
export const pullsLine = (runs: { checksum: string; version?: string }) =>
  `${runs.version ?? `commit ${short(runs.checksum)}`} runs; the server goes to another one by its own updates`;
