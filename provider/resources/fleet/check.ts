/** What a Fleet accepts. Every server is checked as the HostHijack that it becomes, before anything is done. Pure. */
import { any, integer, map, object, text } from "../../properties/check.ts";
import type { CheckFailure } from "../../properties/failure.ts";
import { pathOf } from "../../properties/path.ts";
import { checkProps, type Shape } from "../../properties/rule.ts";
import { hasUnknown, isUnknown, type Props, plain, type Value } from "../../properties/values.ts";
import { checkHijack } from "../hijack/check/check.ts";
import { memberInputs, opened } from "./members.ts";
import { canariesOf } from "./order.ts";
import { oneRing, ringsFailures, ringsOf, ringsRule } from "./rings.ts";
import { UNREACHABLE } from "./rollout.ts";

/** Names of servers: they end the names of resources. */
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/;

export const shape = {
  servers: map(any(), { required: true, keys: { pattern: NAME, expected: 'a name of a server, such as "web-1"' } }),
  defaults: any(),
  commit: text({
    required: true,
    pattern: /^[0-9a-f]{64}$/,
    expected: "the checksum of an OstreeCommit (64 hex digits)",
  }),
  rollout: object({
    canaries: any(),
    maxUnavailable: integer({ min: 1 }),
    unreachable: text({ enum: UNREACHABLE }),
    maxFailures: integer({ min: 0 }),
  }),
  rings: ringsRule,
} satisfies Shape;

/** Inputs of a HostHijack that a fleet's server cannot have, and why. */
export const NOT_FOR_ONE: Record<string, string> = {
  commit: "is for the whole fleet: give `commit` of the Fleet",
};

const WITHOUT_RINGS =
  "needs `rings` of the Fleet: every server would pull what is published, before the canaries have confirmed it; give rings, or leave it out, and let `pulumi up` bring each commit to the fleet";

export function checkFleet(news: Props): CheckFailure[] {
  const { failures } = checkProps(news, shape);
  if (failures.length > 0) return failures;
  const add = (property: string, reason: string) => failures.push({ property, reason });
  const servers = opened(news.servers);
  const names = Object.keys(servers ?? {});
  if (servers && names.length === 0) add("servers", "expected at least one server, by its name");
  if (news.defaults !== undefined && !opened(news.defaults) && !isUnknown(news.defaults))
    add("defaults", "expected an object with inputs of a HostHijack");
  failures.push(...rolloutFailures(opened(news.rollout) ?? {}, servers ? names : undefined));
  if (!servers || failures.length > 0) return failures;
  const wrong = misplaced("defaults", opened(news.defaults));
  if (wrong.length > 0) return wrong;
  for (const name of names) failures.push(...serverFailures(name, servers[name], news));
  return unique([...failures, ...twice(servers, news), ...pullingFailures(servers, news)]);
}

/** `names`: of the servers; absent: not known yet. */
function rolloutFailures({ canaries, maxFailures }: Props, names: string[] | undefined): CheckFailure[] {
  const failures: CheckFailure[] = [];
  const add = (property: string, reason: string) => failures.push({ property: `rollout.${property}`, reason });
  if (Number(plain(maxFailures) ?? 0) > 0)
    add(
      "maxFailures",
      "expected 0 or nothing: Pulumi skips whatever depends on a server that failed, so a rollout cannot go on after a failure; repair or take out that server, and run `pulumi up` again",
    );
  const given = plain(canaries);
  if (given === undefined || given === null || isUnknown(canaries)) return failures;
  if (Array.isArray(given)) {
    for (const [n, name] of given.entries())
      if (typeof name !== "string") add(`canaries[${n}]`, "expected the name of a server");
      else if (names && !names.includes(name))
        add(`canaries[${n}]`, `there is no server "${name}" in this fleet; there are ${names.sort().join(", ")}`);
  } else if (!Number.isSafeInteger(Number(given)) || Number(given) < 0 || given === "")
    add("canaries", "expected a number of servers, 0 or more, or a list of their names");
  return failures;
}

const misplaced = (at: string, given: Props | undefined): CheckFailure[] =>
  Object.entries(NOT_FOR_ONE).flatMap(([name, reason]) =>
    given?.[name] === undefined || given[name] === null ? [] : [{ property: `${at}.${name}`, reason }],
  );

function serverFailures(name: string, own: Value, news: Props): CheckFailure[] {
  const at = pathOf("servers", name);
  if (isUnknown(own)) return [];
  const given = opened(own);
  if (!given) return [{ property: at, reason: "expected an object with inputs of a HostHijack" }];
  const wrong = misplaced(at, given);
  if (wrong.length > 0) return wrong;
  const inputs = memberInputs(news.defaults, own, news.commit);
  const { failures } = checkHijack(inputs);
  // what a server did not say itself was said, or left out, in the defaults
  const whose = (property: string) => {
    const top = property.split(/[.[]/)[0]!;
    const said = given[top] !== undefined || opened(news.defaults)?.[top] === undefined;
    return said ? `${at}.${property}` : `defaults.${property}`;
  };
  return failures.map(({ property, reason, code }) => ({
    property: property === "" ? "" : whose(property),
    reason: property === "" ? `${at}: ${reason}` : reason,
    code,
  }));
}

/** Servers that pull are in rings, and a ring's branch is the fleet's own. */
function pullingFailures(servers: Props, news: Props): CheckFailure[] {
  const names = Object.keys(servers);
  const rings = opened(news.rings);
  const given = names.map((name) => opened(servers[name])?.updates ?? undefined);
  const everywhere = opened(news.defaults)?.updates ?? undefined;
  const pulling = names.filter((_, n) => (given[n] ?? everywhere) !== undefined);
  const at = (n: number) => (given[n] === undefined ? "defaults" : pathOf("servers", names[n]!));
  const each = (reason: string, property: string, wrong: (updates: Value) => boolean) =>
    names.flatMap((_, n) => (wrong(given[n] ?? everywhere) ? [{ property: `${at(n)}.${property}`, reason }] : []));
  if (!rings) return each(WITHOUT_RINGS, "updates", (updates) => updates !== undefined);
  const own = each(
    "is its ring's: give `rings.branch` for all",
    "updates.branch",
    (u) => (opened(u)?.branch ?? null) !== null,
  );
  const canaries = opened(news.rollout)?.canaries;
  const failures = [...own, ...ringsFailures(rings, { names, pulling, canaries })];
  if (failures.length > 0 || hasUnknown(rings.order) || hasUnknown(canaries)) return failures;
  return oneRing(ringsOf(names, plain(rings.order), canariesOf(names, canaries ?? 1)));
}

/** Two names for one server: it would be changed twice at a time. */
function twice(servers: Props, news: Props): CheckFailure[] {
  const first = new Map<string, string>();
  return Object.keys(servers)
    .sort()
    .flatMap((name) => {
      const { connection } = memberInputs(news.defaults, servers[name], news.commit);
      const { host, port = 22, proxy } = (plain(connection) ?? {}) as Props;
      if (typeof host !== "string") return [];
      // addresses behind different jump hosts may be the same ones
      const place = JSON.stringify([host, Number(port), proxy?.host ?? null, proxy?.port ?? null]);
      const other = first.get(place);
      first.set(place, other ?? name);
      const reason = `is that of ${pathOf("servers", other ?? "")}, too: each server is in a fleet once`;
      return other === undefined ? [] : [{ property: `${pathOf("servers", name)}.connection.host`, reason }];
    });
}

const unique = (failures: CheckFailure[]): CheckFailure[] =>
  failures.filter((f, n) => failures.findIndex((g) => g.property === f.property && g.reason === f.reason) === n);
