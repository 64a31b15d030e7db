/**
 * `pulumi` itself on a copy of an example, as a person types it: started in a session of its own, watched through its
 * event log.
 */
import { spawn } from "node:child_process";
import { closeSync, cpSync, mkdirSync, openSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { die } from "../../provider/errors.ts";
import { run } from "../../provider/local/run.ts";
import { endSession } from "../lab/processes.ts";
import { pluginFolder, pulumiBinary, pulumiEnvironment } from "../lab/pulumi.ts";

const repository = join(import.meta.dirname, "../..");

/** A line that the engine was told, from the event log. */
export interface Said {
  urn: string;
  severity: string;
  message: string;
  /** A live line. */
  ephemeral: boolean;
}

export interface Ended {
  exitCode: number;
  stdout: string;
  /** Standard output, then standard error. */
  output: string;
  said: Said[];
  /** What Pine's resources ended with, one each. */
  errors: string[];
}

/** A CLI that runs. */
export interface Running {
  /** Leader of its session. */
  pid: number;
  /** Its event log. */
  events: string;
  ended: Promise<Ended>;
  /** Waits for a line; throws when the CLI ends without it. */
  saw(pattern: RegExp, when?: (match: RegExpExecArray) => boolean): Promise<RegExpExecArray>;
  /** Ctrl-C as a terminal does it: SIGINT to the process group. */
  interrupt(): void;
  /** kill -9 of the CLI alone, as the kernel does when memory is short. */
  crash(): void;
}

export interface StateResource {
  urn: string;
  id?: string;
  type: string;
  inputs: Record<string, unknown>;
  // biome-ignore lint/suspicious/noExplicitAny: outputs of any resource
  outputs: Record<string, any>;
  initErrors?: string[];
}

/** Where the server of the example's program begins. */
export const SERVER = "  server:\n    type: pine:HostHijack\n    properties:\n";
/** The example's program with more inputs of its server. */
export const withInputs = (text: string, inputs: object) => {
  const lines = Object.entries(inputs).map(([name, value]) => `      ${name}: ${JSON.stringify(value)}\n`);
  return text.replace(SERVER, () => SERVER + lines.join(""));
};

const leaders = new Set<number>();
process.on("exit", () => {
  for (const pid of leaders) endSession(pid);
});

export class Project {
  /** Has a copy of the program; the stack's configuration lies there too. */
  readonly dir: string;
  readonly env: Record<string, string>;
  /** TMPDIR of the CLI and what it starts: empty when nothing runs. */
  readonly temp: string;
  /** Text of every run so far, with its event log. */
  readonly logs: string[] = [];
  private runs = 0;
  /** Leaders of its runs' sessions: other projects' go on when this one ends. */
  private readonly own = new Set<number>();

  /** `work`: a folder with a short path; `example`: folder of a Pulumi.yaml, from the repository's top. */
  constructor(
    readonly work: string,
    example = "examples/server-yaml",
  ) {
    this.dir = join(work, example);
    mkdirSync(this.dir, { recursive: true });
    cpSync(join(repository, example, "Pulumi.yaml"), join(this.dir, "Pulumi.yaml"));
    symlinkSync(pluginFolder, join(work, "bin")); // where the program looks for it
    this.temp = join(work, "tmp");
    mkdirSync(this.temp);
    mkdirSync(join(work, "events"));
    const { XDG_RUNTIME_DIR: _, ...own } = pulumiEnvironment(work);
    this.env = { ...own, TMPDIR: this.temp, PULUMI_DEBUG_COMMANDS: "true" }; // which has --event-log
  }

  /** Changes the program's text. */
  edit(change: (text: string) => string): void {
    const file = join(this.dir, "Pulumi.yaml");
    const before = readFileSync(file, "utf8");
    const after = change(before);
    if (after === before) die("the program was not changed: the example has other lines now");
    writeFileSync(file, after);
  }

  /** A command that ends soon; another exit code than 0 is an error. Input is how secrets travel. */
  async simple(args: string[], input?: string): Promise<string> {
    const r = await run(pulumiBinary(), args, { cwd: this.dir, env: this.env, input, timeout: 120_000 });
    this.logs.push(r.stdout, r.stderr);
    return r.stdout;
  }

  /** The same with `--show-secrets`, and not in the logs. */
  async revealed(args: string[]): Promise<string> {
    const r = await run(pulumiBinary(), [...args, "--show-secrets"], {
      cwd: this.dir,
      env: this.env,
      timeout: 120_000,
    });
    return r.stdout;
  }

  /** Sets the stack's configuration; a list replaces the one before. */
  async set(values: Record<string, string | string[]>): Promise<void> {
    for (const [key, value] of Object.entries(values)) {
      await this.simple(["config", "rm", key]).catch(() => {});
      if (typeof value === "string") await this.simple(["config", "set", "--plaintext", key, "--", value]);
      else
        for (const [n, v] of value.entries()) await this.simple(["config", "set", "--path", `${key}[${n}]`, "--", v]);
    }
  }
  async secret(key: string, value: string): Promise<void> {
    await this.simple(["config", "set", "--secret", key], value);
  }

  start(args: string[]): Running {
    const file = join(this.work, "events", `${++this.runs}.${args[0]}`);
    const [out, err, events] = [`${file}.out`, `${file}.err`, `${file}.json`];
    const told = () => readFileSync(out, "utf8") + readFileSync(err, "utf8");
    const operation = /^(up|refresh|destroy)$/.test(args[0]!) ? ["--yes"] : [];
    const more = ["--non-interactive", ...operation, "--event-log", events];
    const fds = [openSync(out, "w"), openSync(err, "w")];
    writeFileSync(events, "");
    const child = spawn("setpriv", ["--pdeathsig", "KILL", "--", pulumiBinary(), ...args, ...more], {
      cwd: this.dir,
      env: this.env,
      stdio: ["ignore", ...fds],
      detached: true,
    });
    for (const fd of fds) closeSync(fd);
    const pid = child.pid ?? die("setpriv (util-linux) did not start");
    leaders.add(pid);
    this.own.add(pid);
    let over = false;
    const ended = new Promise<Ended>((done) =>
      child.on("exit", (code) => {
        over = true;
        const output = told();
        const said = lines(events);
        this.logs.push(output, readFileSync(events, "utf8"));
        const errors = said
          .filter((s) => s.severity === "error" && s.urn.includes("::pine:"))
          .map((s) => s.message.trim());
        done({ exitCode: code ?? 128, stdout: readFileSync(out, "utf8"), output, said, errors });
      }),
    );
    return {
      pid,
      events,
      ended,
      async saw(pattern, when = () => true) {
        for (;;) {
          const last = over;
          for (const s of lines(events)) {
            const found = pattern.exec(s.message);
            if (found && when(found)) return found;
          }
          if (last) return die(`pulumi ${args[0]} ended and never said ${pattern}:\n${told()}`);
          await sleep(30);
        }
      },
      interrupt: () => void process.kill(-pid, "SIGINT"),
      crash: () => void process.kill(pid, "SIGKILL"),
    };
  }

  /** Runs to the end; any exit code. */
  run(args: string[]): Promise<Ended> {
    return this.start(args).ended;
  }
  /** Runs to the end; another exit code than 0 is an error with the output. */
  async ok(args: string[]): Promise<Ended> {
    const r = await this.run(args);
    return r.exitCode === 0 ? r : die(`pulumi ${args.join(" ")}: exit code ${r.exitCode}:\n${r.output}`);
  }

  /** The resources of the state, secrets as they are kept there. */
  async state(): Promise<StateResource[]> {
    const text = await this.simple(["stack", "export"]);
    return JSON.parse(text).deployment.resources ?? [];
  }
  /** Called while a run is under way: what leads its session. */
  get leader(): number | undefined {
    return [...this.own].at(-1);
  }

  /** The server's outputs; dies when it is not in the state. */
  async server(): Promise<StateResource["outputs"]> {
    const found = (await this.state()).find((r) => r.type === "pine:index:HostHijack");
    return found?.outputs ?? die("the state has no server");
  }

  /** Ends what is left of every run. */
  end(): void {
    for (const pid of this.own) {
      endSession(pid);
      leaders.delete(pid);
    }
    this.own.clear();
  }
}

function lines(file: string): Said[] {
  return readFileSync(file, "utf8")
    .split("\n")
    .flatMap((line) => {
      if (!line.includes('"diagnosticEvent"') || !line.endsWith("}")) return [];
      const d = JSON.parse(line).diagnosticEvent;
      return [
        { urn: d.urn ?? "", severity: d.severity, message: d.message.trimEnd(), ephemeral: d.ephemeral === true },
      ];
    });
}
