/** Whether a group gets through its window (fleet.md 10, thaum-xyz/ankhmorpork#1079). Pure. */
import { type Updates, worstMinutes } from "./settings.ts";

export interface Queue {
  group: string;
  /** Servers that are to go. */
  members: number;
  /** How many of them may be down at once. */
  slots: number;
}

/** What does not fit, in words; undefined: all get through even where each takes as long as it may. */
export function tooMany(
  { group, members, slots }: Queue,
  { reboot, windows }: Pick<Updates, "reboot" | "windows">,
  deadman: number,
): string | undefined {
  if (reboot !== "window" || windows.length === 0) return undefined;
  const longest = Math.max(...windows.map(({ minutes }) => minutes));
  const each = worstMinutes(deadman);
  const needed = Math.ceil(members / slots) * each;
  if (needed <= longest) return undefined;
  const through = Math.max(1, Math.floor(longest / each)) * slots;
  return `group ${group} may not get through its window: ${members} servers, ${slots} at a time, take ${needed} min where each needs the ${each} min that it may, and the longest window has ${longest}; the last ones wait for window ${Math.ceil(members / through)}`;
}
