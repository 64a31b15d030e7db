/** Routes that are not carried: a routing daemon's, those that lead nowhere, and too many. Pure. */
import type { NetworkFacts, Route } from "../facts/types/network.ts";
import { type Refusal, refuse } from "../refusal.ts";
import { defaultRoute, staticExample } from "./cards.ts";
import type { Card } from "./model/card.ts";

/**
 * Each route is a command of ifup that takes some milliseconds. A China route list has 9000 routes, a full table of the
 * Internet a million.
 */
export const MOST_ROUTES = 10_000;

/** The facts without routes of routing daemons, which the new system does not run. Notes tell what is left out. */
export function ofDaemons(facts: NetworkFacts, notes: string[]): NetworkFacts | { refusals: Refusal[] } {
  const routes = facts.routes.filter((r) => r.daemon === undefined);
  const made = facts.routes.filter((r) => r.daemon !== undefined);
  const family = facts.connectedTo?.includes(":") ? 6 : 4;
  const lost = made.find((r) => !defaultRoute(routes, r.family));
  if (lost && (!routes.some((r) => r.to === "default") || lost.family === family))
    return { refusals: [daemonLeads(facts, lost.daemon!, lost.dev)] };
  const [first] = facts.daemons ?? [];
  const announced = facts.interfaces.find((i) => i.kind === "loopback")?.addresses;
  if (first && announced?.some((a) => a.scope === "global" && a.address === facts.connectedTo))
    return refuse(
      "network-connection",
      `this connection goes to ${facts.connectedTo} on lo, which ${first.name} announces, and the new system does not run it`,
      "connect to an address of a network card instead (connection.host)",
    );
  const counts = new Map(facts.daemons?.map((d) => [d.name, d.routes]));
  for (const { daemon = "" } of made) counts.set(daemon, (counts.get(daemon) ?? 0) + 1);
  for (const [name, n] of counts)
    notes.push(
      `${n} ${n === 1 ? "route" : "routes"} of ${name} will not be carried over: the new system does not run it`,
    );
  const { leftOut = [] } = facts;
  if (leftOut.length > 0)
    notes.push(
      `not carried over: ${leftOut.slice(0, 3).join("; ")}${leftOut.length > 3 ? ` and ${leftOut.length - 3} more` : ""}`,
    );
  return { ...facts, routes };
}

function daemonLeads(facts: NetworkFacts, name: string, dev: string): Refusal {
  return {
    code: "network-routing",
    message: `the default route is made by ${name}, which the new system does not run`,
    hint: `give the new system's settings: ${staticExample(facts, dev)}`,
  };
}

export function tooMany(cards: Card[], facts: NetworkFacts, lead: Route | undefined): Refusal | undefined {
  const routes = cards.reduce((n, c) => n + c.routes.length, 0);
  if (routes <= MOST_ROUTES) return undefined;
  return {
    code: "network-routes",
    message: `the server has ${routes} routes of its own; at most ${MOST_ROUTES} are carried over`,
    hint: `remove them first, or leave them out: ${staticExample(facts, lead?.dev ?? cards[0]!.oldName)}`,
  };
}
