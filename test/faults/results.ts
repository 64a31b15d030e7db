/** The results file: a line of JSON a cut. Runs add to it, and make only those that are missing. */
import { appendFileSync, existsSync, mkdirSync, readFileSync } from "node:fs";
import { dirname } from "node:path";
import { PHASES, type System } from "./phases.ts";

export interface Result {
  seed: number;
  n: number;
  phase: string;
  moment: string;
  mode: string;
  sample: boolean;
  /** From the prepared state to the verdict. */
  seconds: number;
  /** Seconds after the command's start. */
  at?: number;
  /** The moment came; else the power went when its span was over. */
  hit?: boolean;
  /** Sectors or writes that were not flushed. */
  lost?: number;
  kept?: number;
  /** The command did not end by itself after the cut. */
  killed?: boolean;
  stage?: string;
  expected?: System[];
  /** Seconds from power on to the answer. */
  boot?: number;
  came?: System;
  checksum?: string;
  /** Of a sample: the next command did what this one was to do. */
  completed?: boolean;
  faults: string[];
  allowed: boolean;
  /** What is broken in the build on purpose. */
  broken?: string;
}

export function readResults(file: string): Result[] {
  if (!existsSync(file)) return [];
  return readFileSync(file, "utf8")
    .split("\n")
    .flatMap((line) => (line.endsWith("}") ? [JSON.parse(line) as Result] : []));
}

export function addResult(file: string, result: Result): void {
  mkdirSync(dirname(file), { recursive: true });
  appendFileSync(file, `${JSON.stringify(result)}\n`);
}

/** One line for the person who waits. */
export function told(r: Result): string {
  const when = `${r.phase}, ${r.moment}${r.at === undefined ? "" : ` (${r.at.toFixed(1)} s)`}`;
  const lost = r.lost === undefined ? "" : `, ${r.lost} of ${r.lost + (r.kept ?? 0)} lost (${r.mode})`;
  const answer = r.came ? `${r.came} answers after ${r.boot} s` : "no answer";
  const next = r.completed ? ", the next run completes" : "";
  const verdict = r.allowed ? "" : `\n  NOT ALLOWED: ${r.faults.join("\n  ")}`;
  return `cut ${r.n}: ${when}${lost}; since "${r.stage}": ${answer}${next}; ${r.seconds} s${verdict}`;
}

/** A markdown table, a row a phase. */
export function table(results: Result[]): string {
  const phases = Object.keys(PHASES).filter((phase) => results.some((r) => r.phase === phase));
  const count = <T>(of: T[]) => [...new Set(of)].map((x) => `${of.filter((y) => y === x).length} ${x}`).join(", ");
  const row = (name: string, of: Result[]) => {
    const samples = of.filter((r) => r.sample);
    const seconds = of.map((r) => r.seconds).sort((a, b) => a - b);
    const cells = [
      name,
      of.length,
      of.filter((r) => r.came).length,
      of.filter((r) => r.allowed).length,
      count(of.flatMap((r) => (r.came ? [r.came] : []))),
      `${samples.filter((r) => r.completed).length} of ${samples.length}`,
      seconds[Math.floor(seconds.length / 2)],
    ];
    return `| ${cells.join(" | ")} |`;
  };
  return [
    "| phase | cuts | answered | as allowed | what came up | the next run completed | seconds a cut (median) |",
    "| --- | --- | --- | --- | --- | --- | --- |",
    ...phases.map((phase) =>
      row(
        phase,
        results.filter((r) => r.phase === phase),
      ),
    ),
    row("all", results),
  ].join("\n");
}
