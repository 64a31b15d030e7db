/** `npm run faults`: seeded power cuts in installs, updates, returns and restores. See USAGE. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { die, messageOf } from "../../provider/errors.ts";
import { ensureMirror, type MirrorServer, serveMirror } from "../lab/mirror/index.ts";
import { pluginFolder } from "../lab/pulumi.ts";
import { labCache } from "../lab/vps/index.ts";
import { BROKEN, breakPlugin } from "./broken.ts";
import { lengths, makeCut, type Where } from "./cut.ts";
import { type Kind, kindName, kindOf, PLAIN } from "./kinds.ts";
import { PHASES } from "./phases.ts";
import { type Cut, cutOf } from "./plan.ts";
import { prepare } from "./prepared.ts";
import { addResult, type Result, readResults, table, told } from "./results.ts";

const USAGE = `npm run faults -- [--cuts N] [--seed S] [--phase P]… [--server K] [--workers W] [--file F] [--broken KIND] [--only N]… [--summary F]
  --cuts     how many, in all: those that the file has are not made again (default 9)
  --seed     which ones (default 1)
  --phase    ${Object.keys(PHASES).join(", ")} (default: each in turn)
  --server   bookworm-bios-plain (default), or another release, firmware and layout of the lab: bookworm-uefi-signed-boot-xfs
  --workers  servers at the same time (default 1)
  --file     results, a line of JSON a cut (default: in the lab's cache, by seed, phases and build)
  --broken   ${BROKEN.join(", ")}: a build that must not pass
  --only     this cut alone, not added to the file
  --summary  no cuts: a table of this file`;

const log = (line: string) => process.stderr.write(`faults: ${line}\n`);

/** What is asked for. */
interface Asked {
  cuts: number;
  seed: number;
  workers: number;
  phases: string[];
  kind: Kind;
  /** Where the results are. */
  file: string;
  broken?: string;
  /** These cuts alone. */
  only?: number[];
}

function options() {
  const text = { type: "string" } as const;
  const many = { type: "string", multiple: true } as const;
  return parseArgs({
    options: {
      cuts: text,
      seed: text,
      server: text,
      workers: text,
      file: text,
      broken: text,
      summary: text,
      phase: many,
      only: many,
      help: { type: "boolean" },
    },
  }).values;
}

function asked(o: ReturnType<typeof options>): Asked {
  const number = (name: "cuts" | "seed" | "workers", otherwise: number) => {
    const value = Number(o[name] ?? otherwise);
    return Number.isSafeInteger(value) && value >= 0 ? value : die(`--${name} ${o[name]}`, "expected is a number");
  };
  const [cuts, seed, workers] = [number("cuts", 9), number("seed", 1), number("workers", 1)];
  const phases = o.phase ?? Object.keys(PHASES);
  for (const phase of phases) if (!PHASES[phase]) die(`--phase ${phase}`, `there is ${Object.keys(PHASES).join(", ")}`);
  const kind = o.server ? kindOf(o.server) : PLAIN;
  const server = kindName(kind) === kindName(PLAIN) ? [] : [kindName(kind)];
  const name = [`seed-${seed}`, ...server, ...(o.phase ?? []), ...(o.broken ? [o.broken] : [])].join("-");
  const file = resolve(o.file ?? join(labCache(), "faults", `${name}.jsonl`));
  return { cuts, seed, workers, phases, kind, file, broken: o.broken, only: o.only?.map(Number) };
}

async function main(): Promise<number> {
  const o = options();
  if (o.help) {
    process.stdout.write(`${USAGE}\n`);
    return 0;
  }
  if (o.summary) {
    process.stdout.write(`${table(readResults(resolve(o.summary)))}\n`);
    return 0;
  }
  const a = asked(o);
  const work = workFolder();
  const prepared = await prepare(a.kind, log);
  const mirror = await mirrorOn(prepared.mirrorPort);
  try {
    const bin = a.broken ? breakPlugin(a.broken, join(work, "broken")) : pluginFolder;
    // another build would make another rootfs: of this one only what is done to the server is looked at
    const more = a.broken ? ["--target", SERVER] : [];
    const where = (worker: number): Where => ({
      prepared,
      bin,
      more,
      dir: join(work, `w${worker}`),
      evidence: join(labCache(), "faults", "evidence"),
    });
    const wanted = a.only ?? Array.from({ length: a.cuts }, (_, i) => i + 1);
    const all = wanted.map((n) => cutOf(a.seed, n, a.phases, !a.broken));
    const made = await makeMissing(all, a, where);
    const keys = new Set(all.map(keyOf));
    const results = a.only ? made : resultsOf(a).filter((r) => keys.has(keyOf(r)));
    return tell(results) && results.length === all.length ? 0 : 1;
  } finally {
    await mirror?.close();
    rmSync(work, { recursive: true, force: true });
  }
}

/** A folder that goes when this process ends, also by a signal. */
function workFolder(): string {
  const work = mkdtempSync(join(tmpdir(), "pine-faults-"));
  // as an exit, so that everything that was started is ended before its folder goes; a signal alone lets Pulumi's
  // children live
  for (const [signal, number] of Object.entries({ SIGHUP: 1, SIGINT: 2, SIGTERM: 15 }))
    process.once(signal, () => {
      process.on("exit", () => rmSync(work, { recursive: true, force: true }));
      process.exit(128 + number);
    });
  return work;
}

const resultsOf = (a: Asked) => readResults(a.file).filter((r) => r.seed === a.seed);

/** Makes those cuts that the file does not have, and adds them to it; with `only` it makes all, and adds none. */
async function makeMissing(all: Cut[], a: Asked, where: (worker: number) => Where): Promise<Result[]> {
  const done = new Set(a.only ? [] : resultsOf(a).map(keyOf));
  const missing = all.filter((cut) => !done.has(keyOf(cut)));
  for (const command of new Set(missing.map((cut) => PHASES[cut.phase]!.command)))
    await lengths(command, { ...where(0), bin: pluginFolder, more: [] }, log);
  if (!a.only) log(`${all.length} cuts, ${all.length - missing.length} of them made before; results in ${a.file}`);
  const made: Result[] = [];
  const queue = [...missing];
  await Promise.all(
    Array.from({ length: Math.max(1, a.workers) }, async (_, worker) => {
      for (let cut = queue.shift(); cut; cut = queue.shift()) {
        const length = await lengths(PHASES[cut.phase]!.command, where(worker), log);
        const result = { ...(await makeCut(cut, where(worker), length)), ...(a.broken && { broken: a.broken }) };
        if (a.only) made.push(result);
        else addResult(a.file, result);
        log(told(result));
      }
    }),
  );
  return made;
}

/** Prints the results; whether all are allowed. */
function tell(results: Result[]): boolean {
  process.stdout.write(`${table(results)}\n`);
  const bad = results.filter((r) => !r.allowed);
  for (const r of bad) process.stdout.write(`${told(r)}\n`);
  process.stdout.write(`${results.length} cuts, ${bad.length} not allowed\n`);
  return bad.length === 0;
}

/**
 * The mirror of the prepared states; undefined when another campaign serves it, which is all the same: nothing is built
 * in a cut.
 */
async function mirrorOn(port: number): Promise<MirrorServer | undefined> {
  try {
    return await serveMirror(await ensureMirror(log), { port });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EADDRINUSE") return undefined;
    throw error;
  }
}

const SERVER = "urn:pulumi:test::pine-server-yaml::pine:index:HostHijack::server";
const keyOf = (r: { n: number; phase: string; moment: string }) => `${r.n} ${r.phase} ${r.moment}`;

main().then(
  (code) => process.exit(code),
  (error) => {
    process.stderr.write(`error: ${messageOf(error)}\n${error?.hint ? `${error.hint}\n` : ""}`);
    process.exit(2);
  },
);
