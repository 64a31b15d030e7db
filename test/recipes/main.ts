/**
 * `npm run recipes`: random Rootfs over the lab's mirror, each refused before anything is built or built with
 * everything in it. See USAGE.
 */
import { parseArgs } from "node:util";
import fc from "fast-check";
import { die, messageOf } from "../../provider/errors.ts";
import { startBench } from "../e2e/life.ts";
import { OtherUser } from "../e2e/other-user.ts";
import { inputs } from "./arbitrary.ts";
import { packageNames, Trial, type Verdict } from "./trial.ts";

const USAGE = `npm run recipes -- [--count N] [--seed S] [--twice N] [--only N]
  --count  how many (default 200)
  --seed   which ones (default 1)
  --twice  how many of those that are built are built again: under umask 002, 022 and 077, in another store, its folder from a clone or a tar,
           every other one from an empty cache, every third as another user (default 30)
  --only   the n-th alone, and its inputs
Exit code 1: one was built without something, changed at the second look, differed when built again, or failed after the preview.`;

const log = (line: string) => process.stderr.write(`recipes: ${line}\n`);

async function main(): Promise<number> {
  const text = { type: "string" } as const;
  const { values: o } = parseArgs({
    options: { count: text, seed: text, twice: text, only: text, help: { type: "boolean" } },
  });
  if (o.help) {
    process.stdout.write(`${USAGE}\n`);
    return 0;
  }
  const number = (name: "count" | "seed" | "twice" | "only", otherwise: number) => {
    const value = Number(o[name] ?? otherwise);
    return Number.isInteger(value) && value >= 0 ? value : die(`--${name} ${o[name]}`, "expected a whole number");
  };
  const bench = await startBench("recipes");
  const other = await OtherUser.make(bench.work);
  const counts: Record<Verdict["kind"], number> = { refused: 0, built: 0, fault: 0 };
  let again = 0;
  let over = false;
  for (const signal of ["SIGINT", "SIGTERM"] as const)
    process.once(signal, () => {
      over = true; // what is under way is ended and removed below
    });
  try {
    const [seed, twice] = [number("seed", 1), number("twice", 30)];
    const only = o.only === undefined ? undefined : number("only", 0);
    const all = fc.sample(inputs(await packageNames(bench)), { numRuns: number("count", 200), seed });
    for (const [n, one] of all.entries()) {
      if (over) break;
      if (only !== undefined && n !== only) continue;
      if (only !== undefined) log(JSON.stringify(one, undefined, 1));
      const trial = new Trial(bench, one);
      const verdict = await trial.run();
      if (verdict.kind === "built" && again < twice) verdict.faults.push(...(await trial.again(again++, other)));
      const kind = verdict.faults.length > 0 ? "fault" : verdict.kind;
      counts[kind]++;
      log(`${n} ${kind}: ${[...verdict.faults, verdict.said].join("; ").slice(0, 400)}`);
    }
  } finally {
    await other.end();
    await bench.end();
  }
  log(
    `${counts.built} built (${again} of them twice), ${counts.refused} refused, ${counts.fault} not as they should be`,
  );
  return counts.fault === 0 && counts.built > 0 ? 0 : 1;
}

main().then(
  (code) => {
    process.exitCode = code;
  },
  (e) => {
    log(messageOf(e));
    process.exitCode = 2;
  },
);
