/** Makes the new system's network from the old one's. Pure. */

import { contains, parseCidr } from "../facts/ip.ts";
import type { Interface, NetworkFacts, Route } from "../facts/types/network.ts";
import { type Refusal, refuse } from "../refusal.ts";
import { defaultRoute, macs, staticExample, unfit } from "./cards.ts";
import { carried } from "./carry.ts";
import { resolvers } from "./dns.ts";
import type { Card } from "./model/card.ts";
import { distinctMetrics } from "./model/metrics.ts";
import type { NetworkPlan, Renderer } from "./model/types.ts";
import { ofDaemons, tooMany } from "./routes.ts";

const global = (card: Interface) => card.addresses.filter((a) => a.scope === "global");

export function keep(all: NetworkFacts, names: Map<string, string>, hostname: string, render: Renderer): NetworkPlan {
  const notes: string[] = [];
  const facts = ofDaemons(all, notes);
  if ("refusals" in facts) return facts;
  const used = facts.interfaces.filter((i) => i.kind !== "loopback" && (global(i).length > 0 || i.dhcp));
  const defaults = [defaultRoute(facts.routes, 4), defaultRoute(facts.routes, 6)].filter((r) => r !== undefined);
  const cards: Card[] = [];
  const unfits: { leads: boolean; why: Refusal }[] = [];
  for (const card of used) {
    const leads = defaults.some((r) => r.dev === card.name);
    const overCards = facts.interfaces.some((i) => i.master === card.name && i.kind === "physical");
    const why = unfit(card, facts);
    if (!why) cards.push(carried(card, facts, names));
    else if (leads || overCards || card.kind === "vlan" || card.kind === "bond" || card.kind === "physical")
      unfits.push({ leads, why });
    else notes.push(`${card.name} (${card.kind}) is not carried over`);
  }
  const worst = unfits.find((u) => u.leads) ?? unfits[0];
  if (worst) return { refusals: [worst.leads ? worst.why : { ...worst.why, hint: leaveOut(facts, defaults) }] };
  const many = tooMany(cards, facts, defaults[0]);
  if (many) return { refusals: [many] };
  const six = cards.flatMap((c) => c.routes).find((r) => r.family === 4 && r.via?.includes(":"));
  if (six)
    return refuse(
      "network-gateway",
      `the IPv4 route to ${six.to} has the IPv6 gateway ${six.via}, which the new system cannot set`,
      "ask the provider for an IPv4 gateway",
    );
  const leading = defaults.find((r) => !cards.some((c) => c.oldName === r.dev));
  const problem = leading
    ? noAddress(facts, leading.dev)
    : cards.length === 0 || defaults.length === 0
      ? nothing(facts, cards)
      : rulesProblem(facts, cards, defaults);
  if (problem) return { refusals: [problem] };
  const lost = lostConnection(facts, cards);
  if (lost) return { refusals: [lost] };
  // the card of the default route first
  const leads = (c: Card) => Number(c.oldName === defaults[0]!.dev);
  cards.sort((a, b) => leads(b) - leads(a) || a.name.localeCompare(b.name, "en", { numeric: true }));
  distinctMetrics(cards, notes);
  const dns = resolvers(
    facts,
    cards.map((c) => c.oldName),
    names,
    cards.some((c) => c.dhcp),
    notes,
  );
  if ("refusals" in dns) return dns;
  if (facts.rules.length > 0)
    notes.push(`rules for other routing tables are not carried over: ${facts.rules.join("; ")}`);
  const lo = facts.interfaces.filter((i) => i.kind === "loopback").flatMap(global);
  const files = render({ cards, names: macs(facts, names), lo, dns, hostname });
  return { files, refusals: [], notes: [...notes, ...cards.flatMap((c) => c.notes ?? [])] };
}

function noAddress(facts: NetworkFacts, dev: string): Refusal {
  const card = facts.interfaces.find((i) => i.name === dev);
  const why = card && unfit(card, facts);
  return (
    why ?? {
      code: "network-none",
      message: `the default route goes through ${dev}, which has no address`,
      hint: `give the new system's settings: ${staticExample(facts, dev)}`,
    }
  );
}

function nothing(facts: NetworkFacts, cards: Card[]): Refusal {
  const what = cards.length === 0 ? "no network card with an address" : "no default route";
  return {
    code: "network-none",
    message: `the server's network cannot be read: ${what} was found`,
    hint: `give the new system's settings: ${staticExample(facts, cards[0]?.oldName ?? "")}`,
  };
}

/**
 * Refuses a connection that goes to an address of a tunnel, a bridge or the like. The new system does not have that
 * address, so nobody could confirm it.
 */
function lostConnection(facts: NetworkFacts, cards: Card[]): Refusal | undefined {
  const address = facts.connectedTo;
  const holder = facts.interfaces.find((i) => i.addresses.some((a) => a.address === address && a.scope === "global"));
  if (!address || !holder || holder.kind === "loopback" || cards.some((c) => c.oldName === holder.name))
    return undefined;
  return {
    code: "network-connection",
    message: `this connection goes to ${address} of ${holder.name}, which the new system does not have`,
    hint: `connect to an address of ${cards.map((c) => c.oldName).join(" or ")} instead (connection.host)`,
  };
}

/** A hint that leaves the interface out: only the network of the default route's card. */
function leaveOut(facts: NetworkFacts, defaults: Route[]): string {
  const lead = facts.interfaces.find((i) => i.name === defaults[0]?.dev);
  const byDhcp = lead?.dhcp !== undefined || lead?.addresses.some((a) => a.family === 4 && a.dynamic);
  return `leave it out: ${byDhcp ? "network: { mode: dhcp }" : staticExample(facts, lead?.name ?? "", lead?.name)}`;
}

/**
 * Answers from a second card's address leave by that card only because of a rule. Without the rule, the address is
 * dead.
 */
function rulesProblem(facts: NetworkFacts, cards: Card[], defaults: Route[]): Refusal | undefined {
  const leading = defaults[0]!.dev;
  for (const rule of facts.rules) {
    const from = /\bfrom (\S+)/.exec(rule)?.[1];
    const cidr = from && parseCidr(from.includes("/") ? from : `${from}/${from.includes(":") ? 128 : 32}`);
    if (!cidr) continue;
    const card = cards.find(
      (c) =>
        c.oldName !== leading &&
        facts.interfaces.find((i) => i.name === c.oldName)?.addresses.some((a) => contains(cidr, a.address)),
    );
    if (card)
      return {
        code: "network-rules",
        message: `${card.oldName} needs a rule for another routing table, which the new system does not have: ${rule}`,
        hint: leaveOut(facts, defaults),
      };
  }
  return undefined;
}
