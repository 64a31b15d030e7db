/**
 * npm run mutants -- [--list] [--since REVISION] [WORD…]
 * Puts one fault after the other into a copy of the source and runs the tests that must notice it.
 *   WORD…            only mutants whose name or file has one of the words
 *   --since REVISION only mutants whose file, or a test of whose, has changed since
 *   --list           says which there are
 * Each set of tests runs once on the sound copy first. Exit code 1: one was not caught, or its tests fail without it.
 */
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { run } from "../../provider/local/run.ts";
import { MUTANTS } from "./list.ts";
import { groupOf, type Mutant, mutate } from "./mutant.ts";

const repository = join(import.meta.dirname, "../..");
/** No test of a default group takes longer beside others. */
const LIMIT = 20 * 60_000;
const say = (line: string) => process.stdout.write(`${line}\n`);

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { list: { type: "boolean" }, since: { type: "string" }, help: { type: "boolean" } },
});

async function chosen(): Promise<Mutant[]> {
  const words = positionals.map((w) => w.toLowerCase());
  const named = MUTANTS.filter(
    (m) => words.length === 0 || words.some((w) => `${m.name} ${m.file}`.toLowerCase().includes(w)),
  );
  if (values.since === undefined) return named;
  const { stdout } = await run("git", ["diff", "--name-only", values.since], { cwd: repository });
  const changed = new Set(stdout.split("\n"));
  return named.filter((m) => [m.file, ...m.tests].some((file) => changed.has(file)));
}

/**
 * Copies the source as it is now, uncommitted changes too. The plugin in bin/ stays the sound one: tests by Pulumi's
 * CLI see no fault.
 */
async function copySource(folder: string): Promise<void> {
  const { stdout } = await run("git", ["ls-files", "-co", "--exclude-standard", "-z"], { cwd: repository });
  for (const name of stdout.split("\0").filter(Boolean)) {
    mkdirSync(join(folder, dirname(name)), { recursive: true });
    cpSync(join(repository, name), join(folder, name));
  }
  for (const made of ["node_modules", "bin", "sdk/nodejs/bin"]) symlinkSync(join(repository, made), join(folder, made));
}

/** The names of failed tests; undefined: all passed. */
async function failures(folder: string, tests: string[]): Promise<string[] | undefined> {
  const groups = [...new Set(tests.map((t) => groupOf(t)!.name))].flatMap((name) => ["--project", name]);
  const vitest = join(folder, "node_modules/.bin/vitest");
  const argv = ["run", ...groups, "--reporter=json", "--bail=1", ...tests];
  const ok = [0, 1];
  const r = await run(vitest, argv, {
    cwd: folder,
    ok,
    timeout: LIMIT,
    env: { ...process.env, NO_COLOR: "1" } as never,
  });
  if (r.exitCode === 0) return undefined;
  const report = JSON.parse(r.stdout.slice(r.stdout.indexOf("{"))) as {
    testResults: { name: string; message: string; assertionResults: { status: string; fullName: string }[] }[];
  };
  const failed = report.testResults.flatMap((f) => {
    const tests = f.assertionResults.filter((t) => t.status === "failed").map((t) => t.fullName);
    return tests.length > 0 || !f.message ? tests : [`${f.name}: ${f.message.split("\n")[0]}`];
  });
  return failed.length > 0 ? failed : ["(outside of a test)"];
}

async function main(): Promise<number> {
  const mutants = await chosen();
  if (values.list || values.help) {
    for (const m of mutants) say(`${m.name}: ${m.file}, by ${m.tests.join(", ")}`);
    return 0;
  }
  const folder = mkdtempSync(join(tmpdir(), "pine-mutants-"));
  const sound = new Map<string, string[] | undefined>();
  let caught = 0;
  try {
    await copySource(folder);
    for (const mutant of mutants) {
      const key = mutant.tests.join(" ");
      if (!sound.has(key)) sound.set(key, await failures(folder, mutant.tests));
      const before = sound.get(key);
      const file = join(folder, mutant.file);
      const text = readFileSync(file, "utf8");
      if (before) {
        say(`× ${mutant.name}: its tests fail without it: ${before[0]}`);
        continue;
      }
      writeFileSync(file, mutate(mutant, text));
      const failed = await failures(folder, mutant.tests);
      writeFileSync(file, text);
      if (failed) caught++;
      say(failed ? `✓ ${mutant.name}: caught by "${failed[0]}"` : `× ${mutant.name}: not caught by ${key}`);
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  say(`${caught} of ${mutants.length} mutants caught`);
  return caught === mutants.length && mutants.length > 0 ? 0 : 1;
}

process.exitCode = await main();
