/** Another architecture: the same code resolves and locks it; to build it, it says what that takes. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { LockedPackage } from "../../provider/image/packages/mirror.ts";
import { resolvePackages } from "../../provider/resources/rootfs/resolve-packages.ts";
import { rootfs } from "../../provider/resources/rootfs/rootfs.ts";
import { buildIndex } from "../lab/mirror/apk-format.ts";
import { readIndex } from "../lab/mirror/apk-reader.ts";
import { labKey } from "../lab/mirror/cache.ts";
import { BRANCH, REPOSITORIES } from "../lab/mirror/tree.ts";
import { type Bench, Life, startBench, testCall } from "./life.ts";

let bench: Bench;
beforeAll(async () => {
  bench = await startBench("arch");
  // the lab's own indexes with another architecture written in them: what apk resolves from
  const indexes = new Map<string, Buffer>();
  for (const repo of REPOSITORIES) {
    const file = join(bench.tree.dir, "alpine", BRANCH, repo, "x86_64", "APKINDEX.tar.gz");
    const records = (await readIndex(await readFile(file))).map((r) => r.replace(/^A:x86_64$/m, "A:aarch64"));
    indexes.set(`${BRANCH}/${repo}/aarch64/APKINDEX.tar.gz`, await buildIndex(records, "lab", await labKey()));
  }
  bench.fault.of = (path) => {
    const body = [...indexes].find(([end]) => path.endsWith(end))?.[1];
    return body && { body };
  };
});
afterAll(() => bench?.end());

it("aarch64 is resolved and locked, and its building refused with what it takes", async () => {
  const life = new Life(rootfs, bench.config);
  const inputs = { arch: "aarch64", packages: ["nano"] };
  const state = await life.preview(inputs);
  const lock = state.lockedPackages as LockedPackage[];
  expect(lock.map((p) => p.name)).toEqual(expect.arrayContaining(["linux-virt", "musl", "nano", "ostree"]));
  expect(state.digest).toMatch(/^[0-9a-f]{64}$/);
  expect(life.said.warnings.join("\n")).toMatch(/aarch64 tree cannot be built here.*binfmt_misc/s);
  await expect(life.up(inputs)).rejects.toThrow(
    /arch: an aarch64 tree cannot be built here: .*run pulumi on an aarch64 machine/,
  );
  const other = await new Life(rootfs, bench.config).preview({ ...inputs, arch: "x86_64" });
  expect(other.digest).not.toBe(state.digest);
});

it("resolvePackages gives the lock of another architecture", async () => {
  const answer = await resolvePackages(testCall(bench.config), { arch: "aarch64", packages: ["nano"] });
  const lock = (answer as { result: { lockedPackages: LockedPackage[] } }).result.lockedPackages;
  expect(lock.map((p) => p.name)).toEqual(expect.arrayContaining(["nano"]));
});
