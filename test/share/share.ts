/** The campaign: two Pines that build, are killed and begin again, until the time is up; and what was wrong. */
import { mkdirSync, writeFileSync } from "node:fs";
import { readdir, stat, utimes } from "node:fs/promises";
import { join } from "node:path";
import type { Config } from "../../provider/resource.ts";
import { judgeDone, judgeEnd } from "./judge.ts";
import { Apart } from "./namespace.ts";
import type { Done, Stack } from "./pine.ts";
import { askOf } from "./plan.ts";

export interface Campaign {
  config: Config & { tmp: string };
  work: string;
  /** pine.ts in one file. */
  program: string;
  minutes: number;
  seed: number;
  /** The share of builds that is killed. */
  kills: number;
  signal: AbortSignal;
  log: (line: string) => void;
}

export interface Outcome {
  builds: number;
  wrong: string[];
  summary: string;
}

/** What is being done now, by each Pine. */
interface Score {
  builds: number;
  kills: number;
  made: number;
  aged: number;
  errors: number;
  longest: number;
  wrong: string[];
  /** When the `up`s that run were begun. */
  running: Map<number, number>;
  begun: number;
}

export async function share(c: Campaign): Promise<Outcome> {
  const begun = Date.now();
  const score: Score = {
    builds: 0,
    kills: 0,
    made: 0,
    aged: 0,
    errors: 0,
    longest: 60_000,
    wrong: [],
    running: new Map(),
    begun,
  };
  const until = begun + c.minutes * 60_000;
  const apart = [new Apart(), new Apart()];
  let stacks: Stack[];
  try {
    stacks = await Promise.all(apart.map((one, pine) => lead(c, one, pine, until, score)));
  } finally {
    for (const one of apart) await one.kill(true);
  }
  const left = await judgeEnd(c.config, stacks, c.config.tmp);
  const wrong = [...score.wrong, ...left];
  const { builds, kills, made, errors, aged } = score;
  const minutes = ((Date.now() - begun) / 60_000).toFixed(1);
  const summary =
    `${builds} builds by 2 Pines in ${minutes} minutes, ${made} files and folders made, ${kills} killed, ` +
    `${aged} files made older: ${errors} failed, ${wrong.length - errors} lost, left or damaged`;
  return { builds, wrong, summary };
}

/** Leads one stack, one `up` after the other. Answers what is in its state. */
async function lead(c: Campaign, apart: Apart, pine: number, until: number, score: Score): Promise<Stack> {
  let stack: Stack = {};
  mkdirSync(join(c.work, "jobs"), { recursive: true });
  const job = join(c.work, "jobs", `${pine}.json`);
  for (let n = 0; ; n++) {
    const last = Date.now() >= until || c.signal.aborted;
    const ask = { ...askOf(c.seed, pine, n, score.longest, c.kills), ...(last && { kill: undefined, also: [] }) };
    if (c.signal.aborted) return stack;
    const begun = Date.now();
    score.running.set(pine, begun);
    score.aged += await age(c.config.store, Math.min(...score.running.values()));
    writeFileSync(job, JSON.stringify({ config: c.config, ask, known: stack }));
    let killed = false;
    const timer =
      ask.kill &&
      setTimeout(() => {
        killed = true;
        void apart.kill(ask.kill!.all);
      }, ask.kill.after);
    const env = { ...process.env, TMPDIR: c.config.tmp, XDG_RUNTIME_DIR: undefined, NODE_OPTIONS: undefined };
    const ended = await apart.run([process.execPath, c.program, job], env);
    clearTimeout(timer);
    const took = Date.now() - begun;
    const who = `${pine === 0 ? "one" : "other"} ${n}`;
    const at = `${((Date.now() - score.begun) / 60_000).toFixed(1)} min`;
    if (ended.code === 0) {
      const done = JSON.parse(ended.stdout) as Done;
      stack = done.stack;
      score.builds++;
      score.made += done.made.length;
      score.longest = Math.max(score.longest, took);
      const wrong = await judgeDone(c.config, done);
      score.wrong.push(...wrong.map((w) => `${at}, ${who}: ${w}`));
      c.log(`${at}, ${who}: ${wrong.length > 0 ? wrong[0] : "whole"} (${Math.round(took / 1000)} s)`);
    } else if (killed) {
      score.kills++;
      c.log(
        `${at}, ${who}: killed after ${Math.round(took / 1000)} s, ${ask.kill?.all ? "with its namespace" : "alone"}`,
      );
    } else {
      score.errors++;
      const why = ended.stderr.trim().split("\n").slice(0, 12).join("\n  ");
      score.wrong.push(`${at}, ${who}: failed: ${why}`);
      c.log(`${at}, ${who}: failed: ${why}`);
    }
    score.running.delete(pine);
    if (last) return stack;
  }
}

/**
 * Makes what was made before the time `before` two hours older, as if its makers had ended long ago: a collection of
 * garbage may take it. What runs now made none of it. Answers of how many files.
 */
async function age(store: string, before: number): Promise<number> {
  const folders = ["rootfs", "sboms", "images", "commits", "sysroots", "deltas"].map((name) => join(store, name));
  const objects = join(store, "repo/objects");
  for (const head of await readdir(objects).catch(() => [])) folders.push(join(objects, head));
  const old = (before - 2 * 3_600_000) / 1000;
  let count = 0;
  for (const folder of folders)
    for (const name of await readdir(folder).catch(() => [])) {
      if (folder.startsWith(objects) && !name.endsWith(".commit")) continue;
      const seen = await stat(join(folder, name)).catch(() => undefined);
      if (!seen || seen.mtimeMs >= before - 1000 || seen.mtimeMs < before - 3_600_000) continue;
      await utimes(join(folder, name), old, old).catch(() => {});
      count++;
    }
  return count;
}
