/**
 * Several routes to the same place: metrics tell which one is used, since two routes with one metric are one route.
 * Pure.
 */
import type { Card, CardRoute } from "./card.ts";

/** The metric that `ip` gives a route without one: IPv4 0, IPv6 1024. `gateway` of ifupdown-ng has 1. */
const UNSET = { 4: 1, 6: 1024 } as const;
/** A default route that the old system did not have comes after all others. */
const LAST = 4000;

/** Gives routes to the same destination metrics that differ, in the old order. `cards`: the leading one first. */
export function distinctMetrics(cards: Card[], notes: string[]): void {
  type Entry = { card: Card; metric: number; set: (metric: number) => void };
  const places = new Map<string, Entry[]>();
  const add = (place: string, entry: Entry) => {
    const entries = places.get(place);
    if (entries) entries.push(entry);
    else places.set(place, [entry]);
  };
  for (const card of cards) {
    if (card.dhcp && card.metric !== undefined)
      add("4 default", { card, metric: card.metric, set: (m) => (card.metric = m) });
    for (const route of card.routes) {
      if (card.dhcp && route.family === 4 && route.to === "default") continue;
      add(`${route.family} ${route.to}`, { card, metric: route.metric ?? 0, set: (m) => (route.metric = m) });
    }
  }
  for (const [place, entries] of places) {
    const family = place.startsWith("4") ? 4 : 6;
    const own = (e: Entry) => (e.metric === 0 ? UNSET[family] : e.metric);
    entries.sort((a, b) => own(a) - own(b));
    let last = -1;
    for (const entry of entries) {
      const metric = Math.max(own(entry), last + 1);
      if (last >= 0 && metric !== own(entry)) entry.set(metric);
      const note = `${entry.card.oldName} has several gateways, and only one is used at a time`;
      if (last >= 0 && entry.card === entries[0]!.card && metric !== own(entry) && !notes.includes(note))
        notes.push(note);
      last = metric;
    }
  }
  const several = cards.filter((c) => c.dhcp || c.routes.some((r) => r.to === "default" && r.family === 4)).length > 1;
  for (const card of cards) {
    if (!card.dhcp) continue;
    if (!several) card.metric = undefined;
    else card.metric ??= LAST;
  }
}

/** Routes in an order in which each can be set: to gateways first. */
export function ordered(routes: CardRoute[]): CardRoute[] {
  const links = new Map<string, CardRoute>();
  for (const r of routes) if (r.onlink && r.via) links.set(r.via, { family: r.family, to: r.via, onlink: false });
  return [...links.values(), ...routes.filter((r) => !r.via), ...routes.filter((r) => r.via)];
}
