/** DiskImage as far as it goes without building: checks, diffs and previews against what the store has. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { imageName } from "../../../../provider/image/disk/identity.ts";
import { imageFormat } from "../../../../provider/image/disk/image.ts";
import { type Props, Unknown } from "../../../../provider/properties/values.ts";
import { diskImage } from "../../../../provider/resources/images/disk-image.ts";
import { call, check, diff, dir, preview, put, tree } from "../store-fixture.ts";

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
    partitionTable: "gpt",
    diskSize: 512 * 1024 * 1024,
    rootUuid: "r",
    partitions,
  };
  const state = {
    sha256: "ab",
    fileSize: 4,
    size: 512,
    commit: tree,
    rootUuid: "r",
    partitions: [{ name: "root", kind: "linux", uuid: "u", start: 1, size: 2 }],
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
    [
      "a partition table that is none",
      { commit: tree, partitionTable: "dos" },
      "partitionTable",
      /one of gpt, mbr, got "dos"/,
    ],
    ["a filesystem that is none", { commit: tree, filesystem: "zfs" }, "filesystem", /ext4, xfs, btrfs, got "zfs"/],
    ["an ESP that is too small", { commit: tree, espSize: 4 }, "espSize", /from 8 to 1024, got 4; the size is in MiB/],
    [
      "an ESP of no number",
      { commit: tree, espSize: "large" },
      "espSize",
      /a whole number from 8 to 1024, got "large"/,
    ],
    ["an ESP of half a MiB", { commit: tree, espSize: 8.5 }, "espSize", /a whole number/],
    [
      "an ESP on an MBR",
      { commit: tree, partitionTable: "mbr", espSize: 8 },
      "espSize",
      /none with partitionTable "mbr"/,
    ],
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
    ["a hostname with an empty part", { commit: tree, hostname: "web..x" }, "hostname", /a hostname/],
    ["a hostname part that ends in a dash", { commit: tree, hostname: "a-.b" }, "hostname", /a hostname/],
  ])("refuses %s", async (_, news, property, reason) => {
    const { failures = [] } = await check(diskImage, news);
    expect(failures).toMatchObject([{ property, reason: expect.stringMatching(reason) }]);
  });

  test.each<[string, Props, Props]>([
    ["an unknown commit is an update", { commit: Unknown.value }, { commit: "update" }],
    [
      "the defaults, written down, are nothing",
      { commit: tree, format: "raw.zst", partitionTable: "gpt", filesystem: "ext4", grow: true },
      {},
    ],
    ["another filesystem is an update", { commit: tree, filesystem: "xfs" }, { filesystem: "update" }],
    ["another format is an update", { commit: tree, format: "qcow2" }, { format: "update" }],
    ["not to grow is an update", { commit: tree, grow: false }, { grow: "update" }],
    ["swap is an update", { commit: tree, swap: 64 }, { swap: "add" }],
    ["a /boot is an update", { commit: tree, bootSize: 64 }, { bootSize: "add" }],
    ["another partition table is an update", { commit: tree, partitionTable: "mbr" }, { partitionTable: "update" }],
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
