/** DiskImage's preview refuses a root that the commit does not boot from, before anything is made. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { Unknown } from "../../../../provider/properties/values.ts";
import type { Call } from "../../../../provider/resource.ts";
import { diskImage } from "../../../../provider/resources/images/disk-image.ts";

const commit = "c1".repeat(32);
let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "diskimage-root-"));
});
afterEach(() => rmSync(dir, { recursive: true }));

const call = (): Call => ({
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
  config: { store: dir, cache: dir, mirror: "", release: "", keys: {} },
});
const put = (path: string, text: string) => {
  mkdirSync(dirname(join(dir, path)), { recursive: true });
  writeFileSync(join(dir, path), text);
};
const preview = (filesystem: string, filesystems?: string[]) => {
  put(`repo/objects/${commit.slice(0, 2)}/${commit.slice(2)}.commit`, "");
  put(`commits/${commit}.json`, JSON.stringify({ checksum: commit, rootfs: commit, arch: "x86_64", filesystems }));
  return diskImage.create(call(), { inputs: { commit, filesystem } });
};
const refused =
  /^filesystem: the initramfs of commit c1c1c1c1c1c1 does not mount btrfs; add "btrfs-progs" to `packages`.*leave filesystem out/;

test("btrfs is refused where the initramfs has it not, also of a commit from before that was kept", async () => {
  await expect(preview("btrfs", ["ext4", "xfs"])).rejects.toThrow(refused);
  await expect(preview("btrfs")).rejects.toThrow(refused);
});
test.each(["ext4", "xfs", "btrfs"])("%s is taken where it is there", async (filesystem) => {
  const { state } = await preview(filesystem, ["ext4", "xfs", "btrfs"]);
  expect(state).toMatchObject({ commit, sha256: Unknown.value });
});
