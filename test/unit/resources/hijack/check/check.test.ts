/** What HostHijack takes for an overwrite, and what it tells of changes that wait for the next one. */
import { describe, expect, it } from "vitest";
import { type Props, Unknown } from "../../../../../provider/properties/values.ts";
import type { Call } from "../../../../../provider/resource.ts";
import { checkHijack } from "../../../../../provider/resources/hijack/check/check.ts";
import { diffHijack } from "../../../../../provider/resources/hijack/check/diff.ts";

const base = { connection: { host: "203.0.113.7" }, commit: "c".repeat(64) };
const allowed = { erase: true, image: "d".repeat(64) };
const over = { ...base, method: "overwrite", overwrite: allowed };
const overwriting = (change: Props): Props => ({ ...over, overwrite: { ...allowed, ...change } });
const data = { label: "data", mountPoint: "/srv/data" };
const failures = (news: Props) => checkHijack(news).failures.map((f) => `${f.property}: ${f.reason}`);

describe("an overwrite's inputs", () => {
  it.each<[string, Props]>([
    ["alongside", base],
    ["overwrite", over],
    ["auto that may overwrite", { ...base, overwrite: allowed }],
    ["an image that is not built yet", overwriting({ image: Unknown.value })],
    ["all that is not known yet", { ...over, overwrite: Unknown.value }],
    [
      "a disk and data partitions",
      overwriting({
        disk: "/dev/vdb",
        dataPartitions: [
          { ...data, size: 512 },
          { ...data, label: "b", mountPoint: "/home/b" },
        ],
      }),
    ],
  ])("%s are taken", (_, news) => expect(failures(news)).toEqual([]));

  it.each<[string, Props, RegExp]>([
    ["no erase", overwriting({ erase: false }), /^overwrite\.erase: must be true: everything/],
    [
      "erase left out",
      overwriting({ erase: undefined }),
      /^overwrite: .*erase.*is missing|^overwrite\.erase: is missing/,
    ],
    ["no image", overwriting({ image: undefined }), /^overwrite: .*image.*is missing|^overwrite\.image: is missing/],
    ["nothing to overwrite with", { ...over, overwrite: undefined }, /^overwrite: is missing: method overwrite needs/],
    ["a path for the image", overwriting({ image: "/srv/disk.raw" }), /^overwrite\.image: .*sha256 of a DiskImage/],
    ["another method", { ...base, method: "kexec" }, /^method: .*one of/],
    ["alongside that may overwrite", { ...over, method: "alongside" }, /^overwrite: is for method overwrite or auto/],
    [
      "two of one label",
      overwriting({
        dataPartitions: [
          { ...data, size: 64 },
          { ...data, mountPoint: "/srv/b" },
        ],
      }),
      /^overwrite\.dataPartitions\[1\]\.label: "data" is there twice/,
    ],
    [
      "two at one place",
      overwriting({
        dataPartitions: [
          { ...data, size: 64 },
          { ...data, label: "b" },
        ],
      }),
      /^overwrite\.dataPartitions\[1\]\.mountPoint: /,
    ],
    [
      "no size before the last",
      overwriting({ dataPartitions: [data, { ...data, label: "b", mountPoint: "/srv/b" }] }),
      /^overwrite\.dataPartitions\[0\]\.size: is missing/,
    ],
    [
      "a label that XFS has no room for",
      overwriting({ dataPartitions: [{ ...data, label: "thirteen-char" }] }),
      /^overwrite\.dataPartitions\[0\]\.label: /,
    ],
    [
      "a mount point that is read-only",
      overwriting({ dataPartitions: [{ ...data, mountPoint: "/usr/data" }] }),
      /^overwrite\.dataPartitions\[0\]\.mountPoint: .*below \/var/,
    ],
    [
      "a mount point with a way out",
      overwriting({ dataPartitions: [{ ...data, mountPoint: "/srv/../etc" }] }),
      /^overwrite\.dataPartitions\[0\]\.mountPoint: /,
    ],
    [
      "another file system",
      overwriting({ dataPartitions: [{ ...data, filesystem: "btrfs" }] }),
      /^overwrite\.dataPartitions\[0\]\.filesystem: .*ext4/,
    ],
  ])("%s is refused", (_, news, reason) => {
    const all = failures(news);
    expect(all).toHaveLength(1);
    expect(all[0]).toMatch(reason);
  });
});

describe("a change that counts only when the disk is written", () => {
  const diff = async (news: Props, booted = true) => {
    const warnings: string[] = [];
    const call = { urn: "urn:x", warn: (m: string) => void warnings.push(m) } as unknown as Call;
    const olds = { ...(booted ? { booted: { checksum: base.commit } } : {}), installationId: "i" };
    const { detailed } = await diffHijack(call, {
      olds,
      oldInputs: checkHijack(over).inputs,
      news: checkHijack(news).inputs,
    });
    return { warnings, detailed };
  };
  it("is said", async () => {
    const { warnings } = await diff(overwriting({ dataPartitions: [data] }));
    expect(warnings.join()).toMatch(/dataPartitions.* count only when the disk is written.*--replace 'urn:x'/);
  });
  it("is none before the first time, nor is another image", async () => {
    expect((await diff(overwriting({ dataPartitions: [data] }), false)).warnings).toEqual([]);
    expect(await diff(overwriting({ image: "e".repeat(64) }))).toEqual({ warnings: [], detailed: {} });
  });
});

describe("a rehearsal's inputs", () => {
  it.each<[string, Props]>([
    ["nothing special", {}],
    ["all of them", { required: true, timeout: 600, memory: 512, leaveOut: ["outside", "own.sh"] }],
  ])("%s are taken", (_, rehearse) => expect(failures({ ...base, rehearse })).toEqual([]));
  it.each<[string, Props[string], RegExp]>([
    ["true", true, /^rehearse: expected an object/],
    ["too short a time", { timeout: 5 }, /^rehearse\.timeout: .*from 30 to 3600.*in seconds/],
    ["too little memory", { memory: 32 }, /^rehearse\.memory: .*from 96 .*MiB/],
    ["a check's command", { leaveOut: ["curl http://x/"] }, /^rehearse\.leaveOut\[0\]: .*name of a health check/],
    ["another name", { requires: true }, /^: rehearse\.requires: .*did you mean required/],
  ])("%s is refused", (_, rehearse, problem) =>
    expect(failures({ ...base, rehearse })).toEqual([expect.stringMatching(problem)]),
  );
});
