/** OstreeCommit and DiskImage as far as they go without building: checks, diffs and previews against what the store has. */
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { imageFormat } from "../../../provider/image/disk.ts";
import { imageName } from "../../../provider/image/disk-plan.ts";
import type { Call, Resource } from "../../../provider/resource.ts";
import { diskImage } from "../../../provider/resources/diskimage.ts";
import { ostreeCommit } from "../../../provider/resources/ostreecommit.ts";
import { type Props, Unknown } from "../../../provider/values.ts";

const digest = "d1".repeat(32);
const other = "d2".repeat(32);
const tree = "c1".repeat(32);
const versioned = "c2".repeat(32);

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "store-resources-"));
});
afterEach(() => rmSync(dir, { recursive: true }));

const call = (): Call => ({
  ...{ urn: "urn:pulumi:s::p::pine:index:T::web", name: "web", type: "pine:index:T", stack: "p/s", preview: true },
  ...{ timeoutSeconds: 0, signal: new AbortController().signal, step() {}, warn() {}, info() {} },
  config: { store: join(dir, "store"), cache: join(dir, "cache"), mirror: "", release: "", keys: {} },
});
const put = (path: string, content: unknown) => {
  const file = join(dir, "store", path);
  mkdirSync(join(file, ".."), { recursive: true });
  writeFileSync(file, typeof content === "string" ? content : JSON.stringify(content));
};
const putCommit = (checksum: string, manifest?: object) => {
  put(`repo/objects/${checksum.slice(0, 2)}/${checksum.slice(2)}.commit`, "");
  if (manifest) put(`commits/${checksum}.json`, { checksum, rootfs: digest, arch: "x86_64", ...manifest });
};
const putRootfs = () => {
  putCommit(tree);
  put(`rootfs/${digest}.json`, { digest, checksum: tree, arch: "x86_64", kernelRelease: "6", size: 7, packages: 3 });
};
const check = (resource: Resource, news: Props) =>
  resource.check(call(), { news, olds: {}, randomSeed: new Uint8Array() });
const diff = (resource: Resource, olds: Props, oldInputs: Props, news: Props) =>
  resource.diff(call(), { id: "x", olds, oldInputs, news, ignoreChanges: [] });
const preview = async (resource: Resource, news: Props, olds?: Props, oldInputs: Props = {}) =>
  olds
    ? (await resource.update(call(), { id: "x", olds, oldInputs, news })).state
    : (await resource.create(call(), { inputs: news })).state;

describe("OstreeCommit", () => {
  const state = { checksum: tree, version: "0.1.4", ref: "pine/x86_64/stable", repo: "/r", rootfs: digest, size: 7 };

  test.each([
    ["no rootfs", {}, "rootfs", /is missing: give the digest of a Rootfs/],
    ["a path as rootfs", { rootfs: "/srv/root" }, "rootfs", /digest of a Rootfs \(64 hex digits\), got/],
    ["a version that is none", { rootfs: digest, version: "1.4" }, "version", /semver.*got "1.4"/],
    ["a ref with a space", { rootfs: digest, ref: "pine/my ref" }, "ref", /a branch as OSTree names them/],
    ["a ref that leaves its folder", { rootfs: digest, ref: "../x" }, "ref", /a branch as OSTree names them/],
  ])("refuses %s", async (_, news, property, reason) => {
    const { failures = [] } = await check(ostreeCommit, news);
    expect(failures).toMatchObject([{ property, reason: expect.stringMatching(reason) }]);
  });

  test.each<[string, Props, Props]>([
    ["an unknown rootfs is an update", { rootfs: Unknown.value }, { rootfs: "update" }],
    ["another rootfs is an update", { rootfs: other }, { rootfs: "update" }],
    ["a version is an update", { rootfs: digest, version: "1.0.0" }, { version: "add" }],
    ["another ref is a replacement", { rootfs: digest, ref: "pine/edge" }, { ref: "add-replace" }],
    ["the ref that it has is nothing", { rootfs: digest, ref: "pine/x86_64/stable" }, {}],
    ["nothing is nothing", { rootfs: digest }, {}],
  ])("diff: %s", async (_, news, detailed) => {
    putRootfs();
    putCommit(tree, { version: "0.1.4" });
    expect(await diff(ostreeCommit, state, { rootfs: digest }, news)).toEqual({ detailed, changes: false });
  });
  test("diff: a commit that is gone from the store is a change", async () => {
    expect(await diff(ostreeCommit, state, { rootfs: digest }, { rootfs: digest })).toEqual({
      detailed: {},
      changes: true,
    });
  });

  test("preview of a create knows nothing of what is not built, and writes nothing", async () => {
    expect(await preview(ostreeCommit, { rootfs: digest })).toMatchObject({
      checksum: Unknown.value,
      version: "0.1.0",
      rootfs: digest,
    });
    expect(existsSync(join(dir, "store"))).toBe(false);
  });
  test("preview knows the checksum of a Rootfs that the store has", async () => {
    putRootfs();
    expect(await preview(ostreeCommit, { rootfs: digest })).toMatchObject({
      ...{ checksum: tree, version: "0.1.0", ref: "pine/x86_64/stable", size: 7 },
    });
  });
  test("preview with a version knows only what was committed with it", async () => {
    putRootfs();
    const news = { rootfs: digest, version: "2.0.0" };
    expect((await preview(ostreeCommit, news)).checksum).toBe(Unknown.value);
    putCommit(versioned, { version: "2.0.0" });
    expect(await preview(ostreeCommit, news)).toMatchObject({ checksum: versioned, version: "2.0.0" });
    expect((await preview(ostreeCommit, { ...news, version: "2.0.1" })).checksum).toBe(Unknown.value);
  });
  test("an update bumps the version and names its parent", async () => {
    const after = await preview(ostreeCommit, { rootfs: other }, state, { rootfs: digest });
    expect(after).toMatchObject({ checksum: Unknown.value, version: "0.1.5", parent: tree });
  });
  test("the same again, made anew, keeps version and checksum", async () => {
    expect(await preview(ostreeCommit, { rootfs: digest }, state, { rootfs: digest })).toEqual(state);
  });
  test("a commit keeps the highest version that was shown for it", async () => {
    putRootfs();
    putCommit(tree, { version: "0.3.0" });
    expect(await preview(ostreeCommit, { rootfs: digest })).toMatchObject({ version: "0.3.0" });
    putCommit(tree, { version: "0.0.9" });
    expect(await preview(ostreeCommit, { rootfs: digest })).toMatchObject({ version: "0.1.0" });
  });
  test("without its Rootfs it says what to do", async () => {
    const create = ostreeCommit.create({ ...call(), preview: false }, { inputs: { rootfs: digest } });
    await expect(create).rejects.toThrow(/rootfs d1d1d1d1d1d1 is not in the store .*; pass `digest` of a Rootfs/);
  });
});

describe("DiskImage", () => {
  const title = `Pine ${tree.slice(0, 12)}`;
  const name = imageName(tree, { title, console: ["tty0", "ttyS0,115200"] }, imageFormat());
  const partitions = [{ name: "root", type: "0FC63DAF-8483-4772-8E79-3D69D8477DE4", uuid: "u", start: 1, size: 2 }];
  const facts = {
    format: imageFormat(),
    size: 4,
    sha256: "ab",
    commit: tree,
    fileFormat: "raw.zst",
    label: "gpt",
    diskSize: 512 * 1024 * 1024,
    rootUuid: "r",
    partitions,
  };
  const state = {
    ...{ sha256: "ab", fileSize: 4, size: 512, commit: tree, rootUuid: "r" },
    partitions: [{ name: "root", type: "linux", uuid: "u", start: 1, size: 2 }],
  };
  const path = () => join(dir, "store", "images", `${name}.raw.zst`);
  const putImage = () => {
    put(`images/${name}.raw.zst`, "1234");
    put(`images/${name}.json`, facts);
  };

  test.each([
    ["no commit", {}, "commit", /is missing: give the checksum of an OstreeCommit/],
    [
      "a format that is none",
      { commit: tree, format: "vmdk" },
      "format",
      /one of raw.zst, raw, qcow2, tar, got "vmdk"/,
    ],
    ["a format that is close", { commit: tree, format: "qcow" }, "format", /did you mean qcow2\?/],
    ["a label that is none", { commit: tree, label: "dos" }, "label", /one of gpt, mbr, got "dos"/],
    ["a filesystem that is none", { commit: tree, filesystem: "zfs" }, "filesystem", /ext4, xfs, btrfs, got "zfs"/],
    ["an ESP that is too small", { commit: tree, espSize: 4 }, "espSize", /from 8 to 1024, got 4; the size is in MiB/],
    [
      "an ESP of no number",
      { commit: tree, espSize: "large" },
      "espSize",
      /a whole number from 8 to 1024, got "large"/,
    ],
    ["an ESP of half a MiB", { commit: tree, espSize: 8.5 }, "espSize", /a whole number/],
    ["an ESP on an MBR", { commit: tree, label: "mbr", espSize: 8 }, "espSize", /none with label "mbr"/],
    [
      "an ESP as large as the disk",
      { commit: tree, espSize: 512, size: 512 },
      "espSize",
      /nothing for the system.*512 MiB/,
    ],
    ["no swap to speak of", { commit: tree, swap: 1 }, "swap", /from 16 to 262144, got 1; .* leave it out for none/],
    ["swap of no number", { commit: tree, swap: true }, "swap", /a whole number/],
    [
      "swap as large as the disk",
      { commit: tree, swap: 1024, size: 1024 },
      "swap",
      /swap 1024 MiB leave nothing.*1024 MiB/,
    ],
    [
      "swap and ESP",
      { commit: tree, swap: 600, espSize: 500, size: 1024 },
      "swap",
      /swap 600 and espSize 500 MiB leave/,
    ],
    [
      "a /boot of bytes",
      { commit: tree, bootSize: 2 ** 27 },
      "bootSize",
      /from 16 to 4096.*in MiB; leave it out for none/,
    ],
    [
      "a /boot as large as the disk",
      { commit: tree, bootSize: 512, size: 512 },
      "bootSize",
      /bootSize 512 MiB leave nothing.*512 MiB/,
    ],
    ["growing a little", { commit: tree, grow: "a little" }, "grow", /true or false, got "a little"/],
    ["bytes as size", { commit: tree, size: 2 ** 31 }, "size", /the size is in MiB/],
    ["Pine's own argument", { commit: tree, kernelArguments: ["root=/dev/sda"] }, "kernelArguments[0]", /set by Pine/],
    ["GRUB's characters", { commit: tree, kernelArguments: ["a=$b"] }, "kernelArguments[0]", /GRUB would interpret/],
    ["a hostname that is none", { commit: tree, hostname: "a b" }, "hostname", /a hostname/],
  ])("refuses %s", async (_, news, property, reason) => {
    const { failures = [] } = await check(diskImage, news);
    expect(failures).toMatchObject([{ property, reason: expect.stringMatching(reason) }]);
  });

  test.each<[string, Props, Props]>([
    ["an unknown commit is an update", { commit: Unknown.value }, { commit: "update" }],
    [
      "the defaults, written down, are nothing",
      { commit: tree, format: "raw.zst", label: "gpt", filesystem: "ext4", grow: true },
      {},
    ],
    ["another filesystem is an update", { commit: tree, filesystem: "xfs" }, { filesystem: "update" }],
    ["another format is an update", { commit: tree, format: "qcow2" }, { format: "update" }],
    ["not to grow is an update", { commit: tree, grow: false }, { grow: "update" }],
    ["swap is an update", { commit: tree, swap: 64 }, { swap: "add" }],
    ["a /boot is an update", { commit: tree, bootSize: 64 }, { bootSize: "add" }],
    ["another label is an update", { commit: tree, label: "mbr" }, { label: "update" }],
    ["another size is an update", { commit: tree, size: 1024 }, { size: "add" }],
    ["nothing is nothing", { commit: tree }, {}],
  ])("diff: %s", async (_, news, detailed) => {
    putImage();
    expect(await diff(diskImage, { ...state, path: "/elsewhere" }, { commit: tree }, news)).toEqual({
      detailed,
      changes: false,
    });
  });
  test("diff: an image that is gone, or cut, is a change", async () => {
    expect(await diff(diskImage, state, { commit: tree }, { commit: tree })).toEqual({ detailed: {}, changes: true });
    putImage();
    writeFileSync(path(), "12");
    expect(await diff(diskImage, state, { commit: tree }, { commit: tree })).toEqual({ detailed: {}, changes: true });
  });
  test("preview knows what the store has, and nothing else", async () => {
    const unbuilt = await preview(diskImage, { commit: tree, size: 1024 });
    expect(unbuilt).toMatchObject({ sha256: Unknown.value, path: Unknown.value, size: 1024, commit: tree });
    putImage();
    expect(await preview(diskImage, { commit: tree })).toEqual({ ...state, path: path() });
    expect((await preview(diskImage, { commit: tree, hostname: "web-1" })).sha256).toBe(Unknown.value);
    expect((await preview(diskImage, { commit: Unknown.value })).sha256).toBe(Unknown.value);
  });
  test("the same image made again: preview says so, and its bytes are not known before", async () => {
    const said: string[] = [];
    const args = { id: "x", olds: state, oldInputs: { commit: tree }, news: { commit: tree } };
    const after = await diskImage.update({ ...call(), info: (line) => said.push(line) }, args);
    expect(after.state).toMatchObject({ sha256: Unknown.value, path: Unknown.value });
    expect(said).toEqual([expect.stringMatching(/not in the store .*: it is made again/)]);
  });
  test("without its commit it says what to do", async () => {
    const create = diskImage.create({ ...call(), preview: false }, { inputs: { commit: tree } });
    await expect(create).rejects.toThrow(
      /commit c1c1c1c1c1c1 is not in the store .*; pass `checksum` of an OstreeCommit/,
    );
  });
});
