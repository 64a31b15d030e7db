/** Reads addresses and routes as `ip -o` of iproute2 or busybox prints them, and keeps what it does not know. Pure. */
import type { Address, Route } from "./types/network.ts";

/** Words of a route that need no action: what makes the route is carried over, or the kernel adds them by itself. */
// biome-ignore format: what belongs together is in one line
const ROUTE_FLAGS = new Set([
  "onlink", "linkdown", "dead", "pervasive", "offload", "trap", "rt_offload", "rt_trap", "offload_failed",
  "notify", "unresolved", "cache", "unicast",
]);
/** The same, with a value. The kernel measured `rtt` to `reordering`. */
// biome-ignore format: what belongs together is in one line
const ROUTE_VALUES = new Set([
  "via", "dev", "proto", "scope", "src", "metric", "weight", "nhid", "expires", "error", "pref", "hoplimit",
  "mtu", "advmss", "rtt", "rttvar", "ssthresh", "cwnd", "reordering", "age", "used", "users", "ipid",
]);
/** Words with a value that the new system's `ip`, busybox', cannot set. */
// biome-ignore format: what belongs together is in one line
const ROUTE_TOLD = new Set([
  "initcwnd", "initrwnd", "window", "rto_min", "quickack", "congctl", "features", "realm", "realms", "tos", "dsfield",
  "from", "table", "iif", "fastopen_no_cookie", "ttl-propagate",
]);
// biome-ignore format: what belongs together is in one line
const ADDRESS_FLAGS = new Set([
  "secondary", "temporary", "deprecated", "mngtmpaddr", "tentative", "optimistic", "stable-privacy", "home",
  "noprefixroute", "dynamic", "permanent", "nodad",
]);
// biome-ignore format: what belongs together is in one line
const ADDRESS_VALUES = new Set([
  "brd", "broadcast", "peer", "scope", "metric", "proto", "flags", "valid_lft", "preferred_lft",
]);

/** IFA_F_… of linux/if_addr.h: an `ip` that has no word for one prints `flags 02`. */
const FLAGS: [number, string][] = [
  [0x02, "nodad"],
  [0x20, "deprecated"],
  [0x200, "noprefixroute"],
];

interface Words {
  has(flag: string): boolean;
  value(name: string): string | undefined;
  locked(name: string): boolean;
  /** `initcwnd 10`, and words that nobody knows. */
  other: string[];
}

function readWords(words: string[], flags: Set<string>, values: Set<string>, told: Set<string>): Words {
  const found = new Map<string, string>();
  const locks = new Set<string>();
  const other: string[] = [];
  for (let n = 0; n < words.length; n++) {
    const word = words[n]!;
    const known = values.has(word);
    if (known || told.has(word)) {
      const lock = words[n + 1] === "lock" ? " lock" : "";
      if (lock) n++;
      if (lock) locks.add(word);
      // `via inet6 fe80::1`
      if (word === "via" && /^inet6?$/.test(words[n + 1] ?? "")) n++;
      const value = words[++n] ?? "";
      found.set(word, value);
      if (!known) other.push(`${word}${lock} ${value}`);
    } else if (flags.has(word)) found.set(word, "");
    else if (word !== "") other.push(word);
  }
  return {
    has: (flag) => found.has(flag),
    value: (name) => found.get(name),
    locked: (name) => locks.has(name),
    other,
  };
}

/**
 * `2: eth0    inet 10.0.2.15/24 brd 10.0.2.255 scope global dynamic eth0\       valid_lft 85000sec …`; undefined: it is
 * none.
 */
export function parseAddress(line: string): { dev: string; address: Address } | undefined {
  const m = /^\d+:\s+(\S+)\s+(inet6?)\s+(\S+)\s*(.*)$/.exec(line);
  if (!m) return undefined;
  const [, label, inet, cidr, rest] = m as unknown as [string, string, string, string, string];
  const dev = label.split("@")[0]!.replace(/:\d+$/, "");
  const family = inet === "inet6" ? 6 : 4;
  const words = rest.split(/[\s\\]+/).filter((w) => w !== dev && !w.startsWith(`${dev}:`));
  const { has: says, value, other } = readWords(words, ADDRESS_FLAGS, ADDRESS_VALUES, new Set());
  const bits = Number.parseInt(value("flags") ?? "0", 16);
  const has = (flag: string) => says(flag) || FLAGS.some(([bit, name]) => name === flag && (bits & bit) !== 0);
  // `inet 10.0.0.2 peer 10.0.0.1/32`: the length stands with the peer
  const peer = value("peer");
  const [address, own] = cidr.split("/");
  const length = own ?? peer?.split("/")[1] ?? (family === 4 ? "32" : "128");
  // temporary (privacy) addresses and those with a lifetime are not the server's own
  const dynamic = has("dynamic") || has("temporary") || (value("valid_lft") ?? "forever") !== "forever";
  const scope = value("scope");
  const deprecated = has("deprecated") || (!dynamic && value("preferred_lft") === "0sec");
  return {
    dev,
    address: {
      family,
      address: address!,
      prefix: Number(length),
      ...(peer ? { peer: peer.split("/")[0] } : {}),
      dynamic,
      ...(has("temporary") ? { temporary: true as const } : {}),
      ...(deprecated ? { deprecated: true as const } : {}),
      ...(has("noprefixroute") ? { noPrefixRoute: true as const } : {}),
      ...(has("nodad") ? { noDad: true as const } : {}),
      ...(value("proto") === undefined ? {} : { proto: value("proto") }),
      ...(other.length > 0 ? { other } : {}),
      scope: scope === "link" || scope === "host" || scope === "site" ? scope : "global",
    },
  };
}

const TYPES = ["unreachable", "blackhole", "prohibit", "throw", "local", "broadcast", "multicast", "anycast", "nat"];

/**
 * Parses a line of `ip -o route`. A route over several gateways becomes one route per gateway. `leftOut`: the line,
 * when it leads nowhere or was not understood.
 */
export function parseRoute(line: string, family: 4 | 6): { routes: Route[]; leftOut?: string } {
  const [head = "", ...hops] = line.split(/\\?\s*\bnexthop\s+/);
  const words = head.replaceAll("\\", " ").trim().split(/\s+/);
  const said = words.join(" ");
  if (TYPES.includes(words[0]!)) {
    // the kernel's own: for multicast, for a family without a default route
    const own = /\bproto (kernel|ra)\b|\berror -\d+/.test(said) || /^(ff|fe80)/.test(words[1] ?? "");
    return { routes: [], ...(own ? {} : { leftOut: said }) };
  }
  const read = (part: string[]) => readWords(part, ROUTE_FLAGS, ROUTE_VALUES, ROUTE_TOLD);
  if (words[0] === "unicast") words.shift();
  const main = read(words.slice(1));
  const to = words[0] === "0.0.0.0/0" || words[0] === "::/0" ? "default" : words[0]!;
  const number = (name: string) => (main.value(name) === undefined ? undefined : Number(main.value(name)));
  // old kernels print 0, 64 or 255 for a route that sets no hop limit
  const hops64 = ["0", "64", "255"].includes(main.value("hoplimit") ?? "0")
    ? []
    : [`hoplimit ${main.value("hoplimit")}`];
  const pref = ["medium", undefined].includes(main.value("pref")) ? [] : [`pref ${main.value("pref")}`];
  const parts = hops.length > 0 ? hops.map((h) => read(h.replaceAll("\\", " ").trim().split(/\s+/))) : [main];
  const routes = parts.flatMap((p): Route[] => {
    const [dev, via] = [p.value("dev"), p.value("via")];
    const other = [...main.other, ...hops64, ...pref, ...(p === main ? [] : p.other)];
    if (!dev) return [];
    return [
      {
        family,
        to,
        via,
        dev,
        onlink: p.has("onlink"),
        metric: number("metric"),
        src: main.value("src"),
        proto: protocol(main.value("proto"), main.has("expires"), via),
        ...(main.has("mtu") ? { mtu: { size: number("mtu")!, lock: main.locked("mtu") } } : {}),
        ...(main.has("advmss") ? { advmss: number("advmss") } : {}),
        ...(other.length > 0 ? { other } : {}),
      },
    ];
  });
  return { routes, ...(routes.length < parts.length ? { leftOut: said } : {}) };
}

/** busybox names no protocol; what expires was advertised. Before Linux 3.14 advertised gateways were the kernel's. */
function protocol(said: string | undefined, expires: boolean, via: string | undefined): string | undefined {
  if (said === "kernel" && via !== undefined) return "ra";
  return said ?? (expires ? "ra" : undefined);
}
