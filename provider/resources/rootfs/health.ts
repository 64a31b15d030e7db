/** The input `healthChecks`: its shape, what contradicts it, and its form in a recipe. Pure. */
import { DEADMAN_SECONDS } from "../../boot/options.ts";
import { SETTLE_SECONDS } from "../../boot/probe.ts";
import {
  BOOT_SECONDS,
  CHECKS,
  CHECKS_COUNT,
  healthPiece,
  judgeSeconds,
  OWN_CHECKS,
} from "../../image/recipe/health.ts";
import { baseServices } from "../../image/recipe/recipe.ts";
import * as rules from "../../image/recipe/rules.ts";
import type { Recipe, RecipeCheck } from "../../image/recipe/types.ts";
import { flag, integer, list, object, text } from "../../properties/check.ts";
import type { Of } from "../../properties/rule.ts";

/** Seconds for one try. */
const TIMEOUT = { min: 1, max: 120, default: 10 };
/** A 2xx: busybox' wget reads the body of no other answer. */
const hasBody = (status: number) => status >= 200 && status <= 299;

const check = object(
  {
    name: text({
      required: true,
      pattern: /^[a-z0-9][a-z0-9-]{0,31}$/,
      expected: 'a name of at most 32 of a-z, 0-9 and "-", such as "web"',
    }),
    command: text({ pattern: /^[^\0]{1,65536}$/, expected: "a command for /bin/sh of at most 64 KiB" }),
    tcp: text({
      pattern: /^(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9][A-Za-z0-9._-]*):\d{1,5}$/,
      expected: '"host:port", such as "127.0.0.1:5432" or "[::1]:5432"',
      verify: (address) => {
        const port = Number(address.slice(address.lastIndexOf(":") + 1));
        return port >= 1 && port <= 65535 ? undefined : { code: "port", reason: "expected a port from 1 to 65535" };
      },
    }),
    http: text({
      pattern: /^https?:\/\/[^\s/?#]+([/?#]\S*)?$/,
      expected: 'a URL such as "http://127.0.0.1/"',
      verify: (url) =>
        /^https?:\/\/[^/?#]*@/.test(url)
          ? {
              code: "credentials",
              reason:
                "expected a URL without user and password, which everybody who has the image could read: put a program of your own and its secret on the server (HostHijack's files)",
            }
          : undefined,
    }),
    status: integer({ min: 100, max: 599 }),
    contains: text({ pattern: /^[^\n\0]+$/, expected: "a text on one line" }),
    service: text({ pattern: rules.servicePattern, expected: 'the name of an OpenRC service, such as "caddy"' }),
    freeSpace: object({
      path: text({
        required: true,
        pattern: /^\/[^\0\n]*$/,
        expected: 'an absolute path such as "/var"',
      }),
      mib: integer({ required: true, min: 1, max: 1_000_000_000 }),
    }),
    timeout: integer(TIMEOUT),
    required: flag({ default: true }),
  },
  {
    exactlyOne: ["command", "tcp", "http", "service", "freeSpace"],
    verify: ({ http, status, contains }) => {
      for (const [name, value] of Object.entries({ status, contains }))
        if (value !== undefined && http === undefined)
          return { code: name, reason: `${name} is of http alone: leave it out, or ask with http` };
      return contains !== undefined && !hasBody(status ?? 200)
        ? { code: "body", reason: "contains needs a status from 200 to 299: of other answers the body is not read" }
        : undefined;
    },
  },
);

type Check = Of<typeof check>;

const twice = (names: string[]) => names.find((n, i) => names.indexOf(n) !== i);

export const healthChecks = list(check, {
  verify: (all: Check[]) => {
    const name = twice(all.map((c) => c.name));
    if (name !== undefined)
      return { code: "twice", reason: `check ${name} is there twice: give each a name of its own` };
    const seconds = judgeSeconds(all);
    return seconds < DEADMAN_SECONDS
      ? undefined
      : {
          code: "long",
          reason: `a server that judges a new system itself may need ${seconds} s: ${BOOT_SECONDS} s to boot, all checks twice with their timeouts, and ${SETTLE_SECONDS} s between. Expected less than ${DEADMAN_SECONDS} s, after which it rolls back: lower some timeouts`,
        };
  },
});

/** The checks of a recipe, in the order in which they run; undefined for none. */
export function recipeChecks(checks: Check[] | undefined): RecipeCheck[] | undefined {
  if (!checks?.length) return undefined;
  return checks
    .map((c) => (c.http === undefined ? c : { ...c, status: c.status ?? 200 }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** Runlevels whose services run once the system is up. */
const RUNNING = ["sysinit", "boot", "default"] as const;

interface Inputs {
  healthChecks?: Check[];
  buildCommands?: string[];
  files?: Record<string, { mode?: string; archive?: unknown }>;
}

/** What is valid by itself, and no check that can pass: a service that nothing starts, a program that cannot run. */
export function checkContradictions(
  i: Inputs,
  recipe: Recipe,
  add: (property: string, code: string, reason: string) => void,
): void {
  const base = baseServices(recipe);
  const started = new Set(RUNNING.flatMap((level) => [...base[level], ...(recipe.services[level] ?? [])]));
  // a hook may put a service into a runlevel
  for (const [n, { service }] of (i.buildCommands?.length ? [] : (i.healthChecks ?? [])).entries())
    if (service !== undefined && !started.has(service))
      add(
        `healthChecks[${n}].service`,
        "service",
        `no runlevel starts ${service}: put it into \`services\`, or name one of ${[...started].sort().join(", ")}`,
      );
  // a path that is filled already is told with those of other properties
  const filled = new Set(recipe.healthChecks && healthPiece(recipe.healthChecks).files?.map((f) => f.path));
  for (const [path, f] of Object.entries(i.files ?? {})) {
    const place = path === CHECKS_COUNT || path === CHECKS || path.startsWith(`${CHECKS}/`);
    if (place && !filled.has(path))
      add(`files["${path}"]`, "check-place", `${CHECKS} is filled by healthChecks: put programs into ${OWN_CHECKS}`);
    const direct = path.startsWith(`${OWN_CHECKS}/`) && !path.slice(OWN_CHECKS.length + 1).includes("/");
    if (direct && f.archive === undefined && (Number.parseInt(f.mode ?? "0644", 8) & 0o100) === 0)
      add(`files["${path}"]`, "check-mode", 'a health check is a program: expected a mode such as "0755"');
  }
}
