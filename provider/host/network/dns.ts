/** Which of the old system's resolvers the new one can ask. Pure. */

import { isLoopback, Networks, parseCidr } from "../facts/ip.ts";
import type { NetworkFacts } from "../facts/types/network.ts";
import { type Refusal, refuse } from "../refusal.ts";
import { staticExample } from "./cards.ts";
import { routeCidr } from "./carry.ts";

/** Where tailscaled answers on the server itself (tailscale/tailscale: MagicDNS). */
const TAILSCALE = ["100.100.100.100", "fd7a:115c:a1e0::53"];

/**
 * Resolvers that are neither the old system itself nor behind an interface that is gone. `cards`: the interfaces of the
 * new system, by their old names.
 */
export function usable(facts: NetworkFacts, cards: string[], notes: string[]): string[] {
  const lost = new Networks();
  const reached = new Networks();
  const of = (dev: string) => (cards.includes(dev) ? reached : lost);
  for (const i of facts.interfaces) if (i.kind !== "loopback") for (const a of i.addresses) of(i.name).add(a);
  for (const r of facts.routes) {
    const cidr = r.to === "default" ? parseCidr(r.family === 4 ? "0.0.0.0/0" : "::/0") : routeCidr(r);
    if (cidr) of(r.dev).add(cidr);
  }
  const own = new Set([...TAILSCALE, ...facts.interfaces.flatMap((i) => i.addresses.map((a) => a.address))]);
  return facts.nameservers.filter((server) => {
    // which resolvers a caching resolver asks is not known; its loopback address needs no note
    if (isLoopback(server)) return false;
    const plain = server.split("%")[0]!;
    const gone = (lost.longest(plain) ?? -1) > (reached.longest(plain) ?? -1);
    if (!own.has(plain) && !(gone && !server.includes("%"))) return true;
    notes.push(
      `the resolver ${server} ${own.has(plain) ? "is the server itself" : "is behind what is not carried over"}: left out`,
    );
    return false;
  });
}

/** Resolvers of the new system, or why there is none. `dhcp`: DHCP may name some. */
export function resolvers(
  facts: NetworkFacts,
  cards: string[],
  names: Map<string, string>,
  dhcp: boolean,
  notes: string[],
): { nameservers: string[]; search: string[] } | { refusals: Refusal[] } {
  const scoped = (n: string) => n.replace(/%(.+)$/, (_, dev) => `%${names.get(dev) ?? dev}`);
  const nameservers = usable(facts, cards, notes).map(scoped);
  if (nameservers.length === 0 && facts.nameservers.length > 0 && !dhcp) {
    const message = `the server has a resolver of its own (${facts.nameservers.join(", ")}), and the new system does not have it`;
    const hint = `set the resolvers that it asks: ${staticExample(facts, cards[0]!).replace(" }", ', nameservers: ["192.0.2.53"] }')}`;
    return refuse("network-dns", message, hint);
  }
  if (nameservers.length === 0 && !dhcp) notes.push("no nameserver was found: names will not resolve");
  return { nameservers, search: facts.search };
}
