/**
 * Two repositories with the same name and version, built apart: the lock and the built file are apk's choice. 1231 of
 * 5004 packages of Alpine 3.17's main are in 3.16's by the same name and version, each built again (apko's test data).
 */
import { afterAll, beforeAll, expect, it } from "vitest";
import type { LockedPackage } from "../../provider/image/packages/mirror.ts";
import { Store } from "../../provider/image/store/store.ts";
import { type Toolbox, toolbox } from "../../provider/image/toolbox/toolbox.ts";
import { toolsOf } from "../../provider/resources/rootfs/lock.ts";
import { rootfs } from "../../provider/resources/rootfs/rootfs.ts";
import { quietTask } from "../../provider/task.ts";
import { buildIndex, buildPackage, type PackageSpec } from "../lab/mirror/apk-format.ts";
import { labKey } from "../lab/mirror/cache.ts";
import type { Fault } from "../lab/mirror/server.ts";
import { type Bench, Life, startBench } from "./life.ts";
import { Committed } from "./rootfs-tree.ts";

let bench: Bench;
let box: Toolbox;
const served = new Map<string, Buffer>();

/** A repository at /<path> of the mirror. */
async function repository(path: string, packages: PackageSpec[]): Promise<void> {
  const key = await labKey();
  const built = await Promise.all(packages.map((p) => buildPackage(p, key)));
  for (const { fileName, bytes } of built) served.set(`${path}/x86_64/${fileName}`, bytes);
  const index = await buildIndex(
    built.map((b) => b.index),
    path,
    key,
  );
  served.set(`${path}/x86_64/APKINDEX.tar.gz`, index);
}

const tool = (content: string, more: Partial<PackageSpec> = {}): PackageSpec => ({
  name: "tool",
  version: "1.0-r0",
  description: content,
  files: [{ path: "usr/share/tool", content }],
  ...more,
});

beforeAll(async () => {
  bench = await startBench("choice");
  box = await toolbox(toolsOf(bench.config), quietTask());
  bench.fault.of = (path): Fault | undefined => {
    const body = served.get(path.replace(/^\//, ""));
    return body && { body };
  };
  await repository("v3.23/one", [tool("one")]);
  await repository("v3.23/two", [
    tool("two", { depends: ["so:libtwo.so.9"] }),
    {
      name: "libtwo",
      version: "9-r0",
      description: "two",
      provides: ["so:libtwo.so.9=9"],
      files: [{ path: "usr/share/libtwo", content: "two" }],
    },
    { name: "other", version: "2-r0", description: "two", files: [{ path: "usr/share/other", content: "two" }] },
  ]);
});
afterAll(() => bench?.end());

it.each([
  { asks: ["tool"], repositories: ["one", "two"], is: "one" },
  { asks: ["tool"], repositories: ["two", "one"], is: "two" },
  { asks: ["tool", "other@x"], repositories: ["one", "@x two"], is: "one" },
  { asks: ["tool", "other@x"], repositories: ["@x two", "one"], is: "one" },
  { asks: ["tool@x"], repositories: ["one", "@x two"], is: "two" },
  { asks: ["tool@x"], repositories: ["@x one", "two"], is: "one" },
  { asks: ["tool", "libtwo"], repositories: ["one", "two"], is: "one" },
])("$asks of $repositories is that of $is", async ({ asks, repositories, is }) => {
  const life = new Life(rootfs, bench.config);
  const inputs = { target: "container", packages: asks, repositories: ["main", "community", ...repositories] };
  const promised = await life.preview(inputs);
  const of = (state: unknown) =>
    (state as { lockedPackages: LockedPackage[] }).lockedPackages.find((p) => p.name === "tool");
  expect(of(promised)?.repository).toBe(is);
  await life.up(inputs);
  expect(of(life.state)).toEqual(of(promised));
  const tree = await Committed.of(await Store.open(bench.config.store!), box, String(life.state.checksum));
  expect(await tree.text("/usr/share/tool")).toBe(is);
  expect(await life.diff(inputs)).toEqual({ detailed: {}, changes: false });
});
