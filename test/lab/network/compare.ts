/** The old system's network and the new one's, as far as they must be the same. */

import { contains } from "../../../provider/host/facts/ip.ts";
import type { Address, Interface, NetworkFacts, Route } from "../../../provider/host/facts/types/network.ts";
import { isEui64 } from "../../../provider/host/network/addresses.ts";

export interface Essence {
  /** `eth0 203.0.113.7/32`, sorted. */
  addresses: string[];
  /** `4 default via 172.31.1.1 dev eth0`, sorted, without what only leads to a gateway. */
  routes: string[];
  /** Per family the default route that is used. */
  first: string[];
  /**
   * Addresses of IPv6 that have no end, in the kernel's order, which decides on the source of new connections:
   * `eth0 2001:db8::5 deprecated`.
   */
  order: string[];
}

/** A network as far as it counts, with the names that its cards get. */
interface Named {
  cards: Interface[];
  routes: Route[];
  /** The default routes that are used. */
  first: Route[];
}

function named(facts: NetworkFacts, rename: (dev: string) => string | undefined): Named {
  const cards = facts.interfaces.flatMap((i) => {
    const name = i.kind === "loopback" ? "lo" : rename(i.name);
    return name ? [{ ...i, name }] : [];
  });
  const routes = facts.routes.flatMap((r) => {
    const dev = rename(r.dev);
    return dev ? [{ ...r, dev, to: r.to.replace(/\/(32|128)$/, "") }] : [];
  });
  const first = ([4, 6] as const).flatMap((family) => {
    const own = routes.filter((r) => r.family === family && r.to === "default");
    return own.sort((a, b) => (a.metric ?? 0) - (b.metric ?? 0)).slice(0, 1);
  });
  return { cards, routes, first };
}

/** The routes that do not follow from something else. */
function countedRoutes({ cards, routes, first }: Named): Route[] {
  const gateways = new Set(routes.map((r) => r.via));
  const own = new Set(cards.flatMap((c) => c.addresses.map((a) => a.address)));
  return routes.filter(
    (r) =>
      // what a single address of IPv6 brings with it
      !(r.via === undefined && own.has(r.to)) &&
      !(r.via === undefined && gateways.has(r.to)) &&
      !(r.via === undefined && r.proto === "dhcp" && !r.to.includes("/")) &&
      !(r.via === undefined && routes.some((s) => s.via && s.to === r.to && s.dev === r.dev)) &&
      !(r.proto === "dhcp" && r.to !== "default" && first.some((f) => f.via === r.via && f.dev === r.dev)) &&
      !/^fe80::|^ff00::/.test(r.to),
  );
}

/** Whether it is a single address, or one whose network has no route. */
function isAlone(a: Address, dev: string, routes: Route[]): boolean {
  const full = a.family === 4 ? 32 : 128;
  const linked = routes.some((r) => {
    const [to = "", length] = r.to.split("/");
    return (
      r.dev === dev && !r.via && Number(length) === a.prefix && to.includes(":") === (a.family === 6) && contains(a, to)
    );
  });
  return !a.peer && (a.prefix === full || (a.noPrefixRoute === true && !linked));
}

function routeText(r: Route, cards: Interface[]): string {
  const size = cards.find((c) => c.name === r.dev)?.mtu;
  const mtu = r.mtu && r.mtu.size !== size ? ` mtu ${r.mtu.lock ? "lock " : ""}${r.mtu.size}` : "";
  const usual = (r.mtu?.size ?? size ?? 1500) - (r.family === 4 ? 40 : 60);
  const advmss = r.advmss && r.advmss !== usual ? ` advmss ${r.advmss}` : "";
  return `${r.family} ${r.to}${r.via ? ` via ${r.via}` : ""} dev ${r.dev}${mtu}${advmss}`;
}

/**
 * Addresses of global scope and routes of the main table, cards by their new names. Not the same by nature: metrics
 * (only their order counts), routes to a gateway itself (`onlink` or a route of its own), networks' routes in whose
 * place stands another, networkd's routes to resolvers by the default gateway, sizes that follow from the card's MTU.
 */
export function essence(facts: NetworkFacts, rename: (dev: string) => string | undefined): Essence {
  const network = named(facts, rename);
  const { cards, routes, first } = network;
  // beside an address that the old system made of an advertisement, the kernel makes its own
  const eui = (c: Interface, address: string) => c.mac !== undefined && isEui64(address, c.mac);
  const text = (r: Route) => routeText(r, cards);
  return {
    addresses: cards
      .flatMap((c) =>
        c.addresses
          .filter((a) => a.scope === "global" && !a.temporary)
          .filter((a) => !(a.dynamic && eui(c, a.address) && c.addresses.some((b) => b !== a && sameNetwork(a, b))))
          .map((a) => {
            const prefix = isAlone(a, c.name, routes) ? "alone" : a.prefix;
            return `${c.name} ${a.address}${a.peer ? ` peer ${a.peer}` : ""}/${prefix}`;
          }),
      )
      .sort(),
    routes: [...new Set(countedRoutes(network).map(text))].sort(),
    first: first.map(text),
    order: cards.flatMap((c) =>
      c.addresses
        .filter((a) => a.family === 6 && a.scope === "global" && !a.dynamic)
        .map((a) => `${c.name} ${a.address}${a.deprecated ? " deprecated" : ""}`),
    ),
  };
}

const sameNetwork = (a: Address, b: Address) => a.prefix === b.prefix && contains(a, b.address);
