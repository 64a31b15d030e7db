/** Network out of the script's lines: what `ip -o` of iproute2 or busybox prints. Pure. */
import type { Lines } from "./facts.ts";
import { ipLines } from "./facts-proc.ts";
import type { Address, Bond, Interface, InterfaceKind, NetworkFacts, Route, Vlan } from "./types.ts";

export function parseNetwork(lines: Lines): NetworkFacts {
  const all = (key: string) => lines.get(key) ?? [];
  const names = new Map<string, string>();
  const interfaces = all("if").map((line) => {
    const [name = "", index = "", mac, mtu, state, kind, master] = line.split(" ");
    names.set(index, name);
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
    } as Interface;
  });
  const proc = (name: string) => all(`proc.${name}`);
  const spare = ipLines({
    ...{ route4: proc("route4"), route6: proc("route6"), addr4: proc("addr4"), addr6: proc("addr6") },
  });
  for (const line of [...all("addr"), ...spare.addr]) {
    const found = parseAddress(line);
    interfaces.find((i) => i.name === found?.dev)?.addresses.push(found!.address);
  }
  for (const card of interfaces) {
    // a file of ifupdown that nobody reads any more (an upgraded Ubuntu) says nothing
    const files = all("managed").includes(String(card.index)) ? [] : all("ifupdown");
    card.dhcp = dhcpOf(card.name, all("dhcp"), files, names);
    const set = all("macset")
      .find((l) => l.startsWith(`${card.name} `))
      ?.split(" ")[1];
    if (set !== undefined) card.macSet = set === "-" ? {} : { own: set.toLowerCase() };
    if (card.kind === "vlan") card.vlan = vlanOf(card.name, all("vlan"));
    if (card.kind === "bond") card.bond = bondOf(card.name, all("bond"));
    const ra = all("ra").find((l) => l.startsWith(`${card.name} `));
    if (ra) card.acceptsRa = ra.split(" ")[1] !== "0";
  }
  const dns = parseResolv(all("resolv"));
  // systemd-resolved's stub says nothing; its own file does
  const stub = dns.nameservers.length > 0 && dns.nameservers.every((n) => /^127\.|^::1$/.test(n));
  const real = parseResolv(all("resolved"));
  return {
    interfaces,
    routes: [
      ...[...all("route4"), ...spare.route4].flatMap((l) => parseRoute(l, 4)),
      ...[...all("route6"), ...spare.route6].flatMap((l) => parseRoute(l, 6)),
    ],
    rules: [...all("rule4"), ...all("rule6")],
    // an IPv4 address as an IPv6 socket has it
    connectedTo: all("ssh")[0]
      ?.replace(/^::ffff:(?=\d+\.)/i, "")
      .replace(/%.*$/, ""),
    ...((stub || dns.nameservers.length === 0) && real.nameservers.length > 0 ? real : dns),
  };
}

/** `2: eth0    inet 10.0.2.15/24 brd 10.0.2.255 scope global dynamic eth0\       valid_lft 85000sec …` */
function parseAddress(line: string): { dev: string; address: Address } | undefined {
  const m = /^\d+:\s+(\S+)\s+(inet6?)\s+(\S+)\s*(.*)$/.exec(line);
  if (!m) return undefined;
  const [, dev, inet, cidr, rest] = m as unknown as [string, string, string, string, string];
  const family = inet === "inet6" ? 6 : 4;
  const words = rest.split(/[\s\\]+/);
  const after = (name: string) => (words.includes(name) ? words[words.indexOf(name) + 1] : undefined);
  // `inet 10.0.0.2 peer 10.0.0.1/32`: the length stands with the peer
  const peer = after("peer");
  const [address, own] = cidr.split("/");
  const length = own ?? peer?.split("/")[1] ?? (family === 4 ? "32" : "128");
  const lifetime = after("valid_lft");
  // temporary (privacy) addresses and those with an end are not the server's own
  const dynamic = words.includes("dynamic") || words.includes("temporary") || (lifetime ?? "forever") !== "forever";
  const scope = after("scope");
  return {
    dev: dev.split("@")[0]!.replace(/:\d+$/, ""),
    address: {
      family,
      address: address!,
      prefix: Number(length),
      ...(peer ? { peer: peer.split("/")[0] } : {}),
      dynamic,
      ...(words.includes("temporary") ? { temporary: true as const } : {}),
      scope: scope === "link" || scope === "host" || scope === "site" ? scope : "global",
    },
  };
}

const LOCAL_ROUTES = new Set([
  "unreachable",
  "blackhole",
  "prohibit",
  "throw",
  "local",
  "broadcast",
  "multicast",
  "anycast",
]);

/** A line of `ip -o route`. A route over several gateways becomes one a gateway. */
function parseRoute(line: string, family: 4 | 6): Route[] {
  const [head = "", ...hops] = line.split(/\\?\s*\bnexthop\s+/);
  const words = head.replaceAll("\\", " ").trim().split(/\s+/);
  if (LOCAL_ROUTES.has(words[0]!)) return [];
  const read = (part: string[]) => {
    const after = (name: string) => (part.includes(name) ? part[part.indexOf(name) + 1] : undefined);
    const inet6 = after("via") === "inet6" ? part[part.indexOf("via") + 2] : undefined;
    return { via: inet6 ?? after("via"), dev: after("dev"), onlink: part.includes("onlink"), after };
  };
  const main = read(words);
  const to = words[0] === "0.0.0.0/0" || words[0] === "::/0" ? "default" : words[0]!;
  const metric = main.after("metric");
  const parts = hops.length > 0 ? hops.map((h) => read(h.replaceAll("\\", " ").trim().split(/\s+/))) : [main];
  return parts.flatMap((p) =>
    p.dev
      ? [
          {
            family,
            to,
            via: p.via,
            dev: p.dev,
            onlink: p.onlink,
            metric: metric ? Number(metric) : undefined,
            src: main.after("src"),
            proto: protocol(main.after("proto"), words, p.via),
          },
        ]
      : [],
  );
}

/** busybox names no protocol; what expires was advertised. Before Linux 3.14 advertised gateways were the kernel's. */
function protocol(said: string | undefined, words: string[], via: string | undefined): string | undefined {
  if (said === "kernel" && via !== undefined) return "ra";
  return said ?? (words.includes("expires") ? "ra" : undefined);
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

/** `bond0 802.3ad 4 eno1 eno2`: /sys' mode has its number behind it. */
function bondOf(name: string, lines: string[]): Bond | undefined {
  const [, mode, ...words] = lines.find((l) => l.startsWith(`${name} `))?.split(" ") ?? [];
  if (mode === undefined) return undefined;
  return { mode: mode === "-" ? undefined : mode, members: words.filter((w) => !/^\d+$/.test(w)) };
}

function dhcpOf(name: string, seen: string[], ifupdown: string[], names: Map<string, string>): string | undefined {
  for (const line of seen) {
    const [source = "", ...words] = line.split(" ");
    // a client for IPv6 alone
    if (words.includes("-6") && !words.includes("-4")) continue;
    if (/^\d+$/.test(words[0] ?? "") ? names.get(words[0]!) === name : words.includes(name)) return source;
  }
  const clause = new RegExp(`^iface\\s+${name.replaceAll(/[^\w]/g, "\\$&")}\\s+inet\\s+dhcp\\b`);
  return ifupdown.some((l) => clause.test(l)) ? "ifupdown" : undefined;
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
