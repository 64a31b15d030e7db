/** Checks of the source itself, counted like tests in group unit: types, format and lint, shell scripts. */
import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { sdkFits } from "./setup/sdk.mjs";
import { repository, run } from "./setup/tell.mjs";

const local = (name) => join(repository, "node_modules", ".bin", name);

/** Shell scripts of the repository by their first line or ending, as paths -> dialect. */
async function shellScripts() {
  const { stdout } = await run("git", ["ls-files", "-co", "--exclude-standard"]);
  const scripts = new Map();
  for (const name of stdout.split("\n").filter(Boolean)) {
    const path = join(repository, name);
    if (!existsSync(path) || statSync(path).size > 1 << 20) continue;
    const first = readFileSync(path, "latin1").split("\n", 1)[0];
    if (/^#!.*\/(ba)?sh\b/.test(first) || /^#!.*busybox sh/.test(first))
      scripts.set(name, /bash/.test(first) ? "bash" : "sh");
    else if (/^#!.*openrc-run/.test(first)) scripts.set(name, "openrc");
    else if (name.endsWith(".sh")) scripts.set(name, "sh");
  }
  return scripts;
}

/**
 * Warnings that do not apply to OpenRC's services: OpenRC gives them variables, reads those that they set, and takes
 * `after *` literally. They run in busybox' sh, which has `local`.
 */
const OPENRC_EXCLUDES = "SC2034,SC2035,SC2154";

async function shellcheck() {
  const scripts = await shellScripts();
  const results = [];
  for (const dialect of ["sh", "bash", "openrc"]) {
    const names = [...scripts].filter(([, d]) => d === dialect).map(([name]) => name);
    if (names.length === 0) continue;
    const options = dialect === "openrc" ? ["--shell=dash", `--exclude=${OPENRC_EXCLUDES}`] : [`--shell=${dialect}`];
    const r = await run("shellcheck", [...options, "--format=gcc", ...names], { ok: true });
    const lines = `${r.stdout}\n${r.stderr}`.split("\n").filter(Boolean);
    const about = (name) => lines.filter((line) => line.startsWith(`${name}:`)).join("\n");
    const unnamed = lines.filter((line) => !names.some((name) => line.startsWith(`${name}:`)));
    for (const name of names) results.push({ name: `shellcheck ${name}`, problem: about(name) });
    if (r.exitCode > 1 || unnamed.length)
      results.push({ name: "shellcheck", problem: unnamed.join("\n") || `exit code ${r.exitCode}` });
  }
  return results;
}

/** Runs a tool that checks the whole source at once. `headlines`: shortens a long output. */
async function tool(name, file, args, headlines) {
  const r = await run(file, args, { ok: true });
  if (r.exitCode === 0) return [{ name, problem: "" }];
  const text = `${r.stdout}\n${r.stderr}`.trim();
  return [{ name, problem: headlines?.(text) || text || `exit code ${r.exitCode}` }];
}

const sdk = async () => [
  { name: "sdk/nodejs fits provider/schema.json", problem: sdkFits() ? "" : "npm run sdk makes it again" },
];

/** Finds source files that .gitignore excludes: they are on this machine, and in no clone. */
async function ignored() {
  const kinds = ["--others", "--ignored", "--exclude-standard", "--directory"];
  const { stdout } = await run("git", [
    "ls-files",
    ...kinds,
    "--",
    "provider",
    "test",
    "scripts",
    "bench",
    "examples",
    "docs",
  ]);
  return [{ name: "no source is ignored by git", problem: stdout.trim() }];
}

/** biome's files and rules without the excerpts. */
function biomeHeadlines(text) {
  const lines = [...text.matchAll(/^(\S.*?) ━+$/gm)].map((m) => m[1]).filter((line) => line !== "check");
  return lines.length ? [...lines, "npm run format mends most of this, npm run check shows it"].join("\n") : "";
}

/** Runs the checks one after the other, and tells each. Returns how many passed and failed. */
export async function runChecks(tell) {
  const count = { passed: 0, failed: 0, skipped: 0 };
  const checks = [
    () => tool("types (tsc)", local("tsc"), ["-p", "."]),
    () =>
      tool(
        "format and lint (biome)",
        local("biome"),
        ["check", "--colors=off", "--diagnostic-level=error", "--max-diagnostics=100", "."],
        biomeHeadlines,
      ),
    sdk,
    ignored,
    shellcheck,
  ];
  for (const check of checks)
    for (const { name, problem } of await check()) {
      count[problem ? "failed" : "passed"]++;
      tell(` ${problem ? "×" : "✓"} check ${name}`);
      if (problem) tell(problem.replace(/^/gm, "     "));
    }
  return count;
}
