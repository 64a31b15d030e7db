/** The real Pulumi CLI with the test provider: what a person sees, what lies in the state, and Ctrl-C on a terminal. */
import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Program, type PulumiProject, pulumiBinary, pulumiProject } from "../lab/pulumi.ts";
import { buildPlugin, Plugin } from "./harness.ts";

let built: Awaited<ReturnType<typeof buildPlugin>>;
let folder: string;
let project: PulumiProject;

beforeAll(async () => {
  built = await buildPlugin();
  folder = mkdtempSync(join(tmpdir(), "pine-rpc-cli-"));
  project = await pulumiProject(folder, { name: "shop", stack: "dev" });
});
afterAll(() => {
  built.remove();
  rmSync(folder, { recursive: true });
});

/** A program with one thing. */
function program(properties: object, options: object = {}): void {
  const plugins = { providers: [{ name: "pine", path: built.folder }] };
  const web = { type: "pine:index:Thing", properties, options };
  project.program({ plugins, resources: { web } } as Program);
}

const cleaned = () => existsSync(join(folder, ".pine/cleaned"));
const secrets = { password: "CANARY-1", login: { user: "u", key: "CANARY-2" }, tokens: { t: "CANARY-3" } };

/** Everything the backend keeps. */
const kept = () =>
  readdirSync(join(folder, ".backend"), { recursive: true, withFileTypes: true })
    .filter((f) => f.isFile())
    .map((f) => readFileSync(join(f.parentPath, f.name), "utf8"))
    .join();

describe("a life", { timeout: 120_000 }, () => {
  test("preview and up: a secret given in plain text is nowhere", async () => {
    program({ packages: ["a", "nano"], ...secrets, mode: "talk", file: { "fn::stringAsset": "hello" } });
    const preview = await project.ok(["preview", "--diff"]);
    expect(preview.stdout).toMatch(/\[1\]: "nano"/);
    const up = await project.ok(["up", "--skip-preview"]);
    expect(up.stdout).toContain("warning [secret]");
    const all = preview.stdout + preview.stderr + up.stdout + up.stderr + kept();
    expect(all).toContain("whole"); // the state is there
    expect(all).not.toContain("CANARY");
    expect((await project.resources()).at(-1)).toMatchObject({ id: "web-1", outputs: { made: 3, sum: "whole" } });
  });
  test("nothing changed: no difference, secrets and assets too", async () => {
    const { json } = await project.ok(["preview", "--json"]);
    expect(json.changeSummary).toEqual({ same: 2 });
  });
  test("a difference is shown where it is", async () => {
    program({
      packages: ["a", "curl"],
      ...secrets,
      password: "CANARY-4",
      mode: "x",
      file: { "fn::stringAsset": "hello" },
    });
    const { stdout } = await project.ok(["preview", "--diff"]);
    expect(stdout).toMatch(/~ packages\s*: \[\s+~ \[1\]: "nano" => "curl"/);
    expect(stdout).toMatch(/~ mode\s*: "talk" => "x"/);
    expect(stdout).toMatch(/~ password\s*: \[secret\] => \[secret\]/);
    expect(stdout).not.toMatch(/CANARY|login|tokens/);
    const { json } = await project.ok(["preview", "--json"]);
    const step = json.steps.find((s: { op: string }) => s.op === "update");
    expect(Object.keys(step.detailedDiff).sort()).toEqual(["mode", "packages[1]", "password"]);
  });
  test("a replacement is announced", async () => {
    program({ packages: ["a", "nano"], ...secrets, arch: "aarch64" });
    const { json } = await project.ok(["preview", "--json"]);
    expect(json.changeSummary).toMatchObject({ replace: 1 });
    expect(JSON.stringify(json)).not.toContain("CANARY");
  });
  test("check failures say what to do, without secrets", async () => {
    program({ packages: ["?"], arch: "arm", password: "CANARY five" });
    const { exitCode, stdout, stderr } = await project.cli(["preview"]);
    expect(exitCode).not.toBe(0);
    const all = stdout + stderr;
    expect(all).toContain('packages[0]: expected a package name, got "?"');
    expect(all).toContain('expected one of x86_64, aarch64, got "arm"');
    expect(all).toContain("password: expected a word");
    expect(all).not.toContain("CANARY");
  });
  test("an error is one clear line; a half-done update keeps its state and is tried again", async () => {
    program({ packages: ["a"], ...secrets, mode: "die" });
    const failed = await project.cli(["up", "--skip-preview"]);
    expect(failed.exitCode).not.toBe(0);
    expect(failed.stdout + failed.stderr).toContain("cannot log in with [secret]; give another password");
    program({ packages: ["a"], ...secrets, mode: "init" });
    const half = await project.cli(["up", "--skip-preview"]);
    expect(half.stdout + half.stderr).toContain("half done with [secret]");
    expect((await project.resources()).at(-1)).toMatchObject({
      outputs: { sum: "half" },
      initErrors: ["half done with [secret]", "rest missing"],
    });
    program({ packages: ["a"], ...secrets });
    await project.ok(["up", "--skip-preview"]);
    expect((await project.resources()).at(-1)).toMatchObject({ outputs: { sum: "whole" } });
    expect(failed.stdout + failed.stderr + half.stdout + half.stderr + kept()).not.toContain("CANARY");
  });
  // pulumi/pulumi#10139, pulumi-command#773
  test("-v=9 --logtostderr shows lines for who looks for a fault, and no secret", async () => {
    program({ packages: ["a"], ...secrets, mode: "debug" });
    const { stdout, stderr } = await project.ok(["up", "--skip-preview", "-v=9", "--logtostderr"]);
    expect(stderr).toContain("root@web:22: reading what it is: exit code 0 after 0.1 s, by [secret]");
    expect(stdout).not.toContain("reading what it is");
    // the CLI's own lines show what this program gives in clear; ours end with that word
    expect(stderr).not.toMatch(/, by CANARY/);
    program({ packages: ["a"], ...secrets });
    await project.ok(["up", "--skip-preview"]);
  });
  test("refresh sees what is gone, import takes what is there, destroy removes it", async () => {
    await project.ok(["refresh"]);
    rmSync(join(folder, ".pine/web-1.json"));
    await project.ok(["refresh"]);
    expect((await project.resources()).map((r) => r.type)).not.toContain("pine:index:Thing");
    await project.ok(["up", "--skip-preview"]);
    await project.ok(["destroy"]);
    expect([(await project.resources()).length, existsSync(join(folder, ".pine/web-1.json"))]).toEqual([0, false]);
  });
});

describe("how much is told", { timeout: 240_000 }, () => {
  const steps = (text: string) => new Set([...text.matchAll(/long step (\d+) of 80/g)].map(([, n]) => n)).size;
  const env = () => ({ ...project.env, PINE_PROGRESS: "" });
  // pulumi/pulumi#14069, #5173
  test("in a pipe, a line of progress after 15 s and each 15 s; PINE_PROGRESS=live asks for more", async () => {
    program({ packages: ["a"], mode: "long" });
    const quiet = await project.ok(["up", "--skip-preview"], { env: env() });
    const lines = quiet.stdout.split("\n").filter((line) => line.includes("long step"));
    expect(lines.length).toBeGreaterThanOrEqual(1);
    expect(lines.length).toBeLessThanOrEqual(2);
    await project.ok(["destroy"]);
    const live = await project.ok(["up", "--skip-preview"], { env: { PINE_PROGRESS: "live" } });
    expect(steps(live.stdout)).toBeGreaterThan(10);
    await project.ok(["destroy"]);
  });
  test("on a terminal, up to two a second", async () => {
    const args = [join(import.meta.dirname, "terminal.py"), "no such text", pulumiBinary()];
    const up = ["up", "--yes", "--skip-preview", "--stack", "dev"];
    const { stdout } = await promisify(execFile)("python3", [...args, ...up], {
      cwd: folder,
      env: { ...env(), TERM: "xterm" },
      maxBuffer: 2 ** 26,
    });
    const run = JSON.parse(stdout) as { code: number; text: string };
    expect([run.code, steps(run.text) > 10, steps(run.text) < 60]).toEqual([0, true, true]);
    await project.ok(["destroy"]);
  });
});

describe("the end of a run under way", { timeout: 120_000 }, () => {
  test("Ctrl-C on a terminal: the work cleans up, the state keeps it, the next up repairs it", async () => {
    program({ packages: ["a"], mode: "slow" });
    const args = [
      join(import.meta.dirname, "terminal.py"),
      "slow work",
      pulumiBinary(),
      "up",
      "--yes",
      "--skip-preview",
      "--stack",
      "dev",
    ];
    const { stdout } = await promisify(execFile)("python3", args, {
      cwd: folder,
      env: { ...project.env, TERM: "xterm" },
    });
    const run = JSON.parse(stdout) as { code: number; pressed: boolean; text: string };
    expect([run.pressed, run.code !== 0, cleaned()]).toEqual([true, true, true]);
    expect((await project.resources()).at(-1)).toMatchObject({
      outputs: { sum: "cut" },
      initErrors: ["cancelled half way"],
    });
    rmSync(join(folder, ".pine/cleaned"));
    program({ packages: ["a"] });
    await project.ok(["up", "--skip-preview"]);
    expect((await project.resources()).at(-1)).toMatchObject({ outputs: { sum: "whole" } });
    await project.ok(["destroy"]);
  });
  test("customTimeouts", async () => {
    program({ packages: ["a"], mode: "slow" }, { customTimeouts: { create: "1s" } });
    const r = await project.cli(["up", "--skip-preview"]);
    expect([r.exitCode !== 0, cleaned()]).toEqual([true, true]);
    await project.ok(["destroy"]);
  });
  // The engine sends Cancel at the end of each run.
  test("attached to, for more than one run", async () => {
    const plugin = await Plugin.start(built.file, [], folder);
    try {
      const env = { PULUMI_DEBUG_PROVIDERS: `pine:${plugin.port}` };
      program({ packages: ["a"] });
      await project.ok(["up", "--skip-preview"], { env });
      const again = await project.ok(["up", "--skip-preview"], { env });
      expect(again.stdout).toMatch(/2 unchanged/);
      await project.ok(["destroy"], { env });
    } finally {
      plugin.kill();
    }
  });
});
