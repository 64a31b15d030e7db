/**
 * `npm run bench -- rootfs [ROUNDS]`: a Rootfs from the cache against `apk add` of the same packages by hand into an
 * empty root. The cache holds only packages (a machine's first build), or a Rootfs of the same kernel (one package
 * more), or the same packages installed (another store). Also a change of one file against the first. Prints ratios of
 * runs side by side, in turns: absolute times depend on the machine.
 */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { removeTree } from "../provider/image/namespace/run-in.ts";
import { apkTool } from "../provider/image/packages/apk.ts";
import { fetchPackages, type LockedPackage } from "../provider/image/packages/mirror.ts";
import { toolbox } from "../provider/image/toolbox/toolbox.ts";
import { toolsOf } from "../provider/resources/rootfs/lock.ts";
import { rootfs } from "../provider/resources/rootfs/rootfs.ts";
import { quietTask } from "../provider/task.ts";
import { type Bench, Life, startBench } from "../test/e2e/life.ts";
import { median, seconds } from "./measure.ts";

export const LIMITS = { whole: 1.15, oneFile: 0.2 };

/** Seconds of each round. */
interface Times {
  hand: number[];
  whole: number[];
  newLock: number[];
  onePackage: number[];
  oneFile: number[];
}

const INPUTS = { packages: ["nano", "lighttpd", "curl", "htop"], files: { "/etc/motd": { content: "0\n" } } };

export async function benchRootfs(rounds: number, say: (line: string) => void): Promise<boolean> {
  const bench = await startBench("bench");
  try {
    const first = new Life(rootfs, bench.config);
    await first.up(INPUTS); // fills the caches
    const lock = first.state.lockedPackages as LockedPackage[];
    const byHand = await installByHand(bench, lock);
    const times: Times = { hand: [], whole: [], newLock: [], onePackage: [], oneFile: [] };
    for (let n = 1; n <= rounds; n++) {
      times.hand.push(await byHand(n));
      await round(bench, n, times);
      const last = (of: keyof Times) => times[of].at(-1)!.toFixed(2);
      say(
        `round ${n}: by hand ${last("hand")} s, lock new ${last("newLock")} s, one package more ${last("onePackage")} s, whole ${last("whole")} s, one file ${last("oneFile")} s`,
      );
    }
    return judge(times, lock.length, say);
  } finally {
    await bench.end();
  }
}

/** Installs the packages with `apk add` into an empty root, and answers the seconds. */
async function installByHand(bench: Bench, lock: LockedPackage[]): Promise<(n: number) => Promise<number>> {
  const task = quietTask();
  const tools = toolsOf(bench.config);
  const box = await toolbox(tools, task);
  const apk = await apkTool(tools, task);
  const files = await fetchPackages(lock, tools, task);
  const folder = join(tools.cache, "packages", tools.arch);
  const names = files.map((f) => `/run/packages/${f.slice(folder.length + 1)}`);
  return async (n) => {
    const dir = join(bench.work, `hand-${n}`);
    await mkdir(dir);
    const took = await seconds(() =>
      box.run(
        // what a person would type; a warm cache needs no network
        // biome-ignore format: what belongs together is in one line
        [
          "apk", "add", "--root", "/run/tree", "--initdb", "--arch", tools.arch, "--keys-dir", "/run/keys",
          "--repositories-file", "/dev/null", "--no-network", "--no-cache", "--no-progress", ...names,
        ],
        {
          binds: [
            { source: folder, target: "/run/packages", readOnly: true },
            { source: apk.keys, target: "/run/keys", readOnly: true },
            { source: dir, target: "/run/tree" },
          ],
        },
      ),
    );
    await removeTree(dir);
    return took;
  };
}

async function round(bench: Bench, n: number, times: Times): Promise<void> {
  // only the packages are in the cache, as after a change of the lock
  await removeTree(join(toolsOf(bench.config).cache, "bases"));
  const fresh = new Life(rootfs, bench.with({ store: join(bench.work, `fresh-${n}`) }));
  times.newLock.push(await seconds(() => fresh.up(INPUTS)));
  const life = new Life(rootfs, bench.with({ store: join(bench.work, `store-${n}`) }));
  times.whole.push(await seconds(() => life.up(INPUTS)));
  // in a store that has the previous system, as after any change of the lock
  const more = { ...INPUTS, packages: [...INPUTS.packages, "tree"] };
  times.onePackage.push(await seconds(() => fresh.up(more)));
  times.oneFile.push(await seconds(() => life.up({ ...INPUTS, files: { "/etc/motd": { content: `${n}\n` } } })));
}

/** Says the ratios; whether they keep their limits. */
function judge({ hand, whole, newLock, onePackage, oneFile }: Times, count: number, say: (line: string) => void) {
  const ratios = {
    first: median(newLock) / median(hand),
    onePackage: median(onePackage) / median(hand),
    whole: median(whole) / median(hand),
    oneFile: median(oneFile) / median(newLock),
  };
  say(
    `the first build of a machine, compressing everything, against apk add by hand: ${ratios.first.toFixed(2)} (no limit)`,
  );
  say(`one package more against apk add by hand: ${ratios.onePackage.toFixed(2)} (at most ${LIMITS.whole})`);
  say(
    `${count} packages; a Rootfs in another store, from the cache, against apk add by hand: ${ratios.whole.toFixed(2)} (at most ${LIMITS.whole})`,
  );
  say(`one file changed against a lock that is new: ${ratios.oneFile.toFixed(2)} (at most ${LIMITS.oneFile})`);
  return ratios.onePackage <= LIMITS.whole && ratios.whole <= LIMITS.whole && ratios.oneFile <= LIMITS.oneFile;
}
