/** What a reboot lock may be, and what cannot be checked property by property. */

import type { HealthCheck } from "../../../host/trial/health.ts";
import { worstSeconds } from "../../../host/trial/worst.ts";
import { LONGEST } from "../../../host/turn/deadline.ts";
import { integer, list, object, text } from "../../../properties/check.ts";
import type { CheckFailure } from "../../../properties/failure.ts";
import { hasUnknown, type Props, plain } from "../../../properties/values.ts";

const address = text({
  required: true,
  pattern: /^https?:\/\/[^\s/?#@]+(\/[^\s?#@]*)?$/,
  expected: 'an address without user and password, "http://127.0.0.1:8500"',
});
const secret = { pattern: /^[\x21-\x7e]+$/, expected: "one line without blanks", secret: true } as const;
const name = { pattern: /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, expected: 'a name such as "web-1"' };

export const lockRule = object(
  {
    consul: object({ address, token: text(secret) }),
    etcd: object({
      address,
      user: text({ pattern: /^[^\s:]+$/, expected: "a user's name" }),
      password: text(secret),
    }),
    fleetlock: object({ address, token: text(secret) }),
    group: text({ ...name, required: true }),
    member: text(name),
    slots: integer({ min: 1, max: 1000 }),
    members: integer({ min: 1, max: 1000 }),
    maxFailures: integer({ min: 0, max: 1000 }),
    deadline: integer({ min: 60, max: LONGEST, hint: "it is in seconds" }),
    whenAway: object({
      commits: list(text({ pattern: /^[0-9a-f]{64}$/, expected: "the checksum of an OstreeCommit" }), {
        required: true,
      }),
      after: integer({ min: 60, max: LONGEST, default: 600, hint: "it is in seconds" }),
    }),
    key: text({ pattern: /^[A-Za-z0-9][A-Za-z0-9._/-]*$/, expected: 'a key such as "pine/turn/web"' }),
    caFile: text({ pattern: /^\/\S+$/, expected: "an absolute path on the server" }),
    proxy: text({
      pattern: /^(none|https?:\/\/[^\s/?#@]+\/?)$/,
      expected: 'an address without user and password, "http://proxy:3128", or "none"',
    }),
  },
  { exactlyOne: ["consul", "etcd", "fleetlock"] },
);

/** What FleetLock's server decides, or its protocol does not know. */
const NOT_FLEETLOCK = ["slots", "members", "maxFailures", "deadline", "key"];

export function lockFailures({ rebootLock, trialTimeout: deadman, healthChecks }: Props): CheckFailure[] {
  if (rebootLock === undefined || hasUnknown(rebootLock)) return [];
  const lock = plain(rebootLock) as Props;
  const failures: CheckFailure[] = [];
  const add = (property: string, reason: string) => failures.push({ property: `rebootLock.${property}`, reason });
  if (lock.fleetlock)
    for (const property of NOT_FLEETLOCK.filter((one) => lock[one] !== undefined))
      add(property, "is not for fleetlock, whose server decides it: leave it out, or use consul or etcd");
  if (lock.etcd && (lock.etcd.user === undefined) !== (lock.etcd.password === undefined))
    add("etcd", "expected both user and password, or neither");
  if (lock.members !== undefined && lock.slots !== undefined && lock.slots >= lock.members && lock.members > 1)
    add("slots", `is ${lock.slots}, and the group has ${lock.members} members: all could be down at once`);
  if (lock.deadline === undefined || typeof deadman !== "number" || hasUnknown(healthChecks)) return failures;
  const least = worstSeconds({ deadman, health: (plain(healthChecks) ?? []) as HealthCheck[] });
  if (lock.deadline < least)
    add(
      "deadline",
      `is ${lock.deadline} s, and two boots with trialTimeout and healthChecks take up to ${least} s: expected at least that, or leave it out`,
    );
  return failures;
}
