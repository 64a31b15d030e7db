/**
 * A store whose files were changed, cut off or lost a bit: each is refused by name before anything is sent, and made
 * anew.
 */
import { readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { diskImage as buildImage, readImage } from "../../provider/image/disk/image.ts";
import { hasCommit } from "../../provider/image/ostree/check.ts";
import type { Store } from "../../provider/image/store/store.ts";
import { sysrootTar } from "../../provider/image/sysroot/archive.ts";
import { ostreeCommit } from "../../provider/resources/commit/commit.ts";
import { type CommitArtifacts, findArtifacts } from "../../provider/resources/hijack/plan/artifacts.ts";
import { rootfs } from "../../provider/resources/rootfs/rootfs.ts";
import { type ImageLab, startImageLab } from "./image-lab.ts";
import { Life, testCall } from "./life.ts";

let lab: ImageLab;
let store: Store;
let system: Life;
let life: Life;
const made: string[] = [];
let artifacts: CommitArtifacts;
const call = () => testCall({ ...lab.config(), store: store.dir });
beforeAll(async () => {
  lab = await startImageLab();
  store = await lab.ownStore();
  const config = { ...lab.config(), store: store.dir };
  [system, life] = [new Life(rootfs, config), new Life(ostreeCommit, config)];
  for (const packages of [["tree"], ["nano"]]) {
    await system.up({ packages });
    await life.up({ rootfs: system.state.digest! });
    made.push(String(life.state.checksum));
  }
  const options = { title: "test" };
  await buildImage({ ...lab, store, task: call() }, made[1]!, options);
  const image = await readImage(store, made[1]!, options);
  artifacts = (await findArtifacts(made[1]!, call(), image!.sha256))!;
});
afterAll(() => lab?.end());

function flip(path: string): void {
  const bytes = readFileSync(path);
  bytes[Math.floor(bytes.length / 2)]! ^= 1;
  writeFileSync(path, bytes);
}
const cut = (path: string) => truncateSync(path, statSync(path).size - 1);

const kinds: [string, string, () => Promise<unknown>][] = [
  ["delta", "deltas", () => artifacts.delta(made[0]!, call())],
  ["sysroot", "sysroots", () => artifacts.sysroot("zstd", call())],
  ["disk image", "images", () => artifacts.diskImage(call())],
];

it.each(kinds)("a %s with a flipped bit is refused, and made anew", async (what, folder, get) => {
  await get();
  const [name] = readdirSync(store.path(folder)).filter((n) => !n.endsWith(".json"));
  flip(store.path(folder, name!));
  await expect(get()).rejects.toThrow(
    new RegExp(`the ${what} in the store is damaged: .*${name} was changed since it was made; run .pulumi up. again`),
  );
  // the image is of a resource of its own, whose next diff sees that it is missing
  if (folder !== "images") await get();
});

it.each(kinds.slice(0, 2))("a %s that was cut off counts as missing", async (_, folder, get) => {
  const [name] = readdirSync(store.path(folder)).filter((n) => !n.endsWith(".json"));
  const whole = readFileSync(store.path(folder, name!));
  cut(store.path(folder, name!));
  await get();
  const size = statSync(store.path(folder, name!)).size;
  expect(Math.abs(size - whole.length)).toBeLessThan(whole.length / 100);
});

/** The largest file of a repository. */
const largest = (repo: string) =>
  readdirSync(join(repo, "objects"))
    .flatMap((head) => readdirSync(join(repo, "objects", head)).map((name) => join(repo, "objects", head, name)))
    .filter((path) => path.endsWith(".filez"))
    .sort((a, b) => statSync(b).size - statSync(a).size)[0]!;

it("a commit one of whose files has a flipped bit is found when a sysroot is made of it, and committed anew", async () => {
  flip(largest(store.repo));
  await expect(sysrootTar({ ...lab, store, task: call() }, made[0]!)).rejects.toThrow(
    /commit \S+ in the store is damaged: one of its files was changed since it was made; run .pulumi up. again/,
  );
  expect(await hasCommit(store, made[0]!)).toBe(false);
  await system.up({ packages: ["tree"] });
  await life.up({ rootfs: system.state.digest! });
  expect(life.state.checksum).toBe(made[0]);
  await sysrootTar({ ...lab, store, task: call() }, made[0]!);
});

it("so is one of the cache's, when a Rootfs is made of it, and installed anew", async () => {
  const config = { ...lab.config(await lab.ownStore()), cache: join(lab.folder(), "cache") };
  const first = new Life(rootfs, config);
  await first.up({ packages: ["tree"] });
  flip(largest(join(config.cache, "bases", "repo")));
  const second = new Life(rootfs, { ...config, store: (await lab.ownStore()).dir });
  await expect(second.up({ packages: ["tree"] })).rejects.toThrow(/commit \S+ in the cache is damaged/);
  await second.up({ packages: ["tree"] });
  expect(second.state.checksum).toBe(first.state.checksum);
});
