/** A planned network as the files of the new system. Pure. */
import { contains } from "./facts/ip.ts";
import { ordered } from "./network-metrics.ts";
import type { NetworkFiles } from "./plan-types.ts";

export interface CardRoute {
  family: 4 | 6;
  /** "default" or a prefix. */
  to: string;
  via?: string;
  metric?: number;
  /** Source address, where it is not the card's first. */
  src?: string;
  /** The gateway gets a route to itself first. */
  onlink: boolean;
  mtu?: { size: number; lock: boolean };
  advmss?: number;
}

/** A network card of the new system, or a VLAN over one. */
export interface Card {
  name: string;
  oldName: string;
  /** Of a physical card. */
  mac?: string;
  /** The old system set the address; the new one does so too. */
  setMac?: boolean;
  /** `parent`: the new system's name of the card below. */
  vlan?: { id: number; parent: string; parentMtu?: number; parentIpv6?: { off?: boolean; refusesRa?: boolean } };
  mtu?: number;
  dhcp: boolean;
  /** As whom the client asks, where not by the MAC address: option 61 in hexadecimal digits. */
  dhcpId?: string;
  /** Of the default routes that DHCP brings. */
  metric?: number;
  /** IPv6 by router advertisements, which the kernel does. */
  routerAdvertised: boolean;
  /** Router advertisements are to be ignored. */
  refusesRa?: boolean;
  /** No address is made of an advertisement, which counts otherwise. */
  noAutoconf?: boolean;
  /** IPv6 is off. */
  noIpv6?: boolean;
  /** IPv6 addresses are used without looking for a double first. */
  noDad?: boolean;
  /** The address DHCP gave the old system. */
  now?: { address: string; prefix: number };
  /** Those that the kernel shall prefer come first. */
  addresses: CardAddress[];
  routes: CardRoute[];
  notes?: string[];
}

export interface CardAddress {
  family: 4 | 6;
  address: string;
  prefix: number;
  peer?: string;
  /** Of IPv6: not to be the source of new connections. */
  deprecated?: true;
}

export interface NetworkParts {
  cards: Card[];
  /** Every physical card, configured or not. */
  names: { name: string; mac: string }[];
  /** Further addresses of the loopback. */
  lo: CardAddress[];
  dns: { nameservers: string[]; search: string[] };
  hostname: string;
}

/**
 * /etc/network/interfaces for ifupdown-ng, /etc/mactab, /etc/resolv.conf, /etc/hosts. ifup takes a whole card down when one of its
 * commands fails, so only the first IPv4 network is a matter of `address` and `gateway`; the rest may fail without it.
 */
export function renderNetwork({ cards, names, lo, dns, hostname }: NetworkParts): NetworkFiles {
  const below = new Map(
    cards.flatMap((c) => (c.vlan && !cards.some((d) => d.name === c.vlan!.parent) ? [[c.vlan.parent, c.vlan]] : [])),
  );
  const parents = [...below].map(([name, { parentMtu, parentIpv6: { off: noIpv6, refusesRa } = {} }]) =>
    stanza(name, "manual", [
      ...(parentMtu ? [mtuLine(name, parentMtu)] : []),
      ...ipv6Lines({ name, noIpv6, refusesRa, routerAdvertised: false }),
    ]),
  );
  // the resolvers of the first card's network are the server's; another's DHCP must not replace them
  const byDhcp = cards[0]?.dhcp || (dns.nameservers.length === 0 && cards.some((c) => c.dhcp));
  const spare = (card: Card) => card.dhcp && card !== cards[0] && (cards[0]?.dhcp || !byDhcp);
  const resolv = resolvLines(dns);
  const loopback = stanza(
    "lo",
    "loopback",
    inOrder(lo).map((a) => addressLine(a, "lo")),
  );
  return {
    interfaces: [
      "# Written by Pine when this system was installed.",
      [loopback, ...parents, ...cards.map((c) => cardStanza(c, spare(c)))].join("\n"),
    ].join("\n"),
    mactab: names.map((c) => `${c.name} ${c.mac}\n`).join(""),
    // by DHCP: until it says otherwise, which it may not
    resolvConf: byDhcp && dns.nameservers.length === 0 ? undefined : resolv.map((l) => `${l}\n`).join(""),
    hosts: hostsFile(hostname),
    summary: [...cards.map(cardSummary), ...lo.map((a) => `${a.address}/${a.prefix} on lo`)].join("; "),
  };
}

/** Lines of /etc/resolv.conf. */
export const resolvLines = ({ nameservers, search }: NetworkParts["dns"]): string[] => [
  ...nameservers.map((n) => `nameserver ${n}`),
  ...(search.length > 0 ? [`search ${search.join(" ")}`] : []),
];

/** /etc/hosts. */
export function hostsFile(hostname: string): string {
  const short = hostname.split(".")[0]!;
  const own = short === hostname ? short : `${hostname} ${short}`;
  return `127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n127.0.1.1\t${own}\n`;
}

function stanza(name: string, method: string, lines: string[]): string {
  return [`auto ${name}`, `iface ${name} inet ${method}`, ...lines.map((l) => `    ${l}`), ""].join("\n");
}

function cardStanza(card: Card, withoutDns: boolean): string {
  const first = card.dhcp ? undefined : card.addresses.find((a) => a.family === 4 && !a.peer);
  const rest = card.addresses.filter((a) => a !== first);
  // one plain IPv4 gateway is `gateway`, which ifupdown-ng sets with metric 1; any other route is a command
  const main = card.routes.find(
    (r) =>
      r.family === 4 &&
      r.to === "default" &&
      (r.metric ?? 1) === 1 &&
      !(r.src || r.mtu || r.advmss) &&
      first &&
      r.via &&
      contains(first, r.via),
  );
  return stanza(card.name, card.dhcp ? "dhcp" : first ? "static" : "manual", [
    ...(first ? [`address ${first.address}/${first.prefix}`] : []),
    ...(main ? [`gateway ${main.via}`] : []),
    ...(card.metric !== undefined ? [`metric ${card.metric}`] : []),
    ...(withoutDns ? ["peer-dns no"] : []),
    ...dhcpLines(card),
    ...(card.setMac ? [`pre-up ip link set dev ${card.name} address ${card.mac} || true`] : []),
    ...(card.mtu ? [mtuLine(card.name, card.mtu)] : []),
    ...ipv6Lines(card),
    ...inOrder(rest).map((a) => addressLine(a, card.name)),
    ...ordered(card.routes.filter((r) => r !== main)).map((r) => `up ${routeCommand(r, card.name)} || true`),
  ]);
}

/** Not `mtu`: a card that refuses it would stay down. */
const mtuLine = (dev: string, mtu: number) => `pre-up ip link set dev ${dev} mtu ${mtu} || true`;

/** For busybox' client: who asks. */
export const dhcpLines = (card: Card) => (card.dhcp && card.dhcpId ? [`udhcpc-opts -x 0x3d:${card.dhcpId}`] : []);

/** What the kernel is told of IPv6 on a card before it comes up (ip-sysctl.rst). */
export function ipv6Lines(
  card: Pick<Card, "name" | "noIpv6" | "refusesRa" | "routerAdvertised" | "noAutoconf" | "noDad">,
): string[] {
  const set = (what: string, value: number) =>
    `pre-up echo ${value} >/proc/sys/net/ipv6/conf/${card.name}/${what} || true`;
  if (card.noIpv6) return [set("disable_ipv6", 1)];
  return [
    // 2: also where packets are forwarded
    ...(card.refusesRa || card.routerAdvertised ? [set("accept_ra", card.refusesRa ? 0 : 2)] : []),
    ...(card.noAutoconf ? [set("autoconf", 0)] : []),
    ...(card.noDad ? [set("accept_dad", 0)] : []),
  ];
}

/** Addresses in the order in which they are added: of IPv4's the kernel prefers the first, of IPv6's the last. */
export const inOrder = (addresses: CardAddress[]): CardAddress[] => [
  ...addresses.filter((a) => a.family === 4),
  ...addresses.filter((a) => a.family === 6).reverse(),
];

const flag = (family: 4 | 6) => (family === 6 ? "-6" : "-4");

const addressLine = (a: CardAddress, dev: string) => `up ${addressCommand(a, dev)} || true`;

export function addressCommand(a: CardAddress, dev: string): string {
  const peer = a.peer ? ` peer ${a.peer}` : "";
  return `ip ${flag(a.family)} addr add ${a.address}${peer}/${a.prefix} dev ${dev}${a.family === 6 && a.deprecated ? " preferred_lft 0" : ""}`;
}

export function routeCommand(r: CardRoute, dev: string): string {
  const via = r.via ? ` via ${r.via}` : "";
  const metric = r.metric ? ` metric ${r.metric}` : "";
  const src = r.src ? ` src ${r.src}` : "";
  const mtu = r.mtu ? ` mtu ${r.mtu.lock ? "lock " : ""}${r.mtu.size}` : "";
  const advmss = r.advmss ? ` advmss ${r.advmss}` : "";
  return `ip ${flag(r.family)} route replace ${r.to}${via} dev ${dev}${metric}${src}${mtu}${advmss}`;
}

/** "10.0.2.15/24 via 10.0.2.2" */
export function cardSummary(card: Card): string {
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
  return `${parts.join(", ")}${card.vlan ? ` in VLAN ${card.vlan.id}` : ""}`;
}
