/** Network out of the script's lines: what `ip -o` of iproute2 or busybox prints. Pure. */
import { dhcpOf } from "./dhcp.ts";
import { parseAddress, parseRoute } from "./ip-words.ts";
import type { Lines } from "./lines.ts";
import { ipLines } from "./proc-net.ts";
import type { Bond, Interface, InterfaceKind, NetworkFacts, Route, Vlan } from "./types/network.ts";

/**
 * Routing daemons (rt_protos of iproute2, /etc/iproute2 of FRR), by name or number: the new system does not run them.
 */
// biome-ignore format: what belongs together is in one line
const DAEMONS: Record<string, string> = {
  8: "gated", 10: "mrt", 11: "zebra", 12: "bird", 13: "dnrouted", 14: "xorp", 15: "ntk", 17: "mrouted",
  18: "keepalived", 42: "babel", 84: "ovn", 99: "openr", 186: "bgp", 187: "isis", 188: "ospf", 189: "rip",
  190: "ripng", 191: "nhrp", 192: "eigrp", 193: "ldp", 194: "sharp", 195: "pbr", 196: "zstatic", 197: "openfabric",
};
const NAMES = new Set(Object.values(DAEMONS));
const daemonOf = (proto = "") => DAEMONS[proto] ?? (NAMES.has(proto) ? proto : undefined);

/** `NAME INDEX MAC MTU STATE KIND MASTER`. */
function interfaceOf(line: string): Interface {
  const [name = "", index = "", mac, mtu, state, kind, master] = line.split(" ");
  const has = mac !== undefined && mac !== "-" && mac !== "00:00:00:00:00:00";
  return {
    name,
    index: Number(index),
    kind: (kind ?? "virtual") as InterfaceKind,
    mac: has ? mac.toLowerCase() : undefined,
    mtu: Number(mtu) || undefined,
    // lo and point-to-point cards say "unknown" when they work
    up: state === "up" || state === "unknown",
    master: master || undefined,
    addresses: [],
  };
}

export function parseNetwork(lines: Lines): NetworkFacts {
  const all = (key: string) => lines.get(key) ?? [];
  const interfaces = all("if").map(interfaceOf);
  const proc = (name: string) => all(`proc.${name}`);
  const spare = ipLines({
    route4: proc("route4"),
    route6: proc("route6"),
    addr4: proc("addr4"),
    addr6: proc("addr6"),
  });
  const made = routesOf(all, spare);
  const byName = new Map(interfaces.map((i) => [i.name, i]));
  for (const line of [...all("addr"), ...spare.addr]) {
    const found = parseAddress(line);
    if (!found) made.leftOut.push(line);
    else byName.get(found.dev)?.addresses.push(found.address);
  }
  const dhcp = { seen: all("dhcp"), ifupdown: all("ifupdown"), managed: all("managed"), kept: all("dhcp.kept") };
  for (const card of interfaces) {
    Object.assign(card, dhcpOf(card, dhcp));
    const set = all("macset")
      .find((l) => l.startsWith(`${card.name} `))
      ?.split(" ")[1];
    if (set !== undefined) card.macSet = set === "-" ? {} : { own: set.toLowerCase() };
    if (card.kind === "vlan") card.vlan = vlanOf(card.name, all("vlan"));
    if (card.kind === "bond") card.bond = bondOf(card.name, all("bond"));
    const ra = all("ra").find((l) => l.startsWith(`${card.name} `));
    if (ra) {
      const [, accepts, forwards, autoconf] = ra.split(" ");
      // ip-sysctl.rst: 1 takes advertisements where packets are not forwarded
      card.acceptsRa = accepts !== "0" && !(accepts === "1" && forwards === "1");
      if (autoconf === "0") card.noAutoconf = true;
    }
    if (all("noipv6").includes(card.name)) card.noIpv6 = true;
  }
  const dns = parseResolv(all("resolv"));
  // systemd-resolved's stub says nothing; its own file does
  const stub = dns.nameservers.length > 0 && dns.nameservers.every((n) => /^127\.|^::1$/.test(n));
  const real = parseResolv(all("resolved"));
  return {
    interfaces,
    ...made,
    rules: [...all("rule4"), ...all("rule6")],
    // an IPv4 address as an IPv6 socket has it
    connectedTo: all("ssh")[0]
      ?.replace(/ .*/, "")
      .replace(/^::ffff:(?=\d+\.)/i, "")
      .replace(/%.*$/, ""),
    connectedPort: Number(all("ssh")[0]?.split(" ")[1]) || undefined,
    ...((stub || dns.nameservers.length === 0) && real.nameservers.length > 0 ? real : dns),
  };
}

/**
 * Routes, without those of routing daemons. Only their default route is kept: without it nothing else can be judged.
 */
function routesOf(
  all: (key: string) => string[],
  spare: { route4: string[]; route6: string[] },
): Required<Pick<NetworkFacts, "routes" | "leftOut" | "daemons">> {
  const [routes, leftOut, counts]: [Route[], string[], Map<string, number>] = [[], [], new Map()];
  const count = (name: string, more: number) => counts.set(name, (counts.get(name) ?? 0) + more);
  for (const family of [4, 6] as const) {
    for (const line of [...all(`route${family}`), ...spare[`route${family}`]]) {
      const parsed = parseRoute(line, family);
      const daemon = daemonOf(/\bproto (\S+)/.exec(line)?.[1]);
      const kept = parsed.routes.filter((r) => !daemon || r.to === "default");
      for (const route of kept) routes.push(daemon ? { ...route, daemon } : route);
      if (daemon && kept.length === 0) count(daemon, 1);
      else if (parsed.leftOut) leftOut.push(parsed.leftOut);
    }
  }
  for (const line of all("daemon")) {
    const [, number, proto] = /^(\d+)\s+proto (\S+)/.exec(line) ?? [];
    if (proto) count(daemonOf(proto) ?? proto, Number(number));
  }
  return { routes, leftOut, daemons: [...counts].map(([name, n]) => ({ name, routes: n })) };
}

/** `3: eth0.5@eth0: <…> … vlan protocol 802.1Q id 5 <REORDER_HDR>`, or `eth0.5 | 5 | eth0` of /proc/net/vlan/config. */
function vlanOf(name: string, lines: string[]): Vlan | undefined {
  for (const line of lines) {
    const link = /^\d+:\s+(\S+?)@(\S+?):.*\bvlan\b(?:\s+protocol\s+(\S+))?\s+id\s+(\d+)/.exec(line);
    if (link?.[1] === name)
      return {
        id: Number(link[4]),
        parent: link[2]!,
        ...(/802\.1ad/i.test(link[3] ?? "") ? { ad: true as const } : {}),
      };
    const [own, id, parent] = line.split("|").map((w) => w.trim());
    if (!link && own === name && parent) return { id: Number(id), parent };
  }
  return undefined;
}

/** `bond0 802.3ad 4 eno1 eno2`: in /sys the mode's number follows its name. */
function bondOf(name: string, lines: string[]): Bond | undefined {
  const [, mode, ...words] = lines.find((l) => l.startsWith(`${name} `))?.split(" ") ?? [];
  if (mode === undefined) return undefined;
  return { mode: mode === "-" ? undefined : mode, members: words.filter((w) => !/^\d+$/.test(w)) };
}

function parseResolv(lines: string[]): { nameservers: string[]; search: string[] } {
  const nameservers: string[] = [];
  let search: string[] = [];
  for (const line of lines) {
    const [key, ...words] = line.split(/\s+/);
    if (key === "nameserver" && words[0]) nameservers.push(words[0]);
    else if (key === "search" || key === "domain") search = words.filter((w) => w !== ".");
  }
  return { nameservers: [...new Set(nameservers)], search };
}
