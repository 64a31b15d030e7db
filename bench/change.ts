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
import { Store } from "../provider/image/store/store.ts";
import { toolbox } from "../provider/image/toolbox/toolbox.ts";
import { readRootfs } from "../provider/image/tree/record.ts";
import { toolsOf } from "../provider/resources/rootfs/lock.ts";
import { rootfs } from "../provider/resources/rootfs/rootfs.ts";
import { quietTask } from "../provider/task.ts";
import { Life, startBench } from "../test/e2e/life.ts";
import { median, seconds } from "./measure.ts";

export const LIMITS = { changed: 0.2, bytes: 1.05 };

export async function benchChange(rounds: number, say: (line: string) => void): Promise<boolean> {
  const bench = await startBench("bench");
  const task = quietTask();
  try {
    const tools = toolsOf(bench.config);
    const inputs = (motd: string) => ({ packages: ["nano"], files: { "/etc/motd": { content: motd } } });
    await new Life(rootfs, bench.config).up(inputs("0\n")); // fills the package cache
    const box = await toolbox(tools, task);
    const times = { full: [] as number[], fromNothing: [] as number[], changed: [] as number[] };
    const bytes: Record<string, number> = {};
    for (let n = 1; n <= rounds; n++) {
      await removeTree(join(tools.cache, "bases"));
      const config = bench.with({ store: join(bench.work, `store-${n}`) });
      const store = await Store.open(config.store);
      const workshop = { store, toolbox: box, task };
      const life = new Life(rootfs, config);
      const build = async (motd: string) => {
        await life.up(inputs(motd));
        const { checksum } = await commitFromRootfs(
          workshop,
          (await readRootfs(store, String(life.state.digest)))!,
          {},
        );
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
      if (n === 1)
        for (const [what, base] of [["one file", from] as const, ["from nothing", undefined] as const]) {
          const out = join(bench.work, "by-hand", what.replace(" ", "-"));
          await mkdir(out, { recursive: true });
          await box.run(
            [
              ...["ostree", "static-delta", "generate", "--repo=/run/repo", "--inline", "--min-fallback-size=0"],
              ...[base ? `--from=${base}` : "--empty", `--to=${base ? to : from}`, "--filename=/run/out/delta"],
            ],
            {
              binds: [
                { source: store.repo, target: "/run/repo" },
                { source: out, target: "/run/out" },
              ],
            },
          );
          const ours = await staticDelta(workshop, base, base ? to : from);
          bytes[what] = ours.size / (await stat(join(out, "delta"))).size;
          say(`delta ${what}: ${ours.size} bytes, ${bytes[what].toFixed(3)} of one by hand (at most ${LIMITS.bytes})`);
        }
      const [full, nothing, changed] = [times.full, times.fromNothing, times.changed].map((t) => t.at(-1)!.toFixed(1));
      say(`round ${n}: full build ${full} s and its delta from nothing ${nothing} s, one file changed ${changed} s`);
    }
    const changed = median(times.changed);
    const all = median(times.full) + median(times.fromNothing);
    say(
      `one file changed against a full build: ${(changed / all).toFixed(2)} (at most ${LIMITS.changed}); without the delta from nothing: ${(changed / median(times.full)).toFixed(2)} (no limit)`,
    );
    return changed / all <= LIMITS.changed && Object.values(bytes).every((b) => b <= LIMITS.bytes);
  } finally {
    await bench.end();
  }
}
