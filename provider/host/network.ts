/** The new system's network out of the old one's and what is wanted. Pure. */
import { isIP } from "node:net";
import { type Cidr, contains, isLinkLocal, isLoopback, parseCidr } from "./ip.ts";
import { type Card, type CardRoute, renderNetwork } from "./network-files.ts";
import type { Interface, NetworkFacts, NetworkInput, NetworkPlan, Refusal, Route, StaticNetwork } from "./types.ts";

const refuse = (code: string, message: string, hint: string): NetworkPlan => ({ refusals: [{ code, message, hint }] });

const ASK_STATIC = "give the new system's network: network: { static: { addresses, gateways, nameservers } }";

/**
 * Files of the new system's network, or why it cannot be carried. `keep`: what the old system has, whole or not at all; what is not
 * the server's own network (docker0, tunnels) is left out and named in `notes`.
 */
export function planNetwork(facts: NetworkFacts, input: NetworkInput, hostname: string): NetworkPlan {
  const names = newNames(facts.interfaces);
  if (input === "keep") return keep(facts, names, hostname);
  const wanted = input === "dhcp" ? {} : input.static;
  const card = pick(facts, wanted as Partial<StaticNetwork>);
  if (!card) return refuse("network-card", "there is no network card to configure", missingHint(facts));
  const unfit = unfitCard(card);
  if (unfit) return { refusals: [unfit] };
  const base = { name: names.get(card.name)!, oldName: card.name, mac: card.mac!, addresses: [], routes: [] };
  if (input === "dhcp") {
    const cards: Card[] = [{ ...base, mtu: oddMtu(card), dhcp: true, routerAdvertised: false }];
    return { files: renderNetwork(cards, { nameservers: [], search: [] }, hostname), refusals: [], notes: [] };
  }
  return planStatic(facts, input.static, base, hostname);
}

/**
 * Names of the physical cards on the new system: eth0, eth1, … in the order the kernel found them, which it mostly finds again, so
 * that a single card is right even where nothing renames it.
 */
function newNames(interfaces: Interface[]): Map<string, string> {
  const cards = interfaces.filter((i) => i.kind === "physical" && i.mac).sort((a, b) => a.index - b.index);
  return new Map(cards.map((c, n) => [c.name, `eth${n}`]));
}

const oddMtu = (card: Interface) => (card.mtu !== undefined && card.mtu !== 1500 ? card.mtu : undefined);

const missingHint = (facts: NetworkFacts) =>
  `the server has: ${
    facts.interfaces
      .filter((i) => i.kind !== "loopback")
      .map((i) => `${i.name} (${i.mac ?? i.kind})`)
      .join(", ") || "nothing"
  }`;

function pick(facts: NetworkFacts, wanted: Partial<StaticNetwork>): Interface | undefined {
  if (wanted.mac) return facts.interfaces.find((i) => i.mac === wanted.mac!.toLowerCase());
  if (wanted.interface) return facts.interfaces.find((i) => i.name === wanted.interface);
  const route = defaultRoute(facts.routes, 4) ?? defaultRoute(facts.routes, 6);
  const cards = facts.interfaces.filter((i) => i.kind === "physical");
  return facts.interfaces.find((i) => i.name === route?.dev) ?? (cards.length === 1 ? cards[0] : undefined);
}

function defaultRoute(routes: Route[], family: 4 | 6): Route | undefined {
  const found = routes.filter((r) => r.family === family && r.to === "default");
  return found.sort((a, b) => (a.metric ?? 0) - (b.metric ?? 0))[0];
}

/** Why a card cannot be carried; undefined: it can. */
function unfitCard(card: Interface): Refusal | undefined {
  if (card.kind === "physical" && !card.master && card.mac) return undefined;
  const what = card.master
    ? `is part of ${card.master}`
    : card.kind === "virtual" || card.kind === "loopback"
      ? "is no network card"
      : card.kind === "physical"
        ? "has no MAC address to know it by"
        : `is a ${card.kind}`;
  return {
    code: `network-${card.master ? "bond" : card.kind}`,
    message: `the network of ${card.name} cannot be carried over: it ${what}`,
    hint: "give the server a plain network card's configuration first; bonds, VLANs and bridges come later",
  };
}

function keep(facts: NetworkFacts, names: Map<string, string>, hostname: string): NetworkPlan {
  const own = facts.interfaces.map((i) => ({ card: i, addresses: i.addresses.filter((a) => a.scope === "global") }));
  const used = own.filter(({ card, addresses }) => card.kind !== "loopback" && (addresses.length > 0 || card.dhcp));
  const defaults = [defaultRoute(facts.routes, 4), defaultRoute(facts.routes, 6)].filter((r) => r !== undefined);
  const notes: string[] = [];
  const cards: Card[] = [];
  for (const { card } of used) {
    const leads = defaults.some((r) => r.dev === card.name);
    const overCards = facts.interfaces.some((i) => i.master === card.name && i.kind === "physical");
    const unfit = unfitCard(card);
    if (!unfit) cards.push(carried(card, facts.routes, names.get(card.name)!));
    else if (leads || overCards || card.kind === "vlan" || card.kind === "bond") return { refusals: [unfit] };
    else notes.push(`${card.name} (${card.kind}) is not carried over`);
  }
  const leading = defaults.find((r) => !cards.some((c) => c.oldName === r.dev));
  if (leading) {
    const card = facts.interfaces.find((i) => i.name === leading.dev);
    const unfit = card && unfitCard(card);
    return unfit
      ? { refusals: [unfit] }
      : refuse("network-none", `the default route leads over ${leading.dev}, which has no address`, ASK_STATIC);
  }
  if (cards.length === 0 || defaults.length === 0)
    return refuse(
      "network-none",
      "the server's network cannot be read: no address or no default route was found",
      ASK_STATIC,
    );
  // the card of the default route first
  cards.sort((a, b) => Number(b.oldName === defaults[0]!.dev) - Number(a.oldName === defaults[0]!.dev));
  const scoped = (n: string) => n.replace(/%(.+)$/, (_, dev) => `%${names.get(dev) ?? dev}`);
  const nameservers = facts.nameservers.filter((n) => !isLoopback(n)).map(scoped);
  if (nameservers.length === 0 && facts.nameservers.length > 0 && !cards.some((c) => c.dhcp))
    return refuse(
      "network-dns",
      `the server asks a resolver of its own (${facts.nameservers.join(", ")}), which the new system has not`,
      ASK_STATIC,
    );
  if (nameservers.length === 0 && !cards.some((c) => c.dhcp))
    notes.push("no nameserver was found: names will not resolve");
  const files = renderNetwork(cards, { nameservers, search: facts.search }, hostname);
  return { files, refusals: [], notes: [...notes, ...cards.flatMap((c) => c.notes ?? [])] };
}

/** One card with its addresses and routes. */
function carried(card: Interface, routes: Route[], name: string): Card {
  const notes: string[] = [];
  const global = card.addresses.filter((a) => a.scope === "global");
  const dhcp = card.dhcp !== undefined || global.some((a) => a.family === 4 && a.dynamic);
  const advertised = routes.some((r) => r.dev === card.name && r.family === 6 && r.proto === "ra");
  const addresses = global.filter((a) => {
    if (a.family === 4) return !(dhcp && (a.dynamic || !global.some((b) => b.family === 4 && b.dynamic)));
    // a single address with a lifetime comes from DHCPv6, a network's from advertisements
    if (a.dynamic && a.prefix === 128) notes.push(`${a.address} came from DHCPv6 and becomes a fixed address`);
    return !a.dynamic || a.prefix === 128;
  });
  const taken = routes.filter((r) => r.dev === card.name && !["kernel", "ra", "redirect"].includes(r.proto ?? ""));
  const kept: CardRoute[] = taken
    .filter((r) => !(r.family === 4 && dhcp && (r.proto === "dhcp" || r.to === "default")))
    // busybox' ip names no protocol: what the addresses bring by themselves
    .filter((r) => r.via !== undefined || !isOwnNetwork(r, card))
    .filter((r) => !(r.family === 6 && r.via === undefined && r.to.startsWith("fe80::")))
    .map((r) => ({
      family: r.family,
      to: r.to,
      via: r.via,
      metric: r.family === 6 && r.metric === 1024 ? undefined : r.metric,
      onlink: needsLinkRoute(r, card, taken),
    }));
  return {
    name,
    oldName: card.name,
    mac: card.mac!,
    mtu: oddMtu(card),
    dhcp,
    routerAdvertised: advertised || global.some((a) => a.family === 6 && a.dynamic && a.prefix !== 128),
    now: dhcp ? global.find((a) => a.family === 4) : undefined,
    addresses: addresses.map(({ family, address, prefix, peer }) => ({ family, address, prefix, peer })),
    routes: kept,
    notes,
  };
}

/** `ip` prints a single address without its length. */
function routeCidr(route: Route): Cidr | undefined {
  return parseCidr(route.to.includes("/") ? route.to : `${route.to}/${route.family === 4 ? 32 : 128}`);
}

function isOwnNetwork(route: Route, card: Interface): boolean {
  const cidr = routeCidr(route);
  return cidr !== undefined && card.addresses.some((a) => a.prefix === cidr.prefix && contains(cidr, a.address));
}

/** A gateway outside every network of its card needs a route of its own first, unless there is one already. */
function needsLinkRoute(route: Route, card: Interface, routes: Route[]): boolean {
  if (!route.via || isLinkLocal(route.via)) return false;
  if (card.addresses.some((a) => contains(a, route.via!) || a.peer === route.via)) return false;
  return !routes.some((r) => {
    const link = r.via === undefined && r.to !== "default" ? routeCidr(r) : undefined;
    return link !== undefined && contains(link, route.via!);
  });
}

function planStatic(
  facts: NetworkFacts,
  wanted: StaticNetwork,
  base: Omit<Card, "mtu" | "dhcp" | "routerAdvertised">,
  hostname: string,
): NetworkPlan {
  const bad = (property: string, value: string, expected: string) =>
    refuse("network-input", `network.static.${property} "${value}" is not ${expected}`, "correct it");
  const addresses: Cidr[] = [];
  for (const [n, text] of wanted.addresses.entries()) {
    const cidr = parseCidr(text);
    if (!cidr) return bad(`addresses[${n}]`, text, "an address with its prefix, like 203.0.113.7/24");
    addresses.push(cidr);
  }
  if (addresses.length === 0)
    return refuse("network-input", "network.static.addresses is empty", "give at least one, like 203.0.113.7/24");
  const routes: CardRoute[] = [];
  for (const [n, via] of (wanted.gateways ?? []).entries()) {
    const family = isIP(via);
    if (family !== 4 && family !== 6) return bad(`gateways[${n}]`, via, "an address");
    if (!addresses.some((a) => a.family === family))
      return refuse(
        "network-input",
        `network.static.gateways[${n}] ${via} has no address of its family beside it`,
        `add an IPv${family} address`,
      );
    if (routes.some((r) => r.family === family)) return bad(`gateways[${n}]`, via, "the only gateway of its family");
    const onlink = !isLinkLocal(via) && !addresses.some((a) => contains(a, via));
    routes.push({ family, to: "default", via, onlink });
  }
  const notes: string[] = [];
  if (routes.length === 0) notes.push("no gateway: the server will only be reached from its own network");
  const given = wanted.nameservers ?? facts.nameservers.filter((s) => !isLoopback(s));
  const wrong = given.findIndex((s) => isIP(s.split("%")[0]!) === 0);
  if (wrong >= 0) return bad(`nameservers[${wrong}]`, given[wrong]!, "an address");
  if (given.length === 0) notes.push("no nameserver: names will not resolve");
  const card: Card = { ...base, mtu: wanted.mtu, dhcp: false, routerAdvertised: false, addresses, routes };
  const dns = { nameservers: given, search: wanted.search ?? facts.search };
  return { files: renderNetwork([card], dns, hostname), refusals: [], notes };
}
