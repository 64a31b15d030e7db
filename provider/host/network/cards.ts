/** Which of the old system's interfaces can be carried over, and under which name. Pure. */
import type { Interface, NetworkFacts, Route } from "../facts/types/network.ts";
import type { Refusal } from "../refusal.ts";

/** A hardware card that stands alone: not the accelerated twin below another card (on Azure and Google). */
const isCard = (i: Interface, all: Interface[]) =>
  i.kind === "physical" && i.mac !== undefined && all.find((m) => m.name === i.master)?.kind !== "physical";

/**
 * Names of the cards on the new system. Physical cards become eth0, eth1, … in the order in which the kernel found
 * them. It mostly finds them in that order again, so a single card is right even where nothing renames it. Several
 * cards that have such names already keep them. A VLAN is `eth0.100`, after the card below it.
 */
export function newNames(interfaces: Interface[]): Map<string, string> {
  const cards = interfaces.filter((i) => isCard(i, interfaces)).sort((a, b) => a.index - b.index);
  const keep = cards.length > 1 && cards.every((c) => /^eth\d{1,3}$/.test(c.name));
  const names = new Map(cards.map((c, n) => [c.name, keep ? c.name : `eth${n}`]));
  for (const { name, vlan } of interfaces) {
    const parent = vlan && names.get(vlan.parent);
    if (parent) names.set(name, `${parent}.${vlan.id}`);
  }
  return names;
}

/**
 * The MAC address of every physical card, since a card that is not configured must not take another's name. It is the
 * card's own address, not one that was set. Where that is unknown, the card keeps the name that the kernel gives it.
 */
export function macs(facts: NetworkFacts, names: Map<string, string>): { name: string; mac: string }[] {
  const own = facts.interfaces.filter((i) => i.kind === "physical" && names.has(i.name));
  return own
    .filter((i) => !i.macSet || i.macSet.own)
    .map((i) => ({ name: names.get(i.name)!, mac: i.macSet?.own ?? i.mac! }))
    .sort((a, b) => a.name.localeCompare(b.name, "en", { numeric: true }));
}

/** The default route in use: the one with the lowest metric. */
export function defaultRoute(routes: Route[], family: 4 | 6): Route | undefined {
  const found = routes.filter((r) => r.family === family && r.to === "default");
  return found.sort((a, b) => (a.metric ?? 0) - (b.metric ?? 0))[0];
}

/** Text for `network` in a program, with the addresses and gateways that the old system has. */
export function staticExample(facts: NetworkFacts, from: string, card?: string): string {
  const own = facts.interfaces.find((i) => i.name === from)?.addresses.filter((a) => a.scope === "global") ?? [];
  const addresses = own.filter((a) => !a.temporary).map((a) => `"${a.address}/${a.prefix}"`);
  const gateways = ([4, 6] as const).flatMap((family) => {
    const via = defaultRoute(facts.routes, family)?.via;
    return via ? [`"${via}"`] : [];
  });
  const parts = [
    "mode: static",
    ...(card ? [`interfaceName: ${card}`] : []),
    `addresses: [${addresses.join(", ") || '"203.0.113.7/24"'}]`,
    `gateways: [${gateways.join(", ") || '"203.0.113.1"'}]`,
  ];
  return `network: { ${parts.join(", ")} }`;
}

/** Why an interface cannot be carried over as it is; undefined: it can. */
export function unfit(card: Interface, facts: NetworkFacts): Refusal | undefined {
  const cannot = (code: string, what: string, hint: string): Refusal => ({
    code: `network-${code}`,
    message: `the network of ${card.name} cannot be carried over: it ${what}`,
    hint,
  });
  const all = facts.interfaces;
  const below = all.filter((i) => i.master === card.name);
  const names = below.map((i) => i.name).join(" and ") || "nothing";
  const spare = below.find((i) => i.kind === "physical")?.name;
  const byHand = `give the new system's settings: ${staticExample(facts, card.name, spare)}`;
  switch (card.kind) {
    case "physical": {
      const master = all.find((i) => i.name === card.master);
      if (master && master.kind !== "physical")
        return cannot(
          master.kind === "bond" ? "bond" : "bridge",
          `is part of ${master.name}, a ${master.kind}`,
          `give the new system's settings: ${staticExample(facts, master.name, card.name)}`,
        );
      if (!card.mac) return cannot("mac", "has no MAC address that identifies it", byHand);
      if (all.some((i) => i.name !== card.name && i.mac === card.mac && isCard(i, all)))
        return cannot("mac", `has the MAC address ${card.mac} of another card`, "give each card an address of its own");
      return undefined;
    }
    case "bond":
      return cannot(
        "bond",
        `is a bond (${card.bond?.mode ?? "its mode cannot be read"}) of ${names}, which the new system cannot set up`,
        spare && memberProblem(card) === undefined
          ? `one card can work alone: ${staticExample(facts, card.name, spare)}`
          : "take the bond apart at the switch and on the old system first",
      );
    case "bridge":
      return cannot(
        "bridge",
        `is a bridge over ${names}, which the new system cannot set up`,
        spare
          ? `its address can move to the card: ${staticExample(facts, card.name, spare)}`
          : "put the address on a network card first",
      );
    case "vlan":
      return vlanProblem(card, facts, cannot, byHand);
    case "loopback":
      return cannot("loopback", "is the loopback", byHand);
    default:
      return cannot(
        "virtual",
        "is not a network card with a cable (it may be a tunnel, Wi-Fi, a container's venet)",
        "put the address on a network card first; in a container, this is not supported",
      );
  }
}

function vlanProblem(
  card: Interface,
  facts: NetworkFacts,
  cannot: (code: string, what: string, hint: string) => Refusal,
  byHand: string,
): Refusal | undefined {
  const { vlan } = card;
  if (!vlan)
    return cannot("vlan", "is a VLAN whose number cannot be read", `${byHand} and vlan: <its number, 1 to 4094>`);
  if (vlan.ad) return cannot("vlan", "is a VLAN by 802.1ad, a tag within a tag", "ask for an untagged port");
  const parent = facts.interfaces.find((i) => i.name === vlan.parent);
  const why = parent ? (parent.kind === "physical" ? unfit(parent, facts) : undefined) : undefined;
  if (parent?.kind === "physical" && !why) return undefined;
  return cannot(
    "vlan",
    `is VLAN ${vlan.id} over ${vlan.parent}, ${parent ? (why ? "which is part of another" : `a ${parent.kind}`) : "which is not there"}`,
    "only a VLAN over a plain network card is carried over; put it on one first, or give network: { mode: static, interfaceName, vlan, … }",
  );
}

/**
 * Why a card of a bond cannot work without its bond; undefined: it can (bonding.rst: modes that need no support from
 * the switch).
 */
export function memberProblem(bond: Interface): string | undefined {
  const mode = bond.bond?.mode;
  return mode && ["active-backup", "balance-tlb", "balance-alb"].includes(mode)
    ? undefined
    : `the switch expects the bond ${bond.name} (${mode ?? "unknown mode"})`;
}
