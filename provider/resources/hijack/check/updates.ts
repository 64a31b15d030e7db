/** `updates` of HostHijack: its inputs. */

import { certificatesOf, DAYS, UPDATE_DEFAULTS, worstMinutes } from "../../../host/updates/settings.ts";
import { hasTimeZones, posixTimeZone, TIME_ZONE_EXPECTED } from "../../../host/updates/time-zone.ts";
import { refProblem } from "../../../image/ostree/write.ts";
import { flag, integer, list, object, text } from "../../../properties/check.ts";
import type { CheckFailure } from "../../../properties/failure.ts";
import { hasUnknown, type Props, plain } from "../../../properties/values.ts";

const CA_EXPECTED = 'certificates in PEM, "-----BEGIN CERTIFICATE-----…"';

function caProblem(pem: string): string | undefined {
  try {
    if (certificatesOf(pem).length > 0) return undefined;
  } catch {}
  return `expected ${CA_EXPECTED}${/PRIVATE KEY/.test(pem) ? ", not a private key" : ""}`;
}

const witness = object(
  {
    http: text({ pattern: /^https?:\/\/\S+$/, expected: 'a URL, such as "http://198.51.100.1/up"' }),
    status: integer({ min: 100, max: 599 }),
    tcp: text({ pattern: /^\S+:\d+$/, expected: '"host:port"' }),
  },
  { exactlyOne: ["http", "tcp"] },
);

const window = object({
  days: list(text({ enum: DAYS }), { min: 1 }),
  start: text({ required: true, pattern: /^([01]\d|2[0-3]):[0-5]\d$/, expected: 'a time of day, such as "03:30"' }),
  minutes: integer({ required: true, min: 1, max: 1440 }),
});

const { pullOnly, everyHours, reboot, timeZone, waitForSessionsMinutes, staleDays, witnessesNeeded } = UPDATE_DEFAULTS;

export const updatesRule = object({
  url: text({
    required: true,
    pattern: /^https?:\/\/[^\s?#@]+$/,
    expected:
      'the address of what an OstreeCommit publishes, such as "https://updates.example.com/pine", without a password in it',
  }),
  branch: text({ verify: refProblem, expected: 'a branch, such as "pine/x86_64/stable"' }),
  pullOnly: flag({ default: pullOnly }),
  everyHours: integer({ min: 1, max: 720, default: everyHours }),
  reboot: text({ enum: ["manual", "window", "now"], default: reboot }),
  windows: list(window),
  timeZone: text({ default: timeZone, verify: zoneProblem, expected: TIME_ZONE_EXPECTED }),
  waitForSessionsMinutes: integer({ min: 0, max: 10_080, default: waitForSessionsMinutes }),
  staleDays: integer({ min: 1, max: 3650, default: staleDays }),
  proxy: text({
    pattern: /^http:\/\/[^\s/?#]+\/?$/,
    expected: 'the address of a proxy, such as "http://10.0.0.1:3128"',
    secret: true,
  }),
  caCertificate: text({ verify: caProblem, expected: CA_EXPECTED }),
  witnesses: list(witness),
  witnessesNeeded: text({ enum: ["all", "any"], default: witnessesNeeded }),
});

function zoneProblem(zone: string): string | undefined {
  if (posixTimeZone(zone)) return undefined;
  const hint = hasTimeZones() ? "" : "; this machine has no list of zones: install tzdata, or give POSIX's form";
  return `expected ${TIME_ZONE_EXPECTED}, got ${JSON.stringify(zone)}${hint}`;
}

/** What a window must have room for, and when there are windows at all. */
export function updatesFailures(inputs: Props): CheckFailure[] {
  const { trialTimeout: deadman, updates } = inputs;
  if (updates === undefined || hasUnknown(updates) || typeof deadman !== "number") return [];
  const { url, caCertificate } = plain(updates) as { url?: string; caCertificate?: string };
  if (caCertificate !== undefined && !url?.startsWith("https:"))
    return [{ property: "updates.caCertificate", reason: `is for https, and url is ${JSON.stringify(url)}` }];
  const { reboot, windows = [] } = plain(updates) as { reboot?: string; windows?: { minutes: number }[] };
  if (reboot !== "window")
    return windows.length === 0
      ? []
      : [{ property: "updates.windows", reason: `are only for reboot: "window", not ${JSON.stringify(reboot)}` }];
  if (windows.length === 0)
    return [
      {
        property: "updates.windows",
        reason: 'is missing: reboot: "window" needs one, { start: "03:00", minutes: 120 }',
      },
    ];
  const least = worstMinutes(deadman);
  return windows.flatMap(({ minutes }, n) =>
    minutes > least
      ? []
      : [
          {
            property: `updates.windows[${n}].minutes`,
            reason: `is ${minutes}, and a reboot that does not stay may take ${least} (trialTimeout is ${deadman} s): expected more than ${least}; make it longer, or lower trialTimeout`,
          },
        ],
  );
}
