/** A planned network as the files of the new system. Pure. */
import { contains } from "../../facts/ip.ts";
import type { Card, CardAddress, NetworkParts } from "../model/card.ts";
import { ordered } from "../model/metrics.ts";
import type { NetworkFiles } from "../model/types.ts";
import { cardSummary, flag, hostsFile, resolvLines, routeCommand } from "./texts.ts";

/**
 * Makes /etc/network/interfaces for ifupdown-ng, /etc/mactab, /etc/resolv.conf and /etc/hosts. ifup takes a whole card
 * down when one of its commands fails. So only the first IPv4 network uses `address` and `gateway`; the rest may fail
 * and the card stays up.
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
    // with DHCP the old resolvers count until DHCP names others, which it may not do
    resolvConf: byDhcp && dns.nameservers.length === 0 ? undefined : resolv.map((l) => `${l}\n`).join(""),
    hosts: hostsFile(hostname),
    summary: [...cards.map(cardSummary), ...lo.map((a) => `${a.address}/${a.prefix} on lo`)].join("; "),
  };
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

/** Does not use `mtu`: a card that refuses it would stay down. */
const mtuLine = (dev: string, mtu: number) => `pre-up ip link set dev ${dev} mtu ${mtu} || true`;

/** The client id for busybox' DHCP client. */
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

/** Addresses in the order in which they are added: the kernel prefers the first IPv4 and the last IPv6 address. */
export const inOrder = (addresses: CardAddress[]): CardAddress[] => [
  ...addresses.filter((a) => a.family === 4),
  ...addresses.filter((a) => a.family === 6).reverse(),
];

const addressLine = (a: CardAddress, dev: string) => `up ${addressCommand(a, dev)} || true`;

export function addressCommand(a: CardAddress, dev: string): string {
  const peer = a.peer ? ` peer ${a.peer}` : "";
  return `ip ${flag(a.family)} addr add ${a.address}${peer}/${a.prefix} dev ${dev}${a.family === 6 && a.deprecated ? " preferred_lft 0" : ""}`;
}
