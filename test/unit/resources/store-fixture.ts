/**
 * What tests of resources find in a store: its files as they lie there, made by hand. Each test has a store of its own.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach } from "vitest";
import type { Props } from "../../../provider/properties/values.ts";
import type { Call, Resource } from "../../../provider/resource.ts";

export const digest = "d1".repeat(32);
export const other = "d2".repeat(32);
export const tree = "c1".repeat(32);
export const versioned = "c2".repeat(32);

export let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "store-resources-"));
});
afterEach(() => rmSync(dir, { recursive: true }));

export const call = (): Call => ({
  urn: "urn:pulumi:s::p::pine:index:T::web",
  name: "web",
  type: "pine:index:T",
  stack: "p/s",
  preview: true,
  timeoutSeconds: 0,
  signal: new AbortController().signal,
  step() {},
  warn() {},
  info() {},
  config: { store: join(dir, "store"), cache: join(dir, "cache"), mirror: "", release: "", keys: {} },
});
export const put = (path: string, content: unknown) => {
  const file = join(dir, "store", path);
  mkdirSync(join(file, ".."), { recursive: true });
  writeFileSync(file, typeof content === "string" ? content : JSON.stringify(content));
};
export const putCommit = (checksum: string, manifest?: object) => {
  put(`repo/objects/${checksum.slice(0, 2)}/${checksum.slice(2)}.commit`, "");
  if (manifest) put(`commits/${checksum}.json`, { checksum, rootfs: digest, arch: "x86_64", ...manifest });
};
/** Of a commit that need not be there any more. */
export const putManifest = (checksum: string, manifest: object) =>
  put(`commits/${checksum}.json`, { checksum, rootfs: digest, arch: "x86_64", ...manifest });
export const putRootfs = () => {
  putCommit(tree);
  put(`rootfs/${digest}.json`, { digest, checksum: tree, arch: "x86_64", kernelRelease: "6", size: 7, packages: 3 });
};
export const check = (resource: Resource, news: Props) =>
  resource.check(call(), { news, olds: {}, randomSeed: new Uint8Array() });
export const diff = (resource: Resource, olds: Props, oldInputs: Props, news: Props) =>
  resource.diff(call(), { id: "x", olds, oldInputs, news, ignoreChanges: [] });
export const preview = async (resource: Resource, news: Props, olds?: Props, oldInputs: Props = {}) =>
  olds
    ? (await resource.update(call(), { id: "x", olds, oldInputs, news })).state
    : (await resource.create(call(), { inputs: news })).state;
