/** One interface of the old system as a card of the new one. Pure. */

import { type Cidr, contains, isLinkLocal, Networks, parseCidr } from "../facts/ip.ts";
import type { Address, Interface, NetworkFacts, Route } from "../facts/types/network.ts";
import { carries, carries6 } from "./addresses.ts";
import type { Card, CardRoute } from "./model/card.ts";

export const oddMtu = (card: Interface) => (card.mtu !== undefined && card.mtu !== 1500 ? card.mtu : undefined);

/** Name, MAC and VLAN of a card. */
export function cardBase(card: Interface, facts: NetworkFacts, names: Map<string, string>): CardBase {
  const parent = card.vlan && facts.interfaces.find((i) => i.name === card.vlan!.parent);
  return {
    name: names.get(card.name)!,
    oldName: card.name,
    ...(parent
      ? {
          vlan: {
            id: card.vlan!.id,
            parent: names.get(parent.name)!,
            parentMtu: oddMtu(parent),
            parentIpv6: { off: parent.noIpv6, refusesRa: parent.acceptsRa === false },
          },
        }
      : { mac: card.mac, setMac: card.macSet !== undefined }),
  };
}

export type CardBase = Pick<Card, "name" | "oldName" | "mac" | "setMac" | "vlan">;

/** One card with its addresses and routes. */
export function carried(found: Interface, facts: NetworkFacts, names: Map<string, string>): Card {
  const notes: string[] = [];
  const routes = facts.routes.filter((r) => r.dev === found.name);
  const card = { ...found, addresses: withoutNetwork(found.addresses, routes) };
  const global = card.addresses.filter((a) => a.scope === "global");
  const dhcp = card.dhcp !== undefined || global.some((a) => a.family === 4 && a.dynamic);
  const lease = dhcp
    ? (global.find((a) => a.family === 4 && a.dynamic) ?? global.find((a) => a.family === 4))
    : undefined;
  for (const a of card.addresses)
    if (a.family === 4 && a.scope === "link") notes.push(`${a.address}/${a.prefix} (scope link) is not carried over`);
  const addresses = global.filter((a) =>
    a.family === 4
      ? !(dhcp && (a.dynamic || !global.some((b) => b.family === 4 && b.dynamic))) && carries(a, notes)
      : carries(a, notes) && carries6(a, card, notes),
  );
  const lone = routes.find((r) => r.family === 4 && r.to === "default");
  const own = new Networks();
  for (const a of card.addresses) own.add(a);
  const stays = (r: Route) => r.family === 4 && dhcp && leased(r, lone?.via);
  const kept = routes
    .filter((r) => !["kernel", "ra", "redirect"].includes(r.proto ?? ""))
    .filter((r) => !stays(r))
    // busybox' ip prints no protocol, so these are known by their network: an address brings them by itself
    .filter((r) => r.via !== undefined || !isOwnNetwork(r, own))
    .filter((r) => !(r.family === 6 && r.via === undefined && r.to.startsWith("fe80::")));
  notes.push(...untold(kept, routes.filter(stays), addresses, card));
  const strayGateway = dhcp && lone?.via && lease && lease.prefix < 32 && !contains(lease, lone.via) ? lone : undefined;
  const needsLink = linkRoutes(card, kept, own);
  return {
    ...cardBase(card, facts, names),
    mtu: card.vlan && card.mtu !== undefined ? vlanMtu(card, facts) : oddMtu(card),
    dhcp,
    ...(dhcp ? identity(card, lease, notes) : {}),
    metric: dhcp && lone ? (lone.metric ?? 0) : undefined,
    ...ipv6(card, routes, global),
    now: lease,
    addresses: addresses.map(({ family, address, prefix, peer, deprecated }) => ({
      family,
      address,
      prefix,
      peer,
      ...(deprecated && family === 6 ? { deprecated } : {}),
    })),
    routes: [
      ...kept.map((r) => cardRoute(r, card, needsLink, global)),
      // this gateway is outside the leased network, where the DHCP client's script cannot reach it; the script's own
      // routes come before this one
      ...(strayGateway
        ? [{ family: 4 as const, to: "default", via: strayGateway.via, metric: STRAY_METRIC, onlink: true }]
        : []),
    ],
    notes,
  };
}

/**
 * Addresses as they are. One stands alone if its network has no route on its card (noprefixroute, where the provider
 * keeps neighbours apart). If such a route was removed later, the other routes show that `ip` prints them.
 */
function withoutNetwork(addresses: Address[], routes: Route[]): Address[] {
  const links = new Networks();
  for (const r of routes) {
    const cidr = r.via === undefined ? routeCidr(r) : undefined;
    if (cidr) links.add(cidr);
  }
  const shows = (family: 4 | 6) => routes.some((r) => r.family === family && r.proto === "kernel" && !r.via);
  return addresses.map((a) =>
    a.dynamic || a.peer || a.scope !== "global" || links.has(a) || !(a.noPrefixRoute || shows(a.family))
      ? a
      : { ...a, prefix: a.family === 4 ? 32 : 128 },
  );
}

/** IPv6 settings of a card for the kernel: as on the old system, also where IPv6 was not used. */
function ipv6(card: Interface, routes: Route[], global: Address[]) {
  const made = global.some((a) => a.family === 6 && a.dynamic && a.prefix !== 128);
  const routerAdvertised = made || routes.some((r) => r.family === 6 && r.proto === "ra");
  // what the old system ignores, the new one ignores as well
  const refusesRa = !routerAdvertised && card.acceptsRa === false && !card.noIpv6;
  return {
    routerAdvertised,
    refusesRa,
    noIpv6: card.noIpv6 ?? false,
    noAutoconf: card.noAutoconf === true && !made && !refusesRa && !card.noIpv6,
    noDad: global.some((a) => a.family === 6 && !a.dynamic && a.noDad),
  };
}

/** The client id for DHCP, where it is not the MAC address; busybox' client sends the MAC address anyway. */
export function identity(card: Interface, lease: Address | undefined, notes: string[]): { dhcpId?: string } {
  if (card.dhcpId === undefined && (lease || card.dhcp))
    notes.push(
      `the DHCP client id that ${card.name} got ${lease?.address ?? "its address"} with could not be read: the new system asks with ${card.mac ?? "its MAC address"}, and the address may change`,
    );
  const mac = card.mac && `01${card.mac.replaceAll(":", "")}`;
  return card.dhcpId === undefined || card.dhcpId === mac ? {} : { dhcpId: card.dhcpId };
}

/**
 * Notes about addresses and routes that the new system's `ip` cannot set, or that nobody understands. `leased`: routes
 * that DHCP makes again.
 */
function untold(kept: Route[], leased: Route[], addresses: Address[], card: Interface): string[] {
  const places = new Map<string, string[]>();
  const add = (what: string, place: string) => {
    const found = places.get(what);
    if (found) found.push(place);
    else places.set(what, [place]);
  };
  for (const r of [...kept, ...leased]) for (const what of r.other ?? []) add(what, `the route to ${r.to}`);
  for (const r of leased) {
    const { mtu, advmss } = limits(r, card);
    if (mtu) add(`mtu ${mtu.size}`, `the route to ${r.to}, which DHCP makes,`);
    if (advmss) add(`advmss ${advmss}`, `the route to ${r.to}, which DHCP makes,`);
  }
  for (const a of addresses) for (const what of a.other ?? []) add(what, a.address);
  return [...places].map(
    ([what, [first, ...more]]) =>
      `"${what}" of ${first}${more.length > 0 ? ` and ${more.length} more` : ""} is not carried over`,
  );
}

/** The packet limits of a route where they differ from the card's MTU. Old kernels print them for every route. */
function limits(r: Route, card: Interface): Pick<CardRoute, "mtu" | "advmss"> {
  const size = card.mtu ?? 1500;
  const mtu = r.mtu && (r.mtu.lock || r.mtu.size !== size) ? r.mtu : undefined;
  // without the headers of IP and TCP
  const usual = mtu ? undefined : size - (r.family === 4 ? 40 : 60);
  const advmss = r.advmss === usual ? undefined : r.advmss;
  return { ...(mtu ? { mtu } : {}), ...(advmss ? { advmss } : {}) };
}

/** Comes after the DHCP client's own default routes, whose metrics start at 200 (Alpine's udhcpc script). */
const STRAY_METRIC = 1000;

function vlanMtu(card: Interface, facts: NetworkFacts): number | undefined {
  const parent = facts.interfaces.find((i) => i.name === card.vlan?.parent);
  return card.mtu === (parent?.mtu ?? 1500) ? undefined : card.mtu;
}

/**
 * Routes that come again with a DHCP lease: the default route, routes to single hosts on the link, and routes to
 * resolvers by the default gateway.
 */
function leased(r: Route, gateway: string | undefined): boolean {
  if (r.to === "default") return true;
  // networks behind another gateway (option 121) do not come again: Alpine's client does not ask for them
  return r.proto === "dhcp" && (r.via === undefined || r.via === gateway);
}

function cardRoute(r: Route, card: Interface, needsLink: (r: Route) => boolean, global: Address[]): CardRoute {
  const first = global.find((a) => a.family === r.family && a.scope === "global");
  return {
    family: r.family,
    to: r.to,
    via: r.via,
    metric: r.family === 6 && r.metric === 1024 ? undefined : r.metric,
    onlink: needsLink(r),
    // IPv6 chooses by its own rules, and the kernel refuses an address that it still checks for duplicates
    src: r.family === 4 && r.src !== undefined && r.src !== first?.address ? r.src : undefined,
    ...limits(r, card),
  };
}

/** Parses a route's destination; `ip` prints a single address without its length. */
export function routeCidr(route: Pick<Route, "to" | "family">): Cidr | undefined {
  return parseCidr(route.to.includes("/") ? route.to : `${route.to}/${route.family === 4 ? 32 : 128}`);
}

function isOwnNetwork(route: Route, own: Networks): boolean {
  const cidr = routeCidr(route);
  return cidr !== undefined && own.has(cidr);
}

/**
 * Tells whether a route's gateway needs a route of its own first: it is outside every network of its card, and no route
 * leads there yet.
 */
function linkRoutes(card: Interface, routes: Route[], own: Networks): (route: Route) => boolean {
  // a route replaces the network that the gateway is in (Hetzner's root servers)
  const replaced = new Set(routes.filter((r) => r.via && r.to !== "default" && isOwnNetwork(r, own)).map((r) => r.via));
  const peers = new Set(card.addresses.flatMap((a) => a.peer ?? []));
  const links = new Networks();
  for (const r of routes) {
    const link = r.via === undefined && r.to !== "default" ? routeCidr(r) : undefined;
    if (link) links.add(link);
  }
  // most routes share a few gateways
  const known = new Map<string, boolean>();
  return ({ via }) => {
    if (!via || isLinkLocal(via)) return false;
    const found = known.get(via) ?? (replaced.has(via) || !(own.contain(via) || peers.has(via) || links.contain(via)));
    known.set(via, found);
    return found;
  };
}
