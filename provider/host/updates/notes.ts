/** What a server did about updates by itself, for a refresh. Pure. */

import { short } from "../../words.ts";
import type { PineFacts } from "../facts/types/pine.ts";
import type { Updates } from "./settings.ts";

/** The commit that the server went to by itself, with its version: kept with its manifest once it was confirmed. */
export function wentTo({ updates, trust, deployment }: PineFacts): { checksum: string; version?: string } | undefined {
  const runs = deployment?.split(".")[0];
  if (!updates || !runs || trust?.checksum !== runs || updates.state.updated === undefined) return undefined;
  return { checksum: runs, version: trust.version };
}

/** The last look that was without success; undefined: none was. */
export const failedLook = ({ problem, checked }: Record<string, string | undefined>): string | undefined =>
  problem && `its last look for updates (${checked}) failed: ${problem}`;

/** Windows that may pass with an update waiting before it is told: one or two nights are no finding. */
const WINDOWS_TOLD = 3;

/** Looks that may be missed before that is a finding, as on the server (libexec/pine/told). */
const LOOKS_MISSED = 3;

/** What a server did not hear for too long, `now` in ms. */
function silences({ heard, published }: Record<string, string | undefined>, o: Asked, now: number): string[] {
  const hours = (since: string) => Math.floor((now / 1000 - Number(since)) / 3600);
  const lines: string[] = [];
  if (heard && hours(heard) > LOOKS_MISSED * o.everyHours)
    lines.push(`it heard nothing of its update server for ${hours(heard)} h`);
  if (published && hours(published) > 24 * o.staleDays)
    lines.push(`nothing was signed for ${Math.floor(hours(published) / 24)} days: its mirror may stand still`);
  return lines;
}
type Asked = Pick<Updates, "everyHours" | "staleDays">;

/** Lines for a person. Without `updates` there are none. `asked`: the program's, where it has them. */
export function updateNotes({ updates }: Pick<PineFacts, "updates">, asked?: Asked, now = Date.now()): string[] {
  if (!updates) return [];
  const { result, waiting, withdrawn, hook, missed, missed_why: why } = updates.state;
  const failed = failedLook(updates.state);
  const late = Number(missed) >= WINDOWS_TOLD;
  const version = updates.staged;
  return [
    ...(failed ? [failed] : []),
    ...(version ? [`version ${version} is fetched${waiting ? `: ${waiting}` : " and waits for its reboot"}`] : []),
    ...(late ? [`${missed} windows passed with an update waiting${why ? `: ${why}` : ""}`] : []),
    ...(result && !/is confirmed$/.test(result) ? [result] : []),
    ...(asked ? silences(updates.state, asked, now) : []),
    ...(withdrawn ? [withdrawn] : []),
    ...(hook ? [`a hook failed: ${hook}`] : []),
  ];
}

/** Before an update: what is red without it is not its fault (systemd/systemd#9437). */
export const redNotes = ({ red = [] }: Pick<PineFacts, "red">): string[] =>
  red.map((line) => `this server's health check is red before the update: ${line}`);

/** For a preview: the program is behind what the server pulled. */
export const aheadLine = (
  runs: { checksum: string; version?: string },
  wanted: { checksum: string; version?: string },
) =>
  `ahead of the program: ${runs.version ?? short(runs.checksum)} runs, pulled by the server; the program has ${wanted.version ?? short(wanted.checksum)}`;

/** The same where only the server itself goes to another commit, which may be newer or older than the program's. */
export const pullsLine = (runs: { checksum: string; version?: string }) =>
  `${runs.version ?? `commit ${short(runs.checksum)}`} runs; the server goes to another one by its own updates`;
