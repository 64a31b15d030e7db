/** A planned network as the files of the new system. Pure. */
import { contains } from "./ip.ts";
import type { NetworkFiles } from "./types.ts";

export interface CardRoute {
  family: 4 | 6;
  /** "default" or a prefix. */
  to: string;
  via?: string;
  metric?: number;
  /** The gateway gets a route to itself first. */
  onlink: boolean;
}

/** A network card of the new system. */
export interface Card {
  name: string;
  oldName: string;
  mac: string;
  mtu?: number;
  dhcp: boolean;
  /** IPv6 by router advertisements: the kernel's default, nothing to configure. */
  routerAdvertised: boolean;
  /** The address DHCP gave the old system. */
  now?: { address: string; prefix: number };
  addresses: { family: 4 | 6; address: string; prefix: number; peer?: string }[];
  routes: CardRoute[];
  notes?: string[];
}

/**
 * /etc/network/interfaces for ifupdown-ng, /etc/mactab, /etc/resolv.conf, /etc/hosts. ifup takes a whole card down when one of its
 * commands fails, so only the first IPv4 network is a matter of `address` and `gateway`; the rest may fail without it.
 */
export function renderNetwork(
  cards: Card[],
  dns: { nameservers: string[]; search: string[] },
  hostname: string,
): NetworkFiles {
  const stanzas = cards.map(stanza);
  const usesDhcp = cards.some((c) => c.dhcp);
  const resolv = [
    ...dns.nameservers.map((n) => `nameserver ${n}`),
    ...(dns.search.length > 0 ? [`search ${dns.search.join(" ")}`] : []),
  ];
  const short = hostname.split(".")[0]!;
  return {
    interfaces: `# Written by Pine when this system was installed.\nauto lo\niface lo inet loopback\n\n${stanzas.join("\n")}`,
    mactab: cards.map((c) => `${c.name} ${c.mac}\n`).join(""),
    resolvConf: usesDhcp ? undefined : resolv.map((l) => `${l}\n`).join(""),
    hosts: `127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n127.0.1.1\t${short === hostname ? short : `${hostname} ${short}`}\n`,
    summary: cards.map(summary).join("; "),
  };
}

function stanza(card: Card): string {
  const first = card.dhcp ? undefined : card.addresses.find((a) => a.family === 4 && !a.peer);
  const rest = card.addresses.filter((a) => a !== first);
  // one plain IPv4 gateway is `gateway`, which ifupdown-ng sets with metric 1; any other route is a command
  const plainGateway = (r: CardRoute) =>
    r.family === 4 && r.to === "default" && (r.metric ?? 1) === 1 && first && r.via && contains(first, r.via);
  const main = card.routes.find(plainGateway);
  const others = card.routes.filter((r) => r !== main);
  const links = others.flatMap((r) =>
    r.onlink && r.via ? [{ ...r, to: r.via, via: undefined, metric: undefined }] : [],
  );
  const ordered = [...links, ...others.filter((r) => !r.via), ...others.filter((r) => r.via)];
  return [
    `auto ${card.name}`,
    `iface ${card.name} inet ${card.dhcp ? "dhcp" : first ? "static" : "manual"}`,
    ...(first ? [`address ${first.address}/${first.prefix}`] : []),
    ...(main ? [`gateway ${main.via}`] : []),
    ...(card.mtu ? [`mtu ${card.mtu}`] : []),
    ...rest.map(
      (a) =>
        `up ip ${flag(a.family)} addr add ${a.address}${a.peer ? ` peer ${a.peer}` : ""}/${a.prefix} dev ${card.name} || true`,
    ),
    ...ordered.map((r) => `up ${route(r, card.name)} || true`),
    ...(card.routerAdvertised ? ["# IPv6 by router advertisements, as the kernel does by itself"] : []),
    "",
  ]
    .map((line, n) => (n < 2 || line === "" ? line : `    ${line}`))
    .join("\n");
}

const flag = (family: 4 | 6) => (family === 6 ? "-6" : "-4");

function route(r: CardRoute, dev: string): string {
  const via = r.via ? ` via ${r.via}` : "";
  const metric = r.metric ? ` metric ${r.metric}` : "";
  return `ip ${flag(r.family)} route replace ${r.to}${via} dev ${dev}${metric}`;
}

function summary(card: Card): string {
  const gateway = (family: 4 | 6) => card.routes.find((r) => r.family === family && r.to === "default")?.via;
  const fixed = ([4, 6] as const).flatMap((family) => {
    const own = card.addresses.filter((a) => a.family === family).map((a) => `${a.address}/${a.prefix}`);
    const via = gateway(family);
    return own.length > 0 ? [`${own.join(", ")}${via ? ` via ${via}` : ""}`] : [];
  });
  const lease = card.now ? ` (now ${card.now.address}/${card.now.prefix})` : "";
  const parts = [
    ...(card.dhcp ? [`DHCP on ${card.name}${lease}`] : []),
    ...fixed,
    ...(card.routerAdvertised ? ["IPv6 by router advertisements"] : []),
  ];
  return parts.join(", ");
}
