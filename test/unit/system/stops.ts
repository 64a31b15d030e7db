/**
 * The driver that stops an operation between any two of its commands, as a power cut or SIGKILL would, and looks at
 * what is there.
 *
 * An operation is data: a {@link Scenario} with a made-up tree (`tree`), `steps` (scripts of provider/system with
 * arguments and input, one after the other), what must hold after each stop (`judge`, see what-boots.ts), and the runs
 * that may come then (`next`; by default the operation once more). `stopEverywhere` runs it once undisturbed; then it
 * holds it before each command, and where that finds the tree changed, copies the tree: it is what a kill at that
 * moment leaves, memory and mounts being gone. Each such tree is judged, and each that is new is followed by each
 * `next`, whose end must be as after an undisturbed run, or pass its own `judge`. One more run is really killed
 * half-way. To be quick each shell follows every twelfth of them, each another; PINE_STOPS=all follows all. For another
 * script (update.sh, …) add a scenario to a table like that of stops.test.ts; nothing here knows what the scripts do.
 *
 * Not seen: what a disk loses that was not flushed (`npm run faults`), and stops within one command (tar, cp -a).
 */
import { createHash } from "node:crypto";
import { lstatSync, readdirSync, readFileSync, readlinkSync, rmSync } from "node:fs";
import { join } from "node:path";
import {
  copyTree,
  makeServer,
  type RunSettings,
  runOn,
  SHELLS,
  type Shell,
  type Step,
  workFolder,
} from "./a-server.ts";

export interface Next {
  name: string;
  steps: Step[];
  /** What is wrong afterwards; default: what differs from an undisturbed run of `steps` after the scenario's. */
  judge?: (root: string) => string[];
}

export interface Scenario {
  name: string;
  /** Adds to the tree of `makeServer`. */
  tree: (root: string) => void;
  steps: Step[];
  /**
   * What is wrong in the tree, of the system that would boot and of people's data: "" for none. Called after each stop
   * and at the end.
   */
  judge: (root: string) => string[];
  next?: Next[];
  settings?: Omit<RunSettings, "onCommand" | "memory">;
}

/** Mounted on or bound in by `runOn`, or its own. */
const NOT_THE_SERVERS = new Set(["tools", "lib", "lib64", "dev", "proc", "run", "tmp"]);

/** Every path of the server's own, as `each` shows it. */
function walk(root: string, each: (path: string) => string): Map<string, string> {
  const found = new Map<string, string>();
  const into = (folder: string) => {
    for (const name of readdirSync(join(root, folder)).sort()) {
      const path = folder ? `${folder}/${name}` : name;
      if (NOT_THE_SERVERS.has(path)) continue;
      const at = join(root, path);
      found.set(path, each(at));
      if (lstatSync(at).isDirectory()) into(path);
    }
  };
  into("");
  return found;
}

/** Whatever a command changes shows here. */
function state(root: string): string {
  const each = (path: string) => {
    const s = lstatSync(path, { bigint: true });
    return [s.ino, s.mode, s.nlink, s.isDirectory() ? "" : `${s.size} ${s.mtimeNs}`].join(" ");
  };
  return JSON.stringify([...walk(root, each)]);
}

/** The tree as it counts: path -> kind, mode, content. */
export function listing(root: string): Map<string, string> {
  return walk(root, (path) => {
    const s = lstatSync(path);
    const mode = (s.mode & 0o7777).toString(8);
    if (s.isSymbolicLink()) return `-> ${readlinkSync(path)}`;
    if (s.isDirectory()) return `folder ${mode}`;
    return `file ${mode} ${createHash("sha256").update(readFileSync(path)).digest("hex").slice(0, 12)}`;
  });
}

/** Lines that one tree has and the other has not. */
export function differences(is: Map<string, string>, wanted: Map<string, string>): string[] {
  const lines = (from: Map<string, string>, other: Map<string, string>, sign: string) =>
    [...from].filter(([path, what]) => other.get(path) !== what).map(([path, what]) => `${sign} ${path}: ${what}`);
  return [...lines(is, wanted, "has"), ...lines(wanted, is, "has not")];
}

/** What one shell does with a scenario. */
class Stopped {
  readonly work = workFolder();
  readonly problems: string[] = [];
  private made = 0;
  constructor(
    readonly shell: Shell,
    readonly scenario: Scenario,
  ) {}
  get settings() {
    return this.scenario.settings ?? {};
  }
  copy(of: string): string {
    const root = join(this.work, `${this.made++}`);
    copyTree(of, root);
    return root;
  }
  async whole(root: string, run: Step[], what: string): Promise<string> {
    const r = await runOn(root, run, this.settings);
    if (r.code !== 0) this.problems.push(`${what}: exit code ${r.code}: ${r.stderr.trim()}`);
    return root;
  }
}

/** The runs that may come then, each with what an undisturbed one leaves. */
async function nextOf(s: Stopped, end: string): Promise<(Next & { wanted?: Map<string, string> })[]> {
  const { next, steps } = s.scenario;
  return Promise.all(
    (next ?? [{ name: "again", steps }]).map(async (n: Next) => ({
      ...n,
      wanted: n.judge ? undefined : listing(await s.whole(s.copy(end), n.steps, `undisturbed, then ${n.name}`)),
    })),
  );
}

/** What is there before each command that follows a change, and once after a kill. */
async function stopsOf(s: Stopped, start: string): Promise<{ at: string; root: string }[]> {
  const { steps } = s.scenario;
  const stops: { at: string; root: string }[] = [];
  const recorded = s.copy(start);
  let before = "";
  let command = 0;
  const onCommand = () => {
    command++;
    const now = state(recorded);
    if (now !== before) stops.push({ at: `stopped before command ${command}`, root: s.copy(recorded) });
    before = now;
    return true;
  };
  await runOn(recorded, steps, { ...s.settings, onCommand });
  const killed = s.copy(start);
  let left = command / 2;
  if (!(await runOn(killed, steps, { ...s.settings, onCommand: () => --left > 0 })).stopped)
    s.problems.push("nothing was killed");
  stops.push({ at: "killed half-way", root: killed });
  return stops;
}

/**
 * Runs a scenario to its end and stopped at each change. Answers how many stops and how many different trees there
 * were, and what was wrong, each with its stop.
 */
export async function stopEverywhere(
  shell: Shell,
  scenario: Scenario,
): Promise<{ stops: number; ran: number; problems: string[] }> {
  const s = new Stopped(shell, scenario);
  const { work, problems } = s;
  try {
    const start = join(work, "start");
    makeServer(start, shell);
    scenario.tree(start);
    const end = await s.whole(s.copy(start), scenario.steps, "undisturbed");
    problems.push(...scenario.judge(end).map((p) => `undisturbed: ${p}`));
    const next = await nextOf(s, end);
    const stops = await stopsOf(s, start);

    const seen = new Set<string>();
    const every = process.env.PINE_STOPS === "all" ? 1 : 12;
    // between those that the other shell follows
    const mine = (SHELLS.indexOf(shell) * every) / SHELLS.length;
    for (const { at, root } of stops) {
      problems.push(...scenario.judge(root).map((p) => `${at}: ${p}`));
      const tree = JSON.stringify([...listing(root)]);
      const isNew = !seen.has(tree);
      for (const { name, steps, judge, wanted } of isNew && seen.size % every === Math.floor(mine) ? next : []) {
        const after = await s.whole(s.copy(root), steps, `${at}, then ${name}`);
        const wrong = judge ? judge(after) : differences(listing(after), wanted!);
        problems.push(...wrong.map((p) => `${at}, then ${name}: ${p}`));
        rmSync(after, { recursive: true });
      }
      seen.add(tree);
      rmSync(root, { recursive: true });
    }
    return { stops: stops.length, ran: seen.size, problems };
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}
