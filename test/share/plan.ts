/** What each `up` of the campaign asks for: a function of seed, Pine and number. Pure. */
import { chance } from "../faults/random.ts";

/** One `pulumi up` of one stack. */
export interface Ask {
  /** Inputs of its Rootfs. */
  rootfs: Record<string, unknown>;
  /** Inputs of its OstreeCommit but `rootfs`. */
  commit: Record<string, unknown>;
  /** What else is made of the commit. */
  also: Also[];
  /**
   * Milliseconds after which it is killed, and what with: its process, or everything in its PID namespace. Absent: it
   * is not.
   */
  kill?: { after: number; all: boolean };
}

export const ALSO = ["sysroot", "delta", "image", "ram"] as const;
export type Also = (typeof ALSO)[number];

/** Small packages of the lab's mirror: their sets make other locks, so other bases than the six that are kept. */
const PACKAGES = ["nano", "tree", "lighttpd", "chrony"];

/**
 * Half of the time what the Pine before it asked for with another file, else other packages; both Pines choose from the
 * same sets, so that they want the same things at once, too. `longest`: milliseconds that an `up` takes at most, as
 * seen until now. `kills`: the share that is killed.
 */
export function askOf(seed: number, pine: number, n: number, longest: number, kills: number): Ask {
  const at = (...words: (string | number)[]) => chance(seed, pine, n, ...words);
  // a new set every second time, the same for both
  const set = Math.floor(n / 2);
  const packages = PACKAGES.filter((name) => chance(seed, "set", set, name) < 0.4);
  const container = chance(seed, "target", set) < 0.3;
  return {
    rootfs: {
      packages,
      ...(container ? { target: "container" } : {}),
      // one in four is byte for byte the other one's
      files: { "/etc/motd": { content: at("same") < 0.25 ? "both\n" : `${pine} ${n}\n` } },
    },
    commit: { retain: { commits: 2 } },
    also: ALSO.filter((what) => at(what) < { sysroot: 0.5, delta: 0.4, image: 0.2, ram: 0.1 }[what]).filter(
      (what) => !container || what === "sysroot" || what === "delta",
    ),
    ...(at("kill") < kills && { kill: { after: at("when") ** 2 * longest, all: at("all") < 0.4 } }),
  };
}
