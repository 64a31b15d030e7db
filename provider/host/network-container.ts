/** The network of a container. Its manager makes the cards and often configures them; what it does counts. Pure. */
import type { Interface, NetworkFacts } from "./facts/types/network.ts";
import { carried } from "./network-carry.ts";
import { usable } from "./network-dns.ts";
import {
  addressCommand,
  type Card,
  cardSummary,
  dhcpLines,
  hostsFile,
  inOrder,
  ipv6Lines,
  resolvLines,
  routeCommand,
} from "./network-files.ts";
import { ordered } from "./network-metrics.ts";
import { ofDaemons, tooMany } from "./network-routes.ts";
import { planGiven } from "./network-static.ts";
import type { NetworkFiles, NetworkInput, NetworkPlan, Refusal } from "./plan-types.ts";

/** Cards keep their names, which the manager gives, and are not known by MAC addresses, which it may make anew at each start. */
export function planContainerNetwork(all: NetworkFacts, input: NetworkInput, hostname: string): NetworkPlan {
  const names = new Map(all.interfaces.map((i) => [i.name, i.name]));
  if (input !== "keep") return planGiven(asCards(all), input, names, hostname, (parts) => render(parts, "always"));
  const notes: string[] = [];
  const facts = ofDaemons(all, notes);
  if ("refusals" in facts) return facts;
  const used = facts.interfaces.filter((i) => {
    if (i.kind === "loopback" || (global(i).length === 0 && !i.dhcp)) return false;
    if (i.kind !== "bridge") return true;
    // of a container within the container
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

/** What a manager gives is as good as a card of the hardware: veth, macvlan, venet. */
function asCards(facts: NetworkFacts): NetworkFacts {
  // venet has no MAC address, which nobody is to be known by here
  const mac = (n: number) => `02:00:00:00:00:${n.toString(16).padStart(2, "0")}`;
  const interfaces = facts.interfaces.map((i, n) =>
    i.kind === "virtual" ? { ...i, kind: "physical" as const, mac: mac(n) } : i,
  );
  return { ...facts, interfaces };
}

function unreachable(facts: NetworkFacts, cards: Card[]): Refusal | undefined {
  const hint = "say what the new system shall have: network: { mode: static, addresses, gateways }";
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

/** "unless set": a family of which the manager has given the card an address is left as it is. */
function render(
  { cards, dns, hostname }: { cards: Card[]; dns: { nameservers: string[]; search: string[] }; hostname: string },
  when: "always" | "unless set",
): NetworkFiles {
  const stanzas = cards.map((card) => {
    const lines = ([4, 6] as const).flatMap((family) => familyLine(card, family, when));
    // what the manager does with advertisements is its own
    lines.unshift(...dhcpLines(card), ...ipv6Lines({ ...card, routerAdvertised: false }));
    if (card.mtu) lines.unshift(`pre-up ip link set dev ${card.name} mtu ${card.mtu} || true`);
    return [
      `auto ${card.name}`,
      `iface ${card.name} inet ${card.dhcp ? "dhcp" : "manual"}`,
      ...lines.map((l) => `    ${l}`),
      "",
    ];
  });
  const resolv = resolvLines(dns);
  return {
    interfaces: [
      "# Written by Pine when this system was installed.",
      "auto lo",
      "iface lo inet loopback",
      "",
      ...stanzas.flat(),
    ].join("\n"),
    mactab: "",
    resolvConf: resolv.length === 0 && cards.some((c) => c.dhcp) ? undefined : resolv.map((l) => `${l}\n`).join(""),
    hosts: hostsFile(hostname),
    summary: cards.map(cardSummary).join("; "),
  };
}

/** All of a family's addresses and routes in one command: whether the manager has been there is asked once, before any. */
function familyLine(card: Card, family: 4 | 6, when: "always" | "unless set"): string[] {
  const ip = `ip -${family}`;
  const dev = `dev ${card.name}`;
  const addresses = card.addresses.filter((a) => a.family === family);
  const routes = card.routes.filter((r) => r.family === family);
  const commands = [
    ...inOrder(addresses).map((a) => addressCommand(a, card.name)),
    ...ordered(routes).map((r) => routeCommand(r, card.name)),
  ];
  if (commands.length === 0) return [];
  const all = `{ ${commands.join("; ")}; }`;
  if (when === "unless set" && addresses.length > 0)
    return [`up ${ip} -o addr show ${dev} scope global | grep -q . || ${all} || true`];
  const flush = when === "always" && addresses.length > 0 ? `${ip} addr flush ${dev} scope global; ` : "";
  return [`up ${flush}${all} || true`];
}
