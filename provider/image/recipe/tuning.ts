/** What swap, and tuning that is not a sysctl, bring to a tree: services of system/settings/ and their values. */
import { filesOf } from "./system-files.ts";
import type { Knobs, Memory, Piece } from "./types.ts";

/** Lines NAME="value" for a service; values hold no quotes (resources/rootfs/settings.ts). */
const conf = (service: string, values: Record<string, string | number>) => ({
  path: `/etc/conf.d/${service}`,
  content: Object.entries(values)
    .map(([name, value]) => `${name}="${value}"\n`)
    .join(""),
});

/** Where pages go that do not fit into memory; undefined for none. */
export function memoryPiece(m: Memory): Piece | undefined {
  switch (m.kind) {
    case "none":
      return undefined;
    case "zram":
      return {
        services: { boot: ["pine-zram"] },
        files: [...filesOf("settings/zram"), conf("pine-zram", { ZRAM_PERCENT: m.percent })],
      };
    case "swapfile":
    case "zswap":
      return {
        services: { default: ["pine-swapfile", ...(m.kind === "zswap" ? ["pine-zswap"] : [])] },
        files: [
          ...filesOf("settings/swapfile"),
          ...(m.kind === "zswap" ? filesOf("settings/zswap") : []),
          conf("pine-swapfile", { SWAP_SIZE: m.size }),
        ],
      };
  }
}

/** Resets a machine that does not live any more, after so many seconds. */
export const watchdogPiece = (seconds: number): Piece => ({
  services: { default: ["pine-watchdog"] },
  files: [...filesOf("settings/watchdog"), conf("pine-watchdog", { WATCHDOG_SECONDS: seconds })],
});

/** A list for the shell. A scheduler comes first, as the other files of a queue depend on it; the rest by name. */
const pairs = (values: Record<string, string>) =>
  Object.entries(values)
    .sort(([a], [b]) => Number(b === "scheduler") - Number(a === "scheduler") || (a < b ? -1 : 1))
    .map(([name, value]) => `${name}=${value}`)
    .join(" ");

export const knobsPiece = (k: Knobs): Piece => ({
  packages: Object.keys(k.offload).length > 0 ? ["ethtool"] : [],
  services: { boot: ["pine-knobs"] },
  files: [
    ...filesOf("settings/knobs"),
    conf("pine-knobs", { HUGEPAGES: k.hugepages, BLOCK: pairs(k.block), OFFLOAD: pairs(k.offload) }),
  ],
});
