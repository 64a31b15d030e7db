/** ContainerTemplate as far as it goes without building: checks, diffs and previews against what the store has. */
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { templateFormat, templateName } from "../../../../provider/image/template/template.ts";
import { type Props, Unknown } from "../../../../provider/properties/values.ts";
import type { Call } from "../../../../provider/resource.ts";
import { containerTemplate } from "../../../../provider/resources/images/container-template.ts";
import { diskImage } from "../../../../provider/resources/images/disk-image.ts";

const commit = "c1".repeat(32);
const rootfs = "d1".repeat(32);
const name = templateName(commit);

let dir: string;
let said: string[];
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "containertemplate-"));
  said = [];
});
afterEach(() => rmSync(dir, { recursive: true }));

const call = (preview = true): Call => ({
  urn: "urn:pulumi:s::p::pine:index:T::web",
  name: "web",
  type: "pine:index:T",
  stack: "p/s",
  preview,
  timeoutSeconds: 0,
  signal: new AbortController().signal,
  step() {},
  warn() {},
  info: (m) => void said.push(m),
  config: { store: join(dir, "store"), cache: join(dir, "cache"), mirror: "", release: "", keys: {} },
});
const put = (path: string, content: unknown) => {
  const file = join(dir, "store", path);
  mkdirSync(join(file, ".."), { recursive: true });
  writeFileSync(file, typeof content === "string" ? content : JSON.stringify(content));
};
const putCommit = (target?: string) => {
  put(`repo/objects/${commit.slice(0, 2)}/${commit.slice(2)}.commit`, "");
  put(`commits/${commit}.json`, { checksum: commit, rootfs, arch: "x86_64", target });
};
const facts = (fileFormat: string, sha256: string) => ({
  format: templateFormat(),
  size: 4,
  sha256,
  commit,
  fileFormat,
  unpackedSize: 9,
});
const putTemplate = () => {
  put(`images/${name}.tar.zst`, "1234");
  put(`images/${name}.json`, facts("tar.zst", "ab"));
};
const state = { sha256: "ab", size: 4, unpackedSize: 9, commit };
const preview = async (inputs: Props) => (await containerTemplate.create(call(), { inputs })).state;
const diff = (news: Props, oldInputs: Props = { commit, format: "tar.zst" }) =>
  containerTemplate.diff(call(), { id: "x", olds: state, oldInputs, news, ignoreChanges: [] });

describe("check", () => {
  test.each<[string, Props, string, RegExp]>([
    ["no commit", {}, "commit", /is missing: give the checksum of an OstreeCommit for a container/],
    ["a path as commit", { commit: "/srv/root" }, "commit", /\(64 hex digits\), got "\/srv\/root"/],
    ["a format that is none", { commit, format: "iso" }, "format", /one of tar.zst, squashfs, got "iso"/],
    ["a format that is close", { commit, format: "tar.zstd" }, "format", /did you mean tar.zst\?/],
    ["a machine's input", { commit, label: "gpt" }, "", /label/],
  ])("refuses %s with one error", async (_, news, property, reason) => {
    const { failures = [] } = await containerTemplate.check(call(), { news, olds: {}, randomSeed: new Uint8Array() });
    expect(failures).toMatchObject([{ property, reason: expect.stringMatching(reason) }]);
  });
  test("fills in the format", async () => {
    const args = { news: { commit }, olds: {}, randomSeed: new Uint8Array() };
    expect((await containerTemplate.check(call(), args)).inputs).toEqual({ commit, format: "tar.zst" });
  });
});

describe("diff", () => {
  test.each<[string, Props, Props]>([
    ["an unknown commit is an update", { commit: Unknown.value, format: "tar.zst" }, { commit: "update" }],
    ["another format is an update", { commit, format: "squashfs" }, { format: "update" }],
    ["nothing is nothing", { commit, format: "tar.zst" }, {}],
  ])("%s", async (_, news, detailed) => {
    putTemplate();
    expect(await diff(news)).toEqual({ detailed, changes: false });
  });
  test("a template that is gone, cut, or another one is a change", async () => {
    const same = { commit, format: "tar.zst" };
    expect(await diff(same)).toEqual({ detailed: {}, changes: true });
    putTemplate();
    put(`images/${name}.tar.zst`, "12");
    expect(await diff(same)).toEqual({ detailed: {}, changes: true });
    putTemplate();
    put(`images/${name}.json`, facts("tar.zst", "cd"));
    expect(await diff(same)).toEqual({ detailed: {}, changes: true });
  });
});

describe("preview", () => {
  test("knows what the store has, and each format apart", async () => {
    putCommit("container");
    putTemplate();
    const path = join(dir, "store", "images", `${name}.tar.zst`);
    expect(await preview({ commit, format: "tar.zst" })).toEqual({ ...state, path });
    expect(said).toEqual([]);
    expect(await preview({ commit, format: "squashfs" })).toMatchObject({ sha256: Unknown.value, commit });
  });
  test("says what will be made, and about how large: as its packages", async () => {
    putCommit("container");
    const lock = [{ size: 11_000_000 }, { size: 473_200 }];
    put(`rootfs/${rootfs}.json`, { digest: rootfs, checksum: commit, lock });
    await preview({ commit, format: "squashfs" });
    expect(said).toEqual(["makes a squashfs, about 11 MB"]);
  });
  test("of an unknown commit knows nothing, and writes nothing", async () => {
    expect(await preview({ commit: Unknown.value, format: "tar.zst" })).toMatchObject({ path: Unknown.value });
    expect(existsSync(join(dir, "store"))).toBe(false);
  });
  test("made again: it says so", async () => {
    putCommit("container");
    const inputs = { commit, format: "tar.zst" };
    await containerTemplate.update(call(), { id: "x", olds: state, oldInputs: inputs, news: inputs });
    expect(said.at(-1)).toMatch(/not in the store .*: it is made again/);
  });
  test.each([undefined, "vm"])("refuses a commit whose target is %s", async (target) => {
    putCommit(target);
    await expect(preview({ commit, format: "tar.zst" })).rejects.toThrow(/commit: c1c1c1c1c1c1 is for a machine/);
  });
  test("of a DiskImage refuses a container's commit", async () => {
    putCommit("container");
    const made = diskImage.create(call(), { inputs: { commit } });
    await expect(made).rejects.toThrow(/is for a container.*make a ContainerTemplate/);
  });
});

test("without its commit it says what to do", async () => {
  const create = containerTemplate.create(call(false), { inputs: { commit, format: "tar.zst" } });
  await expect(create).rejects.toThrow(
    /commit c1c1c1c1c1c1 is not in the store .*; pass `checksum` of an OstreeCommit/,
  );
});
