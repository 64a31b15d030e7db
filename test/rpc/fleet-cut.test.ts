/**
 * Ctrl-C and kill -9 of the engine in a rollout of three, through the real engine: nobody else begins, and the next
 * `up` ends, with nothing done twice (pulumi/pulumi#4265, #5377, #12259). PINE_CUTS: how many of each.
 */
import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type FleetLab, fleetLab } from "./fleet-lab.ts";

const CUTS = Number(process.env.PINE_CUTS ?? 4);
const NAMES = ["a", "b", "c"];
/** Most lines of the journal that a rollout writes: `begin`, `boots` and `end` of each. */
const LINES = 3 * NAMES.length;

let lab: FleetLab;
let servers: string;
beforeAll(async () => {
  lab = await fleetLab(NAMES);
  servers = join(lab.folder, "servers");
  mkdirSync(servers);
  lab.env.PINE_TEST_SERVERS = servers;
}, 180_000);
afterAll(() => lab?.end());

const runs = () => Object.fromEntries(readdirSync(servers).map((n) => [n, readFileSync(join(servers, n), "utf8")]));
const count = (lines: string[], word: string, name: string) =>
  lines.filter((line) => line.startsWith(`${word} web-${name} `)).length;

/** The plugin sees within seconds that its engine is gone. */
async function pluginsEnded(): Promise<void> {
  const alive = () =>
    readdirSync("/proc").filter((pid) => {
      try {
        return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/cmdline`, "utf8").includes(lab.plugin);
      } catch {
        return false; // ended meanwhile
      }
    });
  await expect.poll(alive, { timeout: 30_000 }).toEqual([]);
}

/** Runs `up` and ends it once the journal has so many lines, and a moment later. */
async function cut(how: "signal" | "kill", lines: number, ms: number): Promise<number> {
  const stop = new AbortController();
  let over = false;
  const watch = (async () => {
    while (!over && lab.written() < lines) await sleep(10);
    await sleep(ms);
    stop.abort();
  })();
  const { exitCode } = await lab.project.cli(["up", "--skip-preview"], { [how]: stop.signal });
  over = true;
  await watch;
  if (how === "kill") await pluginsEnded();
  return exitCode;
}

/** Everything of the stack but its root and providers, and what the engine takes for unfinished. */
async function kept() {
  const { stdout } = await lab.project.ok(["stack", "export", "--stack", "dev"]);
  const { resources = [], pending_operations = [] } = JSON.parse(stdout).deployment;
  const ours = (resources as { urn: string; type: string }[]).filter((r) => r.type.startsWith("pine:"));
  const pending = (pending_operations as { type: string }[]).map(({ type }) => type);
  return { names: ours.map((r) => r.urn.split("::")[3]!).sort(), pending };
}

/** The next `up`, without a flag, and what must hold after it. `first`: what the journal has of the one that ended. */
async function goesOn(commit: string, first: string[]): Promise<void> {
  const again = await lab.project.cli(["up", "--skip-preview"]);
  expect(again.exitCode, again.stdout + again.stderr).toBe(0);
  const all = [...first, ...lab.journal()];
  expect(runs()).toEqual(Object.fromEntries(NAMES.map((name) => [`web-${name}`, commit])));
  for (const name of NAMES) expect([name, count(all, "boots", name)]).toEqual([name, 1]);
  const { names, pending } = await kept();
  expect(names).toEqual(["web", ...NAMES.map((name) => `web-${name}`)]);
  // the engine keeps a note of a create that it never saw end, and warns of it, until `pulumi refresh` (pulumi#4265)
  expect(pending.filter((type) => type !== "creating")).toEqual([]);
  const { stdout } = await lab.project.ok(["preview", "--expect-no-changes"]);
  expect(stdout).toContain("3 servers: 3 unchanged");
}

describe.each([
  ["Ctrl-C", "signal"],
  ["kill -9 of the engine", "kill"],
] as const)("%s", (_, how) => {
  let ended = 0;
  const moments = Array.from({ length: CUTS }, (_, n) => [n, n % 2 ? "update" : "create", n % LINES, (n * 53) % 200]);
  test.each(moments as [number, string, number, number][])(
    "cut %i: %s, after %i lines and %i ms",
    async (n, operation, lines, ms) => {
      const commit = `${how === "kill" ? "e" : "c"}${String(n).padStart(3, "0")}`.repeat(16);
      const given = Object.fromEntries(NAMES.map((name) => [name, lab.server(name)]));
      lab.program(given, { commit, rollout: { canaries: 1, maxUnavailable: 2 } });
      if (operation === "create") await lab.project.ok(["destroy"]);
      lab.journal();
      const exitCode = await cut(how, lines, lines === 0 ? 1000 + 5 * ms : ms);
      ended += Number(exitCode === 0);
      const first = lab.journal();
      // the canary alone, and the rest only once it is done
      if (count(first, "end", "a") === 0) expect(first.filter((line) => !line.includes("web-a"))).toEqual([]);
      if (how === "kill" && exitCode !== 0) await lab.project.ok(["cancel", "--yes", "--stack", "dev"]);
      await goesOn(commit, first);
    },
    180_000,
  );
  // some come too late, but not all
  test("most of them cut something off", () => expect(ended).toBeLessThan(CUTS / 2));
});
