/** Which image runs, as os-release(5) tells it: of each slot its own version, in both shells. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { assetText } from "../../../provider/assets.ts";
import { type SlotName, slotTitle } from "../../../provider/boot/slot.ts";
import { Sysroot } from "./sysroot-tools.ts";

const LIB = "system/rootfs/usr/libexec/pine";
const SCRIPT = `${assetText(LIB, "system")}\n${assetText(LIB, "os-release")}`;
/** This machine's own, which a made-up system shows. */
const OWN = readFileSync("/usr/lib/os-release", "utf8").trimEnd();

describe.each([["dash"], ["busybox", "sh"]])("by %s", (...shell) => {
  let s: Sysroot;
  const told = async (slot: SlotName, before = "") => (await s.on(slot, `${before}\n${SCRIPT}`, [])).stdout;

  beforeAll(async () => {
    s = await Sysroot.make();
    s.shell = shell;
  });
  afterAll(() => s?.end());

  test("a slot whose title names no version has none", async () =>
    expect(await told("a")).toBe(`${OWN}\nIMAGE_ID=pine`));

  test("the version of an update runs in its slot, and the one before in the other", async () => {
    for (const [version, is] of [
      ["1.4.0-RC1", "1.4.0-rc1"],
      ["1.5.0", "1.5.0"],
    ] as const) {
      const commit = await s.commit(version);
      await s.pine("a", ["deploy", commit, slotTitle(version, commit)]);
      await s.pine("a", ["arm", "b", "1"]);
      expect(await told("b")).toBe(`${OWN}\nIMAGE_ID=pine\nIMAGE_VERSION=${is}`);
      expect(await told("a")).toBe(`${OWN}\nIMAGE_ID=pine`);
      await s.pine("a", ["disarm"]);
    }
  });

  test("a commit without a version is told by its checksum", async () => {
    const commit = await s.commit("nameless");
    await s.pine("a", ["deploy", commit, slotTitle(undefined, commit)]);
    await s.pine("a", ["arm", "b", "1"]);
    expect(await told("b")).toContain(`\nIMAGE_VERSION=${commit.slice(0, 12)}`);
  });

  test("an image that names itself keeps its name; its own version is none of the running slot", async () => {
    const branded = "printf 'ID=shop\\nIMAGE_ID=shop\\nIMAGE_VERSION=9\\n' >/run/own; export PINE_OWN=/run/own";
    expect(await told("a", branded)).toBe("ID=shop\nIMAGE_ID=shop");
  });
});

test("the link of an image leads to what the service makes", () => {
  const [, link] = /ln -sfn \.\.(\/run\/\S+) etc\/os-release/.exec(assetText("image/tree/layout.sh")) ?? [];
  expect(assetText("system/rootfs/etc/init.d", "pine-version")).toContain(` ${join("/", link!)} && eend 0`);
});
