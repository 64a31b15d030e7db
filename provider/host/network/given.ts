/** A network that the program asks for: by DHCP, or with given addresses. Pure. */

import { isIP } from "node:net";
import { addressBits, type Cidr, contains, isLinkLocal, parseCidr } from "../facts/ip.ts";
import type { Interface, NetworkFacts } from "../facts/types/network.ts";
import { type Refusal, refuse } from "../refusal.ts";
import { defaultRoute, macs, memberProblem, unfit } from "./cards.ts";
import { type CardBase, cardBase, identity, oddMtu } from "./carry.ts";
import { usable } from "./dns.ts";
import type { Card, CardRoute } from "./model/card.ts";
import type { NetworkFiles, NetworkInput, NetworkPlan, Renderer, StaticNetwork } from "./model/types.ts";

/** The files for `dhcp` or `static` on one card. A different configuration of the old system does not matter. */
export function planGiven(
  facts: NetworkFacts,
  input: Exclude<NetworkInput, "keep">,
  names: Map<string, string>,
  hostname: string,
  render: Renderer,
): NetworkPlan {
  const wanted: Partial<StaticNetwork> = input === "dhcp" ? {} : input.static;
  const card = pick(facts, wanted);
  if (!card) return refuse("network-card", noCard(wanted), has(facts));
  const problem = unusable(card, facts, wanted);
  if (problem) return { refusals: [problem] };
  const base = vlanOver(cardBase(card, facts, names), card, wanted);
  const write = (made: Omit<Card, keyof CardBase>, dns: { nameservers: string[]; search: string[] }) =>
    render({ cards: [{ ...base, ...made }], names: macs(facts, names), lo: [], dns, hostname });
  if (input !== "dhcp") return planStatic(facts, input.static, card, write);
  const seen = facts.interfaces.some(
    (i) => i.dhcp !== undefined || i.addresses.some((a) => a.family === 4 && a.dynamic),
  );
  const notes = seen
    ? []
    : ["the old system does not use DHCP: it is not known whether a DHCP server answers on this network"];
  const made = {
    mtu: oddMtu(card),
    dhcp: true,
    routerAdvertised: false,
    addresses: [],
    routes: [],
    ...(card.dhcp ? identity(card, undefined, notes) : {}),
  };
  return { files: write(made, { nameservers: [], search: [] }), refusals: [], notes };
}

const noCard = (wanted: Partial<StaticNetwork>) =>
  wanted.mac
    ? `the server has no network card with the MAC address ${wanted.mac}`
    : wanted.interfaceName
      ? `the server has no network card ${wanted.interfaceName}`
      : "there is no network card to configure";

const has = (facts: NetworkFacts) =>
  `the server has: ${
    facts.interfaces
      .filter((i) => i.kind !== "loopback")
      .map((i) => `${i.name} (${i.kind === "physical" && i.mac ? i.mac : i.kind})`)
      .join(", ") || "nothing"
  }`;

function pick(facts: NetworkFacts, wanted: Partial<StaticNetwork>): Interface | undefined {
  const cards = facts.interfaces.filter((i) => i.kind === "physical");
  const mac = wanted.mac?.toLowerCase();
  const free = (all: Interface[]) => all.find((i) => !i.master) ?? all[0];
  if (mac) return free(cards.filter((i) => i.mac === mac));
  if (wanted.interfaceName) return facts.interfaces.find((i) => i.name === wanted.interfaceName);
  const route = defaultRoute(facts.routes, 4) ?? defaultRoute(facts.routes, 6);
  return facts.interfaces.find((i) => i.name === route?.dev) ?? (cards.length === 1 ? cards[0] : undefined);
}

/** Why a card cannot be used. It may be in a bridge now, or in a bond that the switch does not know about. */
function unusable(card: Interface, facts: NetworkFacts, wanted: Partial<StaticNetwork>): Refusal | undefined {
  const master = facts.interfaces.find((i) => i.name === card.master);
  if (card.kind === "vlan" && wanted.vlan !== undefined && wanted.vlan !== card.vlan?.id)
    return {
      code: "network-input",
      message: `network.vlan is ${wanted.vlan}, but ${card.name} is VLAN ${card.vlan?.id ?? "unknown"} already`,
      hint: "give the interface below it, or leave vlan out",
    };
  if (card.kind !== "physical" || !master || master.kind === "physical") return unfit(card, facts);
  const why = master.kind === "bond" ? memberProblem(master) : undefined;
  if (!why) return unfit({ ...card, master: undefined }, facts);
  return {
    code: "network-bond",
    message: `${card.name} cannot work alone: ${why}`,
    hint: "take the bond apart at the switch first, or make it active-backup",
  };
}

function vlanOver(base: CardBase, card: Interface, { vlan, mtu }: Partial<StaticNetwork>): CardBase {
  if (vlan === undefined || card.kind === "vlan") return base;
  const { mac: _, setMac: __, ...rest } = base;
  // a VLAN's MTU cannot exceed that of the card below
  const parentMtu = mtu !== undefined && mtu > (card.mtu ?? 1500) ? mtu : oddMtu(card);
  return { ...rest, name: `${base.name}.${vlan}`, vlan: { id: vlan, parent: base.name, parentMtu } };
}

/** Interfaces that the card replaces: the bridge above it, and the one that leads now. */
const stead = (facts: NetworkFacts, card: Interface) => [
  ...(card.master ? [card.master] : []),
  ...facts.routes.flatMap((r) => (r.to === "default" ? [r.dev] : [])),
];

function planStatic(
  facts: NetworkFacts,
  wanted: StaticNetwork,
  card: Interface,
  write: (made: Omit<Card, keyof CardBase>, dns: { nameservers: string[]; search: string[] }) => NetworkFiles,
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
        `network.static.gateways[${n}] ${via} has no address of the same family beside it`,
        `add an IPv${family} address`,
      );
    if (addresses.some((a) => a.address === via)) return bad(`gateways[${n}]`, via, "another server's address");
    if (routes.some((r) => r.family === family)) return bad(`gateways[${n}]`, via, "the only gateway of its family");
    const onlink = !isLinkLocal(via) && !addresses.some((a) => contains(a, via));
    routes.push({ family, to: "default", via, onlink });
  }
  const notes: string[] = [];
  if (routes.length === 0) notes.push("no gateway: the server can be reached only from its own network");
  const given = wanted.nameservers ?? usable(facts, [card.name, ...stead(facts, card)], notes);
  const wrong = given.findIndex((s) => isIP(s.split("%")[0]!) === 0);
  if (wrong >= 0) return bad(`nameservers[${wrong}]`, given[wrong]!, "an address");
  if (given.length === 0) notes.push("no nameserver: names will not resolve");
  const to = facts.connectedTo;
  const holder = facts.interfaces.find((i) => i.kind !== "loopback" && i.addresses.some((a) => a.address === to));
  if (holder && !addresses.some((a) => addressBits(a.address) === addressBits(to!)))
    notes.push(`this connection goes to ${to}, which is not among the addresses`);
  const six = addresses.some((a) => a.family === 6);
  const mtu = wanted.mtu ?? oddMtu(card);
  if (six && mtu !== undefined && mtu < 1280) return bad("mtu", String(mtu), "1280 or more, which IPv6 needs");
  const dns = { nameservers: given, search: wanted.search ?? facts.search };
  return { files: write({ mtu, dhcp: false, routerAdvertised: false, addresses, routes }, dns), refusals: [], notes };
}
