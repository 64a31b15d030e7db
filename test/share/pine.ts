/**
 * One `pulumi up` of a stack of the campaign, without Pulumi's engine: `{config, ask, known}` as JSON in the file that
 * is named. Answers a line of JSON: the stack's state, and what was made. Meanwhile it holds what a living one holds: a
 * working folder in store and cache, a private folder of SSH.
 */
import { existsSync, readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { privateFolder } from "../../provider/host/ssh/private-folder.ts";
import { ramSystem } from "../../provider/image/initramfs/ram-system.ts";
import { withTemp } from "../../provider/image/namespace/temp.ts";
import { staticDelta } from "../../provider/image/ostree/delta.ts";
import { Store } from "../../provider/image/store/store.ts";
import { sysrootTar } from "../../provider/image/sysroot/archive.ts";
import { machineArch } from "../../provider/image/toolbox/arch.ts";
import { toolbox } from "../../provider/image/toolbox/toolbox.ts";
import { ostreeCommit } from "../../provider/resources/commit/commit.ts";
import { diskImage } from "../../provider/resources/images/disk-image.ts";
import { rootfs } from "../../provider/resources/rootfs/rootfs.ts";
import { quietTask } from "../../provider/task.ts";
import { Life } from "../e2e/life.ts";
import type { Also, Ask } from "./plan.ts";

/**
 * What is on the disk once an `up` has said that it is done: a file, or (without sha256) a folder of the cache with its
 * manifest.
 */
export interface Made {
  path: string;
  sha256?: string;
}

/** What Pulumi would keep of a resource. */
export type Kept = Pick<Life, "id" | "inputs" | "state">;
export interface Stack {
  rootfs?: Kept;
  commit?: Kept;
  image?: Kept;
}
export interface Done {
  stack: Stack;
  made: Made[];
}

const { config, ask, known } = JSON.parse(readFileSync(process.argv[2] ?? "", "utf8")) as {
  config: Life["config"];
  ask: Ask;
  known: Stack;
};
const task = quietTask();
const kept = ({ id, inputs, state }: Life): Kept => ({ id, inputs, state });

async function up(): Promise<Done> {
  const tree = Object.assign(new Life(rootfs, config), known.rootfs);
  await tree.up(ask.rootfs as never);
  const commit = Object.assign(new Life(ostreeCommit, config), known.commit);
  await commit.up({ ...ask.commit, rootfs: tree.state.digest } as never);
  const store = await Store.open(config.store);
  const source = { ...config, arch: machineArch() };
  const workshop = { store, toolbox: await toolbox(source, task), task };
  const to = String(commit.state.checksum);
  const from = String(commit.state.history[1]?.checksum ?? "");
  const image = Object.assign(new Life(diskImage, config), known.image);
  const make: Record<Also, () => Promise<Made | undefined>> = {
    sysroot: () => sysrootTar(workshop, to),
    delta: async () => (from ? staticDelta(workshop, from, to) : undefined),
    image: async () => {
      const { path, sha256 } = await image.up({ commit: to, size: 512 });
      return { path: String(path), sha256: String(sha256) };
    },
    ram: async () => ({ path: (await ramSystem(workshop, source, to)).path }),
  };
  const made: Made[] = [];
  for (const what of ask.also) {
    const one = await make[what]();
    if (one) made.push({ path: one.path, sha256: one.sha256 });
  }
  // the resource is in the program no longer
  if (image.id && !ask.also.includes("image")) await image.destroy();
  return { stack: { rootfs: kept(tree), commit: kept(commit), image: image.id ? kept(image) : undefined }, made };
}

/** Runs `fn` beside a folder that nobody else may take. */
async function guarded<T>(what: string, dir: string, fn: () => Promise<T>): Promise<T> {
  const canary = join(dir, "canary");
  await writeFile(canary, "alive");
  const value = await fn();
  if (!existsSync(canary)) throw new Error(`TAKEN: the ${what} of this process was removed while it lived: ${dir}`);
  return value;
}

async function main(): Promise<Done> {
  const ssh = await privateFolder();
  try {
    return await guarded("private folder", ssh.path, () =>
      withTemp(join(config.store, "tmp"), (a) =>
        guarded("store's working folder", a, () =>
          withTemp(join(config.cache, "tmp"), (b) => guarded("cache's working folder", b, up)),
        ),
      ),
    );
  } finally {
    ssh.remove();
  }
}

main().then(
  (done) => {
    process.stdout.write(`${JSON.stringify(done)}\n`, () => process.exit(0));
  },
  (e) => {
    console.error(e);
    process.exit(1);
  },
);
