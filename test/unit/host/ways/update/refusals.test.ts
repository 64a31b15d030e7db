/** What an update of a server that runs Pine is refused for, beside what any plan is. */
import { describe, expect, it } from "vitest";
import type { Facts } from "../../../../../provider/host/facts/types/facts.ts";
import type { ImageFacts } from "../../../../../provider/host/plan/types.ts";
import { codes, commit, facts, plan } from "../overwrite/tools.ts";

const MB = 1e6;
const [runs, old] = ["a".repeat(64), "b".repeat(64)];
const kernel = { bytes: 17 * MB, id: "new" };
const known = { [runs]: "first", [old]: "second" };

/** Slot a runs, slot b has another one, both on an image with a /boot partition that has so much free. */
const pine = (freeMb: number | undefined, change: (f: Facts) => void = () => {}) =>
  facts((f) => {
    const install = { id: "i1", stack: "demo/dev", method: "overwrite" };
    const deployments = [runs, old].map((c) => `pine/${c}.0`);
    f.pine = { ...f.pine, install, deployment: `${runs}.0`, runningSlot: "a", deployments };
    f.cmdline = [...f.cmdline, "pine.boot=UUID=bbbbbbbb-2222-8333-8444-555555555555"];
    const freeKiB = freeMb === undefined ? undefined : (freeMb * MB) / 1024;
    f.mounts = [...f.mounts, { target: "/boot", source: "/dev/vda3", type: "ext4", freeKiB }];
    change(f);
  });

describe("room for another kernel in /boot", () => {
  const unread = (f: Facts) => {
    f.pine.deployments = [];
  };
  const noBoot = (f: Facts) => {
    f.cmdline = f.cmdline.filter((word) => !word.startsWith("pine.boot="));
  };
  it.each<[string, Facts, Partial<ImageFacts>, string[]]>([
    ["there is", pine(18), { kernel, kernels: known }, []],
    ["there is none", pine(17), { kernel, kernels: known }, ["boot-space"]],
    ["the running one is the same", pine(1), { kernel: { ...kernel, id: "first" }, kernels: known }, []],
    ["the other slot's is the same", pine(1), { kernel: { ...kernel, id: "second" }, kernels: known }, []],
    ["the store does not know the running one", pine(1), { kernel, kernels: { [old]: "second" } }, []],
    ["the store does not know the other slot's", pine(1), { kernel, kernels: { ...known, [old]: undefined } }, []],
    ["the commit is not made yet", pine(1), {}, []],
    ["what is free is not known", pine(undefined), { kernel, kernels: known }, []],
    ["/boot is on the root", pine(1, noBoot), { kernel, kernels: known }, []],
    ["deployments were not read", pine(1, unread), { kernel, kernels: known }, []],
  ])("%s", (_, f, image, expected) => expect(codes(f, {}, image)).toEqual(expected));

  it("the refusal names what is needed and what is free, and what to do", () => {
    const { refusals } = plan(pine(5), {}, { kernel, kernels: known });
    expect(refusals).toMatchObject([
      {
        message: "/boot has 5.0 MB free, and the commit's kernel and initramfs take 17 MB besides those that are there",
        hint: expect.stringContaining("pine undeploy"),
      },
    ]);
  });
});

describe("a root that the commit's initramfs mounts", () => {
  const root = (type: string) => pine(100, (f) => void Object.assign(f.root, { type }));
  const here = { commit: runs };
  it.each<[string, Facts, Partial<ImageFacts>, string[]]>([
    ["ext4", root("ext4"), { filesystems: ["ext4", "xfs"] }, []],
    ["btrfs, which it does not", root("btrfs"), { filesystems: ["ext4", "xfs"] }, ["root-filesystem"]],
    ["btrfs, which it does", root("btrfs"), { filesystems: ["ext4", "xfs", "btrfs"] }, []],
    ["btrfs, and the commit runs already", root("btrfs"), { ...here, filesystems: ["ext4"] }, []],
    ["btrfs, and nothing is known of the commit", root("btrfs"), { commit }, []],
    ["one that could not be read", root("unknown"), { filesystems: ["ext4"] }, []],
  ])("%s", (_, f, image, expected) => expect(codes(f, {}, image)).toEqual(expected));
  it("says what to add", () =>
    expect(plan(root("btrfs"), {}, { filesystems: ["ext4"] }).refusals[0]!.hint).toMatch(/"btrfs-progs"/));
});
