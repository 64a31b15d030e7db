/**
 * `npm test -- GROUP…`: makes the machine ready and runs groups of tests (none named: all). The last line is
 * `N passed, N failed, N skipped`; exit code 0 only when something ran and nothing failed.
 */
import { runChecks } from "./checks.mjs";
import { count, counter } from "./count.mjs";
import { GROUPS } from "./groups.mjs";
import { repository, runMain, SetupError, say } from "./setup/tell.mjs";
import { setUp } from "./setup.mjs";

const total = count();

async function runVitest(groups) {
  const { startVitest } = await import("vitest/node");
  const seen = new Set();
  const options = {
    root: repository,
    run: true,
    watch: false,
    passWithNoTests: true,
    reporters: ["verbose", counter(total, seen)],
  };
  const vitest = await startVitest("test", [], { ...options, project: groups });
  await vitest.close();
  return groups.filter((group) => !seen.has(group));
}

function chosenGroups(named) {
  const unknown = named.filter((name) => !(name in GROUPS));
  if (unknown.length)
    throw new SetupError(`no test group ${unknown.join(", ")}; the groups are ${Object.keys(GROUPS).join(", ")}`);
  return Object.keys(GROUPS).filter((name) => (named.length === 0 ? !GROUPS[name].named : named.includes(name)));
}

async function main() {
  const named = process.argv.slice(2);
  const groups = chosenGroups(named);
  await setUp([...new Set(groups.flatMap((name) => GROUPS[name].setUp))]);
  // beside the first tests, which mostly wait
  const checking = groups.includes("unit") ? runChecks(say) : undefined;
  const [empty, checks] = await Promise.all([runVitest(groups), checking]);
  for (const key of Object.keys(checks ?? {})) total[key] += checks[key];
  for (const group of empty) {
    say(`group ${group} has no tests`);
    if (named.includes(group)) total.failed++;
  }
  say(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
  return total.failed === 0 && total.passed > 0 ? 0 : 1;
}

if (process.env.CI || !process.stdout.isTTY) process.env.NO_COLOR = "1";
await runMain(main);
process.exit();
