/** The rings of a fleet whose servers pull: who is in which, and what each is asked for. Pure. */
import { refProblem } from "../../image/ostree/write.ts";
import { list, object, text } from "../../properties/check.ts";
import type { CheckFailure } from "../../properties/failure.ts";
import { isUnknown, type Props, plain, Secret, type Value } from "../../properties/values.ts";
import type { Made } from "../../resource.ts";
import { namesFailures, signing } from "../ring/shape.ts";
import { opened } from "./members.ts";
import { byName } from "./order.ts";

export interface FleetRing {
  name: string;
  servers: string[];
}

/** The ring of those that no ring names. */
const REST = "rest";
const NAME = { pattern: /^[a-z0-9][a-z0-9_-]{0,31}$/, expected: 'a name of a ring, such as "canary"', required: true };

export const ringsRule = object({
  order: list(object({ name: text(NAME as { required: true }), servers: list(text(), { required: true, min: 1 }) }), {
    min: 1,
  }),
  branch: text({ verify: refProblem, expected: 'the beginning of branches, such as "pine/web"' }),
  ...signing,
});

type Order = FleetRing[] | undefined;

/** The rings in their order; none is empty. `canaries`: the first one, where the program names none. */
export function ringsOf(names: readonly string[], order: Order, canaries: readonly string[]): FleetRing[] {
  const given = order ?? [{ name: "canary", servers: [...canaries] }];
  const named = new Set(given.flatMap(({ servers }) => servers));
  const rest = byName(names).filter((name) => !named.has(name));
  const all = [
    ...given.map(({ name, servers }) => ({ name, servers: byName(servers) })),
    { name: REST, servers: rest },
  ];
  return all.filter(({ servers }) => servers.length > 0);
}

/** What is wrong with `rings` as a whole. `names`: of the servers; `pulling`: those with `updates`. */
export function ringsFailures(
  rings: Props,
  { names, pulling, canaries }: { names: readonly string[]; pulling: readonly string[]; canaries: Value },
): CheckFailure[] {
  const failures = namesFailures(rings.publish, "rings.");
  const add = (property: string, reason: string) => failures.push({ property: `rings${property}`, reason });
  if (pulling.length === 0) add("", "are for servers that pull: none has `updates`; give it in `defaults`");
  const order = plain(rings.order) as Order;
  if (!order || isUnknown(rings.order)) return failures;
  if (canaries !== undefined && canaries !== null)
    failures.push({
      property: "rollout.canaries",
      reason: "the first of `rings.order` are the canaries: leave it out",
    });
  const where = new Map<string, string>();
  for (const [n, { name, servers }] of order.entries()) {
    if (order.findIndex((one) => one.name === name) < n) add(`.order[${n}].name`, `"${name}" is there twice`);
    for (const [m, server] of servers.entries()) {
      const at = `.order[${n}].servers[${m}]`;
      if (!names.includes(server))
        add(at, `there is no server "${server}" in this fleet; there are ${listedNames(names)}`);
      else if (where.has(server)) add(at, `"${server}" is in ring "${where.get(server)}" already`);
      where.set(server, name);
    }
  }
  const rest = names.filter((name) => !where.has(name));
  if (rest.length > 0 && order.some(({ name }) => name === REST))
    add(
      ".order",
      `"${REST}" is the ring of servers that are in no other: ${listedNames(rest)}; give yours another name`,
    );
  return failures;
}

const listedNames = (names: readonly string[]) => byName(names).join(", ");

/** All in one ring would all pull at once what nobody has confirmed. */
export const oneRing = (rings: readonly FleetRing[]): CheckFailure[] =>
  rings.length === 1 && rings[0]!.servers.length > 1
    ? [{ property: "rings", reason: `expected two rings or more: all servers are in ring "${rings[0]!.name}"` }]
    : [];

/** The branch of a ring. `fleet`: the name of the resource. */
export const branchOf = (rings: Props, fleet: string, ring: string): string =>
  `${plain(rings.branch) ?? `pine/${fleet.replaceAll(/[^A-Za-z0-9_-]/g, "-")}`}/${ring}`;

/** A server's inputs with its ring's branch: nobody but itself brings it to another commit, unless it says so. */
export function inRing(member: Props, branch: string): Props {
  const updates = opened(member.updates);
  if (!updates) return member;
  const pulls = { pullOnly: true, ...updates, branch };
  return { ...member, updates: member.updates instanceof Secret ? new Secret(pulls) : pulls };
}

/** Whether `up` leaves it to a server to go to another commit. */
const pulls = (member: Props): boolean => opened(member.updates)?.pullOnly === true;

/** Inputs of a ring's resource. `before`: servers of the rings before, with what the engine made of them. */
export function ringInputs(
  rings: Props,
  o: { commit: Value; branch: string; servers: string[]; before: Record<string, { member: Props; made?: Made }> },
): Props {
  const { order: _, branch: __, ...common } = rings;
  const after = Object.entries(o.before).map(([name, { member, made }]) => {
    const connection = made?.state.connection ?? member.connection;
    return [name, { connection, pulls: pulls(member) }] as const;
  });
  return { ...common, commit: o.commit, branch: o.branch, servers: o.servers, after: Object.fromEntries(after) };
}

/** For the fleet's line: who waits for whom. */
export const waitingLine = (waiting: Record<string, string>): string =>
  Object.entries(waiting)
    .map(([ring, why]) => `; ring ${ring}: ${why}`)
    .join("");
