/** Looks at servers that pull once a second, from outside: who answers, what each runs, and what their store says. */
import { setTimeout as sleep } from "node:timers/promises";
import { answers } from "../../provider/host/ssh/reach.ts";
import { quietTask } from "../../provider/task.ts";
import { until } from "./hijack-lab.ts";
import { hurried, type PullingLab } from "./pulling-lab.ts";

export interface Seen {
  samples: number;
  /** Servers that were away, on trial or unconfirmed at one time: each set once, the largest first. */
  down: string[][];
  /** Servers that were down in two looks one after the other, and had no turn in the store by then. */
  unknown: string[];
  /** Who ran a commit, by its checksum. */
  ran: Record<string, string[]>;
}

/** How many were down at the same time. */
export const most = (seen: Seen) => seen.down[0]?.length ?? 0;

type Watched = Pick<PullingLab, "servers" | "running" | "store" | "hurry">;

/** Who is down now: no greeting of SSH, or a system that is not confirmed. */
async function downNow({ servers, running }: Watched, ran: Record<string, Set<string>>): Promise<string[]> {
  const looked = await Promise.all(
    Object.entries(servers).map(async ([name, { host, port }]) => {
      const { commit, confirmed } = running(name);
      if (commit) ran[commit] = new Set([...(ran[commit] ?? []), name]);
      return confirmed && (await answers({ host, port }, quietTask(), 0)) ? [] : [name];
    }),
  );
  return looked.flat();
}

/** Watches, and lets time pass for the servers, until the work is done. */
export async function watched<T>(lab: Watched, work: Promise<T>): Promise<{ result: T; seen: Seen }> {
  const sets = new Map<string, string[]>();
  const ran: Record<string, Set<string>> = {};
  const unknown = new Set<string>();
  let [samples, over, before] = [0, false, [] as string[]];
  const watch = (async () => {
    while (!over) {
      const began = performance.now();
      const down = await downNow(lab, ran);
      const holders = (await lab.store?.holders()) ?? [];
      for (const name of down) if (before.includes(name) && !holders.includes(name)) unknown.add(name);
      before = down;
      sets.set(down.join(), down);
      samples++;
      await sleep(Math.max(0, 1000 - (performance.now() - began)));
    }
  })();
  try {
    const result = await hurried(lab, work);
    over = true;
    await watch;
    const down = [...sets.values()].sort((x, y) => y.length - x.length);
    const told = Object.fromEntries(Object.entries(ran).map(([commit, names]) => [commit, [...names].sort()]));
    return { result, seen: { samples, down, unknown: [...unknown], ran: told } };
  } finally {
    over = true;
  }
}

/** Waits until all of them run the commit, confirmed, and nobody has a turn. */
export const settled = (lab: PullingLab, commit: string, names: string[]) =>
  until(`${names} run ${commit.slice(0, 12)}, confirmed`, async () => {
    const holders = (await lab.store?.holders()) ?? [];
    const runs = (name: string) => lab.running(name).commit === commit && lab.running(name).confirmed;
    return holders.length === 0 && names.every(runs);
  });
