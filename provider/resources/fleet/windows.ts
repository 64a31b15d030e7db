/** Whether the servers of a fleet that share a reboot lock get through their windows. Pure. */
import { DEADMAN_SECONDS } from "../../boot/options.ts";
import { type Queue, tooMany } from "../../host/updates/fits.ts";
import { UPDATE_DEFAULTS, type Updates } from "../../host/updates/settings.ts";
import { hasUnknown, type Props, plain } from "../../properties/values.ts";

interface Group extends Queue {
  updates: Pick<Updates, "reboot" | "windows">;
  deadman: number;
}

/** A line for each group that does not fit. `together`: names of those that go in the same window, as a ring does. */
export function windowLines(members: Record<string, Props>, together: readonly (readonly string[])[]): string[] {
  return together.flatMap((names) => {
    const groups = new Map<string, Group>();
    for (const name of names) {
      const { updates, rebootLock, trialTimeout } = members[name]!;
      if (!updates || !rebootLock || [updates, rebootLock, trialTimeout].some(hasUnknown)) continue;
      const lock = plain(rebootLock) as Props;
      // a FleetLock server does not say how many it lets go
      if (lock.fleetlock || typeof lock.group !== "string") continue;
      const group = groups.get(lock.group) ?? {
        group: lock.group,
        members: 0,
        slots: Number(lock.slots ?? 1),
        updates: { ...UPDATE_DEFAULTS, ...plain(updates) },
        deadman: Number(plain(trialTimeout) ?? DEADMAN_SECONDS),
      };
      groups.set(lock.group, { ...group, members: group.members + 1 });
    }
    return [...groups.values()].flatMap((group) => tooMany(group, group.updates, group.deadman) ?? []);
  });
}
