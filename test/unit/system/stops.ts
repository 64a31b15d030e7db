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

/**
 * Runs a scenario to its end and stopped at each change. Answers how many stops and how many different trees there
 * were, and what was wrong, each with its stop.
 */
export async function stopEverywhere(
  shell: Shell,
  scenario: Scenario,
): Promise<{ stops: number; ran: number; problems: string[] }> {
  const work = workFolder();
  const { steps, settings = {} } = scenario;
  const problems: string[] = [];
  let made = 0;
  const copy = (of: string) => {
    const root = join(work, `${made++}`);
    copyTree(of, root);
    return root;
  };
  const whole = async (root: string, run: Step[], what: string) => {
    const r = await runOn(root, run, settings);
    if (r.code !== 0) problems.push(`${what}: exit code ${r.code}: ${r.stderr.trim()}`);
    return root;
  };
  try {
    const start = join(work, "start");
    makeServer(start, shell);
    scenario.tree(start);
    const end = await whole(copy(start), steps, "undisturbed");
    problems.push(...scenario.judge(end).map((p) => `undisturbed: ${p}`));
    const next = await Promise.all(
      (scenario.next ?? [{ name: "again", steps }]).map(async (n) => ({
        ...n,
        wanted: n.judge ? undefined : listing(await whole(copy(end), n.steps, `undisturbed, then ${n.name}`)),
      })),
    );

    const stops: { at: string; root: string }[] = [];
    const recorded = copy(start);
    let before = "";
    let command = 0;
    const onCommand = () => {
      command++;
      const now = state(recorded);
      if (now !== before) stops.push({ at: `stopped before command ${command}`, root: copy(recorded) });
      before = now;
      return true;
    };
    await runOn(recorded, steps, { ...settings, onCommand });
    const killed = copy(start);
    let left = command / 2;
    if (!(await runOn(killed, steps, { ...settings, onCommand: () => --left > 0 })).stopped)
      problems.push("nothing was killed");
    stops.push({ at: "killed half-way", root: killed });

    const seen = new Set<string>();
    const every = process.env.PINE_STOPS === "all" ? 1 : 12;
    // between those that the other shell follows
    const mine = (SHELLS.indexOf(shell) * every) / SHELLS.length;
    for (const { at, root } of stops) {
      problems.push(...scenario.judge(root).map((p) => `${at}: ${p}`));
      const tree = JSON.stringify([...listing(root)]);
      const isNew = !seen.has(tree);
      for (const { name, steps, judge, wanted } of isNew && seen.size % every === Math.floor(mine) ? next : []) {
        const after = await whole(copy(root), steps, `${at}, then ${name}`);
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
