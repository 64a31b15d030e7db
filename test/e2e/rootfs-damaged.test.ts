/**
 * What a power cut may have taken of what builds keep: zeros or nothing in its place. The next build sees it, and gives
 * the same bytes.
 */
import { readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { run } from "../../provider/local/run.ts";
import { rootfs } from "../../provider/resources/rootfs/rootfs.ts";
import { type Bench, Life, startBench } from "./life.ts";

let bench: Bench;
let life: Life;
const inputs = { packages: ["nano"] };
beforeAll(async () => {
  bench = await startBench("damaged");
  life = new Life(rootfs, bench.config);
  await life.up(inputs);
});
afterAll(() => bench?.end());

/** Files below a folder of the cache that fit. */
const files = (folder: string, fits: RegExp) =>
  readdirSync(join(bench.config.cache, folder), { recursive: true, withFileTypes: true })
    .map((e) => [join(e.parentPath, e.name), e.isFile()] as const)
    .filter(([path, file]) => file && fits.test(path))
    .map(([path]) => path);

it("an initramfs, a toolbox, apk, branches, and what is known of the packages' commit are made again", async () => {
  const zeros = [
    ...files("initramfs", /\.img$/),
    ...files("toolbox", /\/bin\/(ostree|busybox)$|sbin\/kmod$/),
    ...files("apk", /\/apk$/),
    ...files("bases", /skeleton\.tar$/),
  ];
  const nothing = [...files("toolbox", /toolbox\/[^/]*\.json$/), ...files("bases", /refs\/heads\/part\//)];
  expect(zeros.length).toBeGreaterThanOrEqual(4);
  expect(nothing.length).toBeGreaterThanOrEqual(4);
  const before = zeros.map((path) => readFileSync(path));
  for (const path of zeros) writeFileSync(path, Buffer.alloc(readFileSync(path).length));
  for (const path of nothing) truncateSync(path);
  // the store knows nothing, so that everything is made of the cache; a process of its own, which has looked at nothing
  // yet
  rmSync(bench.config.store, { recursive: true });
  const argv = ["--import", "tsx", "test/e2e/build-rootfs.ts", JSON.stringify({ config: bench.config, inputs })];
  const { stdout } = await run(process.execPath, argv, { cwd: join(import.meta.dirname, "../.."), timeout: 600_000 });
  expect(JSON.parse(stdout)).toEqual({ digest: life.state.digest, checksum: life.state.checksum });
  expect(zeros.filter((path) => readFileSync(path).every((byte) => byte === 0))).toEqual([]);
  // a skeleton has the times of when it was made
  const other = zeros.filter((path, n) => !readFileSync(path).equals(before[n]!));
  expect(other.filter((path) => !path.endsWith("skeleton.tar"))).toEqual([]);
});
