/** OstreeCommit as far as it goes without building: checks, diffs and previews against what the store has. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { type Props, Unknown } from "../../../../provider/properties/values.ts";
import { ostreeCommit } from "../../../../provider/resources/commit/commit.ts";
import {
  call,
  check,
  diff,
  digest,
  dir,
  other,
  preview,
  putCommit,
  putManifest,
  putRootfs,
  tree,
  versioned,
} from "../store-fixture.ts";

describe("OstreeCommit", () => {
  const state = { checksum: tree, version: "0.1.4", branch: "pine/x86_64/stable", repo: "/r", rootfs: digest, size: 7 };

  test.each([
    ["no rootfs", {}, "rootfs", /is missing: give the digest of a Rootfs/],
    ["a path as rootfs", { rootfs: "/srv/root" }, "rootfs", /digest of a Rootfs \(64 hex digits\), got/],
    ["a version that is none", { rootfs: digest, version: "1.4" }, "version", /semver.*got "1.4"/],
    [
      "a version with build metadata",
      { rootfs: digest, version: "1.2.3+build.5" },
      "version",
      /\(\+build\.5\), which does not count/,
    ],
    ["a branch with a space", { rootfs: digest, branch: "pine/my branch" }, "branch", /a branch as OSTree names them/],
    ["a branch that leaves its folder", { rootfs: digest, branch: "../x" }, "branch", /a branch as OSTree names them/],
  ])("refuses %s", async (_, news, property, reason) => {
    const { failures = [] } = await check(ostreeCommit, news);
    expect(failures).toMatchObject([{ property, reason: expect.stringMatching(reason) }]);
  });

  test.each<[string, Props, Props]>([
    ["an unknown rootfs is an update", { rootfs: Unknown.value }, { rootfs: "update" }],
    ["another rootfs is an update", { rootfs: other }, { rootfs: "update" }],
    ["a version is an update", { rootfs: digest, version: "1.0.0" }, { version: "add" }],
    ["another branch is a replacement", { rootfs: digest, branch: "pine/edge" }, { branch: "add-replace" }],
    ["the branch that it has is nothing", { rootfs: digest, branch: "pine/x86_64/stable" }, {}],
    ["nothing is nothing", { rootfs: digest }, {}],
    ["an unknown branch is a replacement", { rootfs: digest, branch: Unknown.value }, { branch: "add-replace" }],
  ])("diff: %s", async (_, news, detailed) => {
    putRootfs();
    putCommit(tree, { version: "0.1.4" });
    expect(await diff(ostreeCommit, state, { rootfs: digest }, news)).toEqual({ detailed, changes: false });
  });
  // pulumi-azure-native#4507, pulumi-auth0#984: an explicit default against absent
  test.each([
    ["to leave the branch to its default is nothing", "pine/x86_64/stable", {}],
    ["to leave another branch to the default is a replacement", "pine/edge", { branch: "delete-replace" }],
  ])("diff: %s", async (_, branch, detailed) => {
    putRootfs();
    putCommit(tree, { version: "0.1.4" });
    const was = { rootfs: digest, branch };
    expect(await diff(ostreeCommit, { ...state, branch }, was, { rootfs: digest })).toEqual({
      detailed,
      changes: false,
    });
  });

  test.each([
    [
      "above the branch's highest",
      [
        ["pine/x86_64/stable", "0.1.2"],
        ["pine/x86_64/stable", "0.1.9"],
        ["pine/other", "7.0.0"],
      ],
      "0.1.10",
    ],
    ["above the highest of the same machines where the branch is new", [["pine/other", "0.4.1"]], "0.4.2"],
    ["0.1.0 where there is none", [], "0.1.0"],
  ] as [string, [string, string][], string][])(
    "a resource that is made anew goes on: %s",
    async (_, there, version) => {
      putRootfs();
      for (const [n, [ref, of]] of there.entries()) putManifest(String(n).repeat(64), { ref, version: of });
      expect(await preview(ostreeCommit, { rootfs: digest })).toMatchObject({ version });
    },
  );

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
      checksum: tree,
      version: "0.1.0",
      branch: "pine/x86_64/stable",
      size: 7,
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
