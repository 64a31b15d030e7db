/** What `healthChecks` bring to a tree: a small program each, which libexec/pine/health runs. Pure. */
import { type Probe, probeArguments, SETTLE_SECONDS } from "../../boot/probe.ts";
import { shellQuote } from "../../words.ts";
import type { Piece, RecipeCheck } from "./types.ts";

/** Programs of the image; a person's own lie in /etc/pine/health.d. */
export const CHECKS = "/usr/lib/pine/health.d";
/** How many there are to be: one that is lost is no check that passes. */
export const CHECKS_COUNT = "/usr/lib/pine/health.count";
/** For a person's own programs. */
export const OWN_CHECKS = "/etc/pine/health.d";

/** Seconds of a boot until the checks begin: a small server on a slow disk. */
export const BOOT_SECONDS = 60;
/** Seconds that a check may take beside its timeout: to be killed with what it started (libexec/pine/health). */
const ENDING_SECONDS = 2;

/** Seconds that a trial needs at most where the server judges it: libexec/pine/judge looks twice. */
export const judgeSeconds = (all: Pick<RecipeCheck, "timeout">[]): number =>
  BOOT_SECONDS + SETTLE_SECONDS + 2 * all.reduce((sum, c) => sum + c.timeout + ENDING_SECONDS, 0);

/** The text of a check. libexec/pine/health reads the second line; `service` there is watched for restarts. */
function program({ name: _, timeout, required, ...probe }: RecipeCheck): string {
  const about = [`timeout=${timeout}`, `required=${required ? "yes" : "no"}`];
  if (probe.service !== undefined) about.push(`service=${probe.service}`);
  const words = probeArguments(probe satisfies Probe).map(shellQuote);
  return `#!/bin/sh\n# ${about.join(" ")}\nexec /usr/libexec/pine/probe ${words.join(" ")}\n`;
}

export const healthPiece = (checks: RecipeCheck[]): Piece => ({
  files: [
    ...checks.map((c) => ({ path: `${CHECKS}/${c.name}`, content: program(c), mode: "0755" })),
    { path: CHECKS_COUNT, content: `${checks.length}\n` },
  ],
});

const same = (a: RecipeCheck, b: RecipeCheck) => program(a) === program(b);

/** How checks changed, a line each: `+ health check web`, `- health check db`, `health check app changed`. */
export function healthChanges(before: RecipeCheck[] = [], after: RecipeCheck[] = []): string[] {
  const [old, now] = [before, after].map((all) => new Map(all.map((c) => [c.name, c]))) as [
    Map<string, RecipeCheck>,
    Map<string, RecipeCheck>,
  ];
  return [...new Set([...old.keys(), ...now.keys()])].sort().flatMap((name) => {
    const [a, b] = [old.get(name), now.get(name)];
    if (!a) return [`+ health check ${name}`];
    if (!b) return [`- health check ${name}`];
    return same(a, b) ? [] : [`health check ${name} changed`];
  });
}
