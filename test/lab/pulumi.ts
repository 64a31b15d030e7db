/** The real Pulumi CLI on a YAML project with the plugin in bin/: own backend, own home, nothing from the net. */
import { accessSync, constants, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { die } from "../../provider/errors.ts";
import { labCache, startProcess } from "./processes.ts";

const repository = dirname(dirname(import.meta.dirname));

/** Folder of the plugin, for `plugins.providers` or PATH. */
export const pluginFolder = join(repository, "bin");

/** A program as YAML's JSON: `resources`, `variables`, `outputs`, … */
export interface Program {
  config?: Record<string, unknown>;
  variables?: Record<string, unknown>;
  resources?: Record<string, unknown>;
  outputs?: Record<string, unknown>;
}

export interface CliResult {
  stdout: string;
  stderr: string;
  exitCode: number;
  /** Of standard output, when `--json` was asked for and it is JSON. */
  // biome-ignore lint/suspicious/noExplicitAny: the CLI's JSON has many shapes
  json?: any;
}

export interface CliOptions {
  /** Milliseconds, default 120 000; the whole tree of processes is killed then, and it is an error. */
  timeout?: number;
  env?: Record<string, string>;
  /** Aborting is Ctrl-C: the CLI gets SIGINT, and the result is what it makes of it. */
  signal?: AbortSignal;
  /** Aborting is kill -9 of the CLI alone, as the kernel does when memory is short: its plugins find out themselves. */
  kill?: AbortSignal;
  /** Each piece of output as it comes. */
  onOutput?: (text: string) => void;
}

export interface PulumiProject {
  readonly dir: string;
  readonly stack: string;
  /** What the CLI runs with; for the Automation API too. */
  readonly env: Record<string, string>;
  /** Replaces the program. */
  program(program: Program): void;
  /**
   * Runs `pulumi …`; no exit code is an error. `up`, `preview`, `destroy`, `refresh` get `--stack`, `--non-interactive`
   * and `--yes`.
   */
  cli(args: string[], o?: CliOptions): Promise<CliResult>;
  /** As {@link cli}, but another exit code than 0 is an error with the output. */
  ok(args: string[], o?: CliOptions): Promise<CliResult>;
  /** The stack's resources, secrets still encrypted. */
  resources(): Promise<StackResource[]>;
}

export interface StackResource {
  urn: string;
  id?: string;
  type: string;
  inputs?: Record<string, unknown>;
  outputs?: Record<string, unknown>;
  initErrors?: string[];
}

/** The CLI that set-up found or made: the first on PATH, else the kept one. */
export function pulumiBinary(): string {
  const versions = readFileSync(join(repository, "scripts", "pulumi-build", "version.json"), "utf8");
  const { pulumi } = JSON.parse(versions) as { pulumi: string };
  const kept = join(dirname(labCache()), "tools", `pulumi-${pulumi}`);
  for (const folder of [...(process.env.PATH ?? "").split(delimiter), kept]) {
    const file = join(folder, "pulumi");
    try {
      accessSync(file, constants.X_OK);
      return file;
    } catch {
      // not here
    }
  }
  return die("there is no Pulumi CLI", "npm run setup");
}

/** The environment of a CLI that keeps everything in `dir` and fetches nothing. */
export function pulumiEnvironment(dir: string): Record<string, string> {
  const folders = { PULUMI_HOME: join(dir, ".pulumi-home"), backend: join(dir, ".backend") };
  for (const folder of Object.values(folders)) mkdirSync(folder, { recursive: true });
  const own = Object.entries(process.env).filter(([k, v]) => v !== undefined && !/^(PULUMI_|NODE_OPTIONS$)/.test(k));
  return {
    ...(Object.fromEntries(own) as Record<string, string>),
    PATH: `${dirname(pulumiBinary())}${delimiter}${process.env.PATH}`,
    PULUMI_HOME: folders.PULUMI_HOME,
    PULUMI_BACKEND_URL: `file://${folders.backend}`,
    PULUMI_CONFIG_PASSPHRASE: "lab",
    PULUMI_SKIP_UPDATE_CHECK: "true",
    PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: "true",
    NO_COLOR: "1",
    // every line: tests act on them
    PINE_PROGRESS: "all",
  };
}

/** Makes a project in `dir` with a stack of its own. `config`: `pine:store` and the like; a secret is `{ secret }`. */
export async function pulumiProject(
  dir: string,
  o: { name?: string; stack?: string; program?: Program; config?: Record<string, string | { secret: string }> } = {},
): Promise<PulumiProject> {
  mkdirSync(dir, { recursive: true });
  const name = o.name ?? "lab";
  const stack = o.stack ?? "test";
  const env = pulumiEnvironment(dir);
  const binary = pulumiBinary();
  const project: PulumiProject = {
    dir,
    stack,
    env,
    program(program) {
      const plugins = { providers: [{ name: "pine", path: pluginFolder }] };
      const text = JSON.stringify({ name, runtime: "yaml", plugins, ...program }, null, 2); // JSON is YAML
      writeFileSync(join(dir, "Pulumi.yaml"), `${text}\n`);
    },
    async cli(args, c = {}) {
      const operation = /^(up|preview|destroy|refresh)$/.test(args[0] ?? "");
      const more = operation
        ? ["--stack", stack, "--non-interactive", ...(args[0] === "preview" ? [] : ["--yes"])]
        : [];
      const result = await runCli(binary, [...args, ...more], dir, { ...c, env: { ...env, ...c.env } });
      return args.includes("--json") ? { ...result, json: parse(result.stdout) } : result;
    },
    async ok(args, c) {
      const r = await project.cli(args, c);
      if (r.exitCode !== 0) die(`pulumi ${args.join(" ")}: exit code ${r.exitCode}:\n${r.stdout}\n${r.stderr}`);
      return r;
    },
    async resources() {
      const r = await project.ok(["stack", "export", "--stack", stack]);
      return (JSON.parse(r.stdout) as { deployment: { resources?: StackResource[] } }).deployment.resources ?? [];
    },
  };
  project.program(o.program ?? {});
  await project.ok(["stack", "init", stack]);
  for (const [key, value] of Object.entries(o.config ?? {})) {
    const secret = typeof value === "object";
    const set = ["config", "set", "--stack", stack, secret ? "--secret" : "--plaintext", key];
    await project.ok([...set, "--", secret ? value.secret : value]);
  }
  return project;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

async function runCli(file: string, args: string[], cwd: string, o: CliOptions): Promise<CliResult> {
  const { child, ended } = startProcess(`pulumi ${args[0]}`, file, args, {
    cwd,
    env: o.env,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const out = { stdout: "", stderr: "" };
  for (const from of ["stdout", "stderr"] as const)
    child[from]!.setEncoding("utf8").on("data", (text: string) => {
      out[from] += text;
      o.onOutput?.(text);
    });
  const closed = new Promise((done) => child.on("close", done));
  const over = new AbortController();
  for (const [asked, signal] of [
    [o.signal, "SIGINT"],
    [o.kill, "SIGKILL"],
  ] as const) {
    const send = () => child.kill(signal);
    if (asked?.aborted) send();
    asked?.addEventListener("abort", send, { once: true, signal: over.signal });
  }
  const limit = o.timeout ?? 120_000;
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    child.kill("SIGKILL"); // its session ends with it
  }, limit);
  const { exitCode } = await ended;
  await closed;
  clearTimeout(timer);
  over.abort();
  if (late) die(`pulumi ${args.join(" ")} took longer than ${limit / 1000} s:\n${out.stdout}\n${out.stderr}`);
  return { ...out, exitCode: exitCode ?? 128 };
}
