/**
 * The same Fleet from a program in Python, by Pulumi's own SDK for it: its order, and what waits for the whole. Its
 * classes are two lines each, as a generated SDK has them.
 */
import { type ChildProcessByStdio, spawn } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { afterAll, beforeAll, expect, test } from "vitest";
import { pythonPackages } from "../lab/python/packages.ts";
import { commit, type FleetLab, fleetLab, groups, kept, ORDERS } from "./fleet-lab.ts";

const NAMES = ["a", "b", "c", "d"];
const REQUIREMENTS = join(import.meta.dirname, "../lab/python/pulumi.txt");
const VERSIONS = join(import.meta.dirname, "../../scripts/pulumi-build/version.json");
let lab: FleetLab;
let python: ChildProcessByStdio<Writable, Readable, null>;
let lines: AsyncIterator<string>;

beforeAll(async () => {
  const packages = await pythonPackages("pulumi-python", REQUIREMENTS);
  lab = await fleetLab(NAMES);
  const cwd = join(lab.folder, "python");
  mkdirSync(cwd);
  const plugins = { providers: [{ name: "pine", path: lab.plugin }] };
  writeFileSync(join(cwd, "Pulumi.yaml"), JSON.stringify({ name: "shop", runtime: "python", plugins })); // JSON is YAML
  const env = { ...lab.env, PYTHONPATH: packages, PYTHONDONTWRITEBYTECODE: "1" };
  const program = join(import.meta.dirname, "fleet.py");
  python = spawn("python3", [program], { cwd, env, stdio: ["pipe", "pipe", "inherit"] });
  lines = createInterface(python.stdout)[Symbol.asyncIterator]();
}, 900_000);
afterAll(async () => {
  python?.stdin.end();
  await lab?.end();
});

async function up(asked: object): Promise<{ outputs: Record<string, unknown>; said: string }> {
  python.stdin.write(`${JSON.stringify(asked)}\n`);
  const { value, done } = await lines.next();
  if (done) throw new Error("the program ended");
  return JSON.parse(value);
}

test("the SDK is of the version that the CLI is", () => {
  const { pulumi } = JSON.parse(readFileSync(VERSIONS, "utf8")) as { pulumi: string };
  expect(readFileSync(REQUIREMENTS, "utf8")).toMatch(new RegExp(`^pulumi==${pulumi} `, "m"));
});

// pulumi#6365, #7540, #7542, #8721: what depends on a component did not wait for its children
test.each(ORDERS)(
  "commit %s, %j",
  async (letter, rollout, order) => {
    const { outputs, said } = await up({ commit: commit(letter), rollout, ports: lab.ports.of });
    expect(groups(lab.journal())).toBe(`${order}, after+later`);
    const words = letter === "a" ? "installed" : "rebooted";
    expect(outputs.summary).toBe(`4 servers: 4 ${words}`);
    expect(outputs.booted).toEqual(Object.fromEntries(NAMES.map((name) => [name, commit(letter)])));
    expect(said).toMatch(/4 servers: 4 (installed|reboot)/);
    expect(said).not.toContain("CANARY");
    expect(kept(lab, "python")).toContain(commit(letter));
    expect(kept(lab, "python")).not.toContain("CANARY");
  },
  180_000,
);
