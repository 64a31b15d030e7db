/** What tests of image/ share: the lab's mirror, a toolbox, and Rootfs built from it, each once a machine. */
import { mkdtempSync } from "node:fs";
import { cp, mkdir, readdir, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { Target } from "../../provider/boot/target.ts";
import { removeTree } from "../../provider/image/namespace/run-in.ts";
import { apkTool } from "../../provider/image/packages/apk.ts";
import { fetchIndexes } from "../../provider/image/packages/mirror-index.ts";
import { resolve } from "../../provider/image/packages/resolve.ts";
import { recipeDigest, world } from "../../provider/image/recipe/recipe.ts";
import type { Recipe } from "../../provider/image/recipe/types.ts";
import { Store } from "../../provider/image/store/store.ts";
import { type Toolbox, type ToolboxSource, toolbox } from "../../provider/image/toolbox/toolbox.ts";
import { buildRootfs } from "../../provider/image/tree/build.ts";
import { builder } from "../../provider/image/tree/builder.ts";
import type { RootfsRecord } from "../../provider/image/tree/record.ts";
import { sha256 } from "../../provider/local/hash.ts";
import type { Config } from "../../provider/resource.ts";
import { quietTask, type Task } from "../../provider/task.ts";
import { ensureMirror } from "../lab/mirror/index.ts";
import { serveMirror } from "../lab/mirror/server.ts";
import { labCache } from "../lab/processes.ts";
import { labKey, withLock } from "../lab/vps/key.ts";
import { aRecipe } from "../unit/image/recipe/a-recipe.ts";

export interface ImageLab {
  /** The store that all tests share: what is in it was built by this provider from this mirror. */
  store: Store;
  toolbox: Toolbox;
  task: Task;
  /**
   * The lab's Rootfs (root logs in by the lab's key), with more packages, in the shared store or another, of a machine
   * or a container; `more`: other settings.
   */
  rootfs(packages?: string[], store?: Store, target?: Target, more?: Partial<Recipe>): Promise<RootfsRecord>;
  /** An empty store of this test's own. */
  ownStore(): Promise<Store>;
  /** A store of this test's own with everything that is committed in the shared one, and nothing made of it. */
  copiedStore(at?: string): Promise<Store>;
  /** The provider's configuration, with the shared store or another. */
  config(store?: Store): Config;
  /** An empty folder of this test's own. */
  folder(): string;
  end(): Promise<void>;
}

/** Starts the mirror and has the toolbox. `tell` gets a line for each step. */
export async function startImageLab(tell: (line: string) => void = () => {}): Promise<ImageLab> {
  const tree = await ensureMirror(tell);
  const server = await serveMirror(tree);
  const folders: string[] = [];
  const end = async () => {
    await server.close();
    for (const folder of folders) await removeTree(folder);
  };
  try {
    const task: Task = { ...quietTask(), step: tell, warn: tell };
    const tools: ToolboxSource = {
      cache: dirname(labCache()),
      mirror: server.url,
      release: "v3.23",
      arch: "x86_64",
      keys: tree.keys,
    };
    const key = (await labKey()).public;
    const shared = sha256(`${builder()} ${tree.dir} ${key}`).slice(0, 16);
    const store = await Store.open(join(labCache(), "stores", shared));
    await forgetOldStores(store.dir);
    const folder = () => {
      const dir = mkdtempSync(join(tmpdir(), "pine-image-"));
      folders.push(dir);
      return dir;
    };
    return {
      store,
      toolbox: await toolbox(tools, task),
      task,
      folder,
      ownStore: () => Store.open(join(folder(), "store")),
      copiedStore: (at = join(folder(), "store")) =>
        store.withLock(task, async () => {
          const copy = await Store.open(at);
          await mkdir(store.path("commits"), { recursive: true }); // nothing was committed in a new one
          const parts = ["repo", "commits", "rootfs"].map((part) => [store.path(part), copy.path(part)] as const);
          for (const [from, to] of parts) await cp(from, to, { recursive: true });
          return copy;
        }),
      config: (of = store) => ({ ...tools, store: of.dir }),
      rootfs: (packages = [], into = store, target = "vm", more = {}) =>
        labRootfs(into, tools, { ...more, packages, target }, key, task),
      end,
    };
  } catch (e) {
    await end();
    throw e;
  }
}

/** Keeps the three newest: each change of what builds a Rootfs makes another, and an older one may still be in use. */
async function forgetOldStores(current: string): Promise<void> {
  const others: { path: string; used: number }[] = [];
  for (const name of await readdir(dirname(current))) {
    const path = join(dirname(current), name);
    if (path !== current) others.push({ path, used: (await stat(path)).mtimeMs });
  }
  others.sort((a, b) => b.used - a.used);
  for (const old of others.slice(2)) await removeTree(old.path);
}

async function labRootfs(
  store: Store,
  tools: ToolboxSource,
  { packages, target, ...more }: Pick<Recipe, "packages" | "target"> & Partial<Recipe>,
  key: string,
  task: Task,
): Promise<RootfsRecord> {
  const recipe = aRecipe({
    ...more,
    release: tools.release,
    arch: tools.arch,
    mirror: tools.mirror,
    keys: tools.keys,
    repositories: ["community", "main"],
    packages,
    authorizedKeys: [key],
    ...(target === "container" ? { target, kernel: "none" } : {}),
  });
  const indexes = await fetchIndexes(recipe.repositories, tools, task);
  const lock = await resolve(await apkTool(tools, task), { packages: world(recipe), indexes }, tools, task);
  // the mirror's port is another one each time, which is to build nothing anew
  const fixed = { ...recipe, mirror: "http://127.0.0.1/alpine" };
  const digest = recipeDigest(fixed, lock, builder());
  // one at a time: a digest made for two ports at once would be two trees
  return withLock(join(labCache(), "rootfs"), () =>
    buildRootfs(
      store,
      { digest, recipe, lock, contents: new Map(), archives: new Map(), modules: new Map() },
      tools,
      task,
    ),
  );
}
