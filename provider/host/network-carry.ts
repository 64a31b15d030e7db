/** One interface of the old system as a card of the new one. Pure. */
import { addressBits, type Cidr, contains, isLinkLocal, parseCidr } from "./ip.ts";
import type { Card, CardRoute } from "./network-files.ts";
import type { Address, Interface, NetworkFacts, Route } from "./types.ts";

export const oddMtu = (card: Interface) => (card.mtu !== undefined && card.mtu !== 1500 ? card.mtu : undefined);

/** Name, MAC and VLAN of a card. */
export function cardBase(card: Interface, facts: NetworkFacts, names: Map<string, string>): CardBase {
  const parent = card.vlan && facts.interfaces.find((i) => i.name === card.vlan!.parent);
  return {
    name: names.get(card.name)!,
    oldName: card.name,
    ...(parent
      ? { vlan: { id: card.vlan!.id, parent: names.get(parent.name)!, parentMtu: oddMtu(parent) } }
      : { mac: card.mac, setMac: card.macSet !== undefined }),
  };
}

export type CardBase = Pick<Card, "name" | "oldName" | "mac" | "setMac" | "vlan">;

/** One card with its addresses and routes. */
export function carried(card: Interface, facts: NetworkFacts, names: Map<string, string>): Card {
  const notes: string[] = [];
  const routes = facts.routes.filter((r) => r.dev === card.name);
  const global = card.addresses.filter((a) => a.scope === "global");
  const dhcp = card.dhcp !== undefined || global.some((a) => a.family === 4 && a.dynamic);
  const lease = dhcp
    ? (global.find((a) => a.family === 4 && a.dynamic) ?? global.find((a) => a.family === 4))
    : undefined;
  const advertised =
    routes.some((r) => r.family === 6 && r.proto === "ra") ||
    global.some((a) => a.family === 6 && a.dynamic && a.prefix !== 128);
  for (const a of card.addresses)
    if (a.family === 4 && a.scope === "link") notes.push(`${a.address}/${a.prefix} (scope link) is not carried over`);
  const addresses = global.filter((a) =>
    a.family === 4
      ? !(dhcp && (a.dynamic || !global.some((b) => b.family === 4 && b.dynamic)))
      : carries6(a, card, notes),
  );
  const lone = routes.find((r) => r.family === 4 && r.to === "default");
  const kept = routes
    .filter((r) => !["kernel", "ra", "redirect"].includes(r.proto ?? ""))
    .filter((r) => !(r.family === 4 && dhcp && leased(r, lone?.via)))
    // busybox' ip names no protocol: what the addresses bring by themselves
    .filter((r) => r.via !== undefined || !isOwnNetwork(r, card))
    .filter((r) => !(r.family === 6 && r.via === undefined && r.to.startsWith("fe80::")));
  const strayGateway = dhcp && lone?.via && lease && lease.prefix < 32 && !contains(lease, lone.via) ? lone : undefined;
  return {
    ...cardBase(card, facts, names),
    mtu: card.vlan && card.mtu !== undefined ? vlanMtu(card, facts) : oddMtu(card),
    dhcp,
    metric: dhcp && lone ? (lone.metric ?? 0) : undefined,
    routerAdvertised: advertised,
    // what the old system ignores, the new one ignores as well
    refusesRa: !advertised && card.acceptsRa === false && global.some((a) => a.family === 6),
    now: lease,
    addresses: addresses.map(({ family, address, prefix, peer }) => ({ family, address, prefix, peer })),
    routes: [
      ...kept.map((r) => cardRoute(r, card, kept, global)),
      // a gateway outside of the leased network, which the DHCP client's script cannot reach; its own routes come before this one
      ...(strayGateway
        ? [{ family: 4 as const, to: "default", via: strayGateway.via, metric: STRAY_METRIC, onlink: true }]
        : []),
    ],
    notes,
  };
}

/** Behind the DHCP client's own default routes, which have 200 and some (Alpine's udhcpc script). */
const STRAY_METRIC = 1000;

function vlanMtu(card: Interface, facts: NetworkFacts): number | undefined {
  const parent = facts.interfaces.find((i) => i.name === card.vlan?.parent);
  return card.mtu === (parent?.mtu ?? 1500) ? undefined : card.mtu;
}

/** Routes that come with a DHCP lease again: the default, to single hosts on the link, to resolvers by the default gateway. */
function leased(r: Route, gateway: string | undefined): boolean {
  if (r.to === "default") return true;
  // networks by another gateway (option 121) do not: Alpine's client does not ask for them
  return r.proto === "dhcp" && (r.via === undefined || r.via === gateway);
}

/** Whether an IPv6 address is written down. */
function carries6(a: Address, card: Interface, notes: string[]): boolean {
  if (!a.dynamic) return true;
  if (a.temporary) return false;
  // a single address with a lifetime comes from DHCPv6, a network's from advertisements
  if (a.prefix === 128) {
    notes.push(`${a.address} came from DHCPv6 and becomes a fixed address`);
    return true;
  }
  // the kernel makes the address out of the MAC again; networkd's and NetworkManager's (RFC 7217) would be lost
  if (card.mac && isEui64(a.address, card.mac)) return false;
  notes.push(`${a.address} was made by the old system from a router's advertisement and becomes a fixed address`);
  return true;
}

/** Whether the lower half of an IPv6 address is made of the MAC address (RFC 4291, appendix A). */
export function isEui64(address: string, mac: string): boolean {
  const [a, b, c, d, e, f] = mac.split(":").map((x) => Number.parseInt(x, 16)) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const own = [a ^ 2, b, c, 0xff, 0xfe, d, e, f].reduce((n, byte) => (n << 8n) | BigInt(byte), 0n);
  return (addressBits(address) & 0xffff_ffff_ffff_ffffn) === own;
}

function cardRoute(r: Route, card: Interface, taken: Route[], global: Address[]): CardRoute {
  const first = global.find((a) => a.family === r.family && a.scope === "global");
  return {
    family: r.family,
    to: r.to,
    via: r.via,
    metric: r.family === 6 && r.metric === 1024 ? undefined : r.metric,
    onlink: needsLinkRoute(r, card, taken),
    // IPv6 chooses by its own rules, and the kernel refuses an address that it still checks for duplicates
    src: r.family === 4 && r.src !== undefined && r.src !== first?.address ? r.src : undefined,
  };
}

/** `ip` prints a single address without its length. */
export function routeCidr(route: Pick<Route, "to" | "family">): Cidr | undefined {
  return parseCidr(route.to.includes("/") ? route.to : `${route.to}/${route.family === 4 ? 32 : 128}`);
}

function isOwnNetwork(route: Route, card: Interface): boolean {
  const cidr = routeCidr(route);
  return cidr !== undefined && card.addresses.some((a) => a.prefix === cidr.prefix && contains(cidr, a.address));
}

/** A gateway outside every network of its card needs a route of its own first, unless there is one already. */
function needsLinkRoute(route: Route, card: Interface, routes: Route[]): boolean {
  if (!route.via || isLinkLocal(route.via)) return false;
  // a route in place of the network that the gateway is in (Hetzner's root servers)
  if (routes.some((r) => r.via === route.via && r.to !== "default" && isOwnNetwork(r, card))) return true;
  if (card.addresses.some((a) => contains(a, route.via!) || a.peer === route.via)) return false;
  return !routes.some((r) => {
    const link = r.via === undefined && r.to !== "default" ? routeCidr(r) : undefined;
    return link !== undefined && contains(link, route.via!);
  });
}
