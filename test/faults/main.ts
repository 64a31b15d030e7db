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
import { kindName, kindOf, PLAIN } from "./kinds.ts";
import { PHASES } from "./phases.ts";
import { cutOf } from "./plan.ts";
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

async function main(): Promise<number> {
  const text = { type: "string" } as const;
  const many = { type: "string", multiple: true } as const;
  const { values: o } = parseArgs({
    options: {
      ...{ cuts: text, seed: text, server: text, workers: text, file: text, broken: text, summary: text },
      ...{ phase: many, only: many },
      help: { type: "boolean" },
    },
  });
  if (o.help) {
    process.stdout.write(`${USAGE}\n`);
    return 0;
  }
  if (o.summary) {
    process.stdout.write(`${table(readResults(resolve(o.summary)))}\n`);
    return 0;
  }
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

  const work = mkdtempSync(join(tmpdir(), "pine-faults-"));
  // as an exit, so that everything that was started is ended before its folder goes; a signal alone lets Pulumi's
  // children live
  for (const [signal, number] of Object.entries({ SIGHUP: 1, SIGINT: 2, SIGTERM: 15 }))
    process.once(signal, () => {
      process.on("exit", () => rmSync(work, { recursive: true, force: true }));
      process.exit(128 + number);
    });
  const prepared = await prepare(kind, log);
  const mirror = await mirrorOn(prepared.mirrorPort);
  try {
    const bin = o.broken ? breakPlugin(o.broken, join(work, "broken")) : pluginFolder;
    // another build would make another rootfs: of this one only what is done to the server is looked at
    const more = o.broken ? ["--target", SERVER] : [];
    const where = (worker: number): Where => ({
      ...{ prepared, bin, more },
      dir: join(work, `w${worker}`),
      evidence: join(labCache(), "faults", "evidence"),
    });
    const done = new Set(
      o.only
        ? []
        : readResults(file)
            .filter((r) => r.seed === seed)
            .map(keyOf),
    );
    const wanted = o.only ? o.only.map(Number) : Array.from({ length: cuts }, (_, i) => i + 1);
    const all = wanted.map((n) => cutOf(seed, n, phases, !o.broken));
    const missing = all.filter((cut) => !done.has(keyOf(cut)));
    for (const command of new Set(missing.map((cut) => PHASES[cut.phase]!.command)))
      await lengths(command, { ...where(0), bin: pluginFolder, more: [] }, log);
    if (!o.only) log(`${all.length} cuts, ${all.length - missing.length} of them made before; results in ${file}`);
    const made: Result[] = [];
    const queue = [...missing];
    await Promise.all(
      Array.from({ length: Math.max(1, workers) }, async (_, worker) => {
        for (let cut = queue.shift(); cut; cut = queue.shift()) {
          const length = await lengths(PHASES[cut.phase]!.command, where(worker), log);
          const result = { ...(await makeCut(cut, where(worker), length)), ...(o.broken && { broken: o.broken }) };
          if (o.only) made.push(result);
          else addResult(file, result);
          log(told(result));
        }
      }),
    );
    const keys = new Set(all.map(keyOf));
    const results = o.only ? made : readResults(file).filter((r) => r.seed === seed && keys.has(keyOf(r)));
    process.stdout.write(`${table(results)}\n`);
    const bad = results.filter((r) => !r.allowed);
    for (const r of bad) process.stdout.write(`${told(r)}\n`);
    const passed = results.length === all.length && bad.length === 0;
    process.stdout.write(`${results.length} cuts, ${bad.length} not allowed\n`);
    return passed ? 0 : 1;
  } finally {
    await mirror?.close();
    rmSync(work, { recursive: true, force: true });
  }
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
