/** The network of a container. Its manager makes the cards and often configures them; its settings count. Pure. */
import type { Interface, NetworkFacts } from "../facts/types/network.ts";
import type { Refusal } from "../refusal.ts";
import { carried } from "./carry.ts";
import { usable } from "./dns.ts";
import { planGiven } from "./given.ts";
import type { Card } from "./model/card.ts";
import type { NetworkInput, NetworkPlan } from "./model/types.ts";
import { render } from "./render/unless-set.ts";
import { ofDaemons, tooMany } from "./routes.ts";

/**
 * Plans a container's network. Cards keep the names that the manager gives. They are not known by MAC addresses, since
 * the manager may make new ones at each start.
 */
export function planContainerNetwork(all: NetworkFacts, input: NetworkInput, hostname: string): NetworkPlan {
  const names = new Map(all.interfaces.map((i) => [i.name, i.name]));
  if (input !== "keep") return planGiven(asCards(all), input, names, hostname, (parts) => render(parts, "always"));
  const notes: string[] = [];
  const facts = ofDaemons(all, notes);
  if ("refusals" in facts) return facts;
  const used = facts.interfaces.filter((i) => {
    if (i.kind === "loopback" || (global(i).length === 0 && !i.dhcp)) return false;
    if (i.kind !== "bridge") return true;
    // belongs to a container within the container
    notes.push(`${i.name} (bridge) is not carried over`);
    return false;
  });
  const leads = (c: { name: string }) => Number(facts.routes.some((r) => r.to === "default" && r.dev === c.name));
  const cards = used.map((card) => carried(card, facts, names)).sort((a, b) => leads(b) - leads(a));
  const problem = unreachable(facts, cards) ?? tooMany(cards, facts, undefined);
  if (problem) return { refusals: [problem] };
  const resolvers = usable(
    facts,
    cards.map((c) => c.oldName),
    notes,
  );
  const dns = { nameservers: resolvers, search: facts.search };
  if (dns.nameservers.length === 0 && !cards.some((c) => c.dhcp))
    notes.push("no nameserver was found: names will not resolve");
  const files = render({ cards, dns, hostname }, "unless set");
  return { files, refusals: [], notes: [...notes, ...cards.flatMap((c) => c.notes ?? [])] };
}

const global = (card: Interface) => card.addresses.filter((a) => a.scope === "global");

/** Treats the cards that a manager gives (veth, macvlan, venet) like hardware cards. */
function asCards(facts: NetworkFacts): NetworkFacts {
  // venet has no MAC address, and no card is identified by it here
  const mac = (n: number) => `02:00:00:00:00:${n.toString(16).padStart(2, "0")}`;
  const interfaces = facts.interfaces.map((i, n) =>
    i.kind === "virtual" ? { ...i, kind: "physical" as const, mac: mac(n) } : i,
  );
  return { ...facts, interfaces };
}

function unreachable(facts: NetworkFacts, cards: Card[]): Refusal | undefined {
  const hint = "give the new system's settings: network: { mode: static, addresses, gateways }";
  if (cards.length === 0 || !facts.routes.some((r) => r.to === "default"))
    return {
      code: "network-none",
      message: `the container's network cannot be read: ${cards.length === 0 ? "no card with an address" : "no default route"} was found`,
      hint,
    };
  const holder = facts.interfaces.find((i) => global(i).some((a) => a.address === facts.connectedTo));
  if (!holder || holder.kind === "loopback" || cards.some((c) => c.oldName === holder.name)) return undefined;
  return {
    code: "network-connection",
    message: `this connection goes to ${facts.connectedTo} of ${holder.name}, which the new system does not have`,
    hint: `connect to an address of ${cards.map((c) => c.oldName).join(" or ")} instead (connection.host)`,
  };
}
