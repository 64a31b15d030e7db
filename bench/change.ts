/**
 * `npm run bench -- change [ROUNDS]`: one changed file (Rootfs, commit, delta, image) against a full build (the same in
 * an empty store, the delta from nothing), from cached packages, in turns. Also compares the bytes of our delta with
 * those of `ostree static-delta generate` by hand.
 */
import { mkdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { diskImage } from "../provider/image/disk/image.ts";
import { removeTree } from "../provider/image/namespace/run-in.ts";
import { commitFromRootfs } from "../provider/image/ostree/commits.ts";
import { staticDelta } from "../provider/image/ostree/delta.ts";
import type { Workshop } from "../provider/image/ostree/workshop.ts";
import { Store } from "../provider/image/store/store.ts";
import { toolbox } from "../provider/image/toolbox/toolbox.ts";
import { readRootfs } from "../provider/image/tree/record.ts";
import { toolsOf } from "../provider/resources/rootfs/lock.ts";
import { rootfs } from "../provider/resources/rootfs/rootfs.ts";
import { quietTask } from "../provider/task.ts";
import { Life, startBench } from "../test/e2e/life.ts";
import { median, seconds } from "./measure.ts";

export const LIMITS = { changed: 0.2, bytes: 1.05 };

interface Times {
  full: number[];
  fromNothing: number[];
  changed: number[];
}

export async function benchChange(rounds: number, say: (line: string) => void): Promise<boolean> {
  const bench = await startBench("bench");
  const task = quietTask();
  try {
    const tools = toolsOf(bench.config);
    await new Life(rootfs, bench.config).up(inputs("0\n")); // fills the package cache
    const box = await toolbox(tools, task);
    const times: Times = { full: [], fromNothing: [], changed: [] };
    const bytes: number[] = [];
    for (let n = 1; n <= rounds; n++) {
      await removeTree(join(tools.cache, "bases"));
      const config = bench.with({ store: join(bench.work, `store-${n}`) });
      const workshop = { store: await Store.open(config.store), toolbox: box, task };
      const { from, to } = await round(workshop, new Life(rootfs, config), n, times);
      if (n === 1)
        for (const [what, base] of [["one file", from] as const, ["from nothing", undefined] as const]) {
          const out = join(bench.work, "by-hand", what.replace(" ", "-"));
          const byHand = await bytesByHand(workshop, base, base ? to : from, out);
          const ours = await staticDelta(workshop, base, base ? to : from);
          bytes.push(ours.size / byHand);
          say(
            `delta ${what}: ${ours.size} bytes, ${bytes.at(-1)!.toFixed(3)} of one by hand (at most ${LIMITS.bytes})`,
          );
        }
      const [full, nothing, changed] = [times.full, times.fromNothing, times.changed].map((t) => t.at(-1)!.toFixed(1));
      say(`round ${n}: full build ${full} s and its delta from nothing ${nothing} s, one file changed ${changed} s`);
    }
    const changed = median(times.changed);
    const all = median(times.full) + median(times.fromNothing);
    say(
      `one file changed against a full build: ${(changed / all).toFixed(2)} (at most ${LIMITS.changed}); without the delta from nothing: ${(changed / median(times.full)).toFixed(2)} (no limit)`,
    );
    return changed / all <= LIMITS.changed && bytes.every((b) => b <= LIMITS.bytes);
  } finally {
    await bench.end();
  }
}

const inputs = (motd: string) => ({ packages: ["nano"], files: { "/etc/motd": { content: motd } } });

/** A full build and a change of one file; the commits of both. */
async function round(workshop: Workshop, life: Life, n: number, times: Times): Promise<{ from: string; to: string }> {
  const build = async (motd: string) => {
    await life.up(inputs(motd));
    const record = (await readRootfs(workshop.store, String(life.state.digest)))!;
    const { checksum } = await commitFromRootfs(workshop, record, {});
    await diskImage(workshop, checksum, { title: "bench" });
    return checksum;
  };
  let from = "";
  let to = "";
  times.full.push(
    await seconds(async () => {
      from = await build(`full ${n}\n`);
    }),
  );
  times.fromNothing.push(await seconds(() => staticDelta(workshop, undefined, from)));
  times.changed.push(
    await seconds(async () => {
      to = await build(`changed ${n}\n`);
      await staticDelta(workshop, from, to);
    }),
  );
  return { from, to };
}

/** Bytes of the delta that `ostree static-delta generate` makes, in a new folder; from nothing without `base`. */
async function bytesByHand(
  { store, toolbox }: Workshop,
  base: string | undefined,
  to: string,
  folder: string,
): Promise<number> {
  await mkdir(folder, { recursive: true });
  await toolbox.run(
    // biome-ignore format: what belongs together is in one line
    [
      "ostree", "static-delta", "generate", "--repo=/run/repo", "--inline", "--min-fallback-size=0",
      base ? `--from=${base}` : "--empty", `--to=${to}`, "--filename=/run/out/delta",
    ],
    {
      binds: [
        { source: store.repo, target: "/run/repo" },
        { source: folder, target: "/run/out" },
      ],
    },
  );
  return (await stat(join(folder, "delta"))).size;
}
