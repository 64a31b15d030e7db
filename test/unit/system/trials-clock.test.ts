/** Reports of trials while the clock jumps by years, back and forth, in both shells (31: mendersoftware/mender#485). */
import { readdirSync, readFileSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { assetText } from "../../../provider/assets.ts";
import { agentScript } from "../../../provider/host/scripts.ts";
import { booted } from "./booted.ts";
import { Sysroot } from "./sysroot-tools.ts";

const LIB = "system/rootfs/usr/libexec/pine";
const PEOPLE = ["words", "trials", "lock", "told"].map((name) => `${assetText(LIB, name)}\n`).join("");

describe.each([["dash"], ["busybox", "sh"]])("by %s", (...shell) => {
  let s: Sysroot;
  const memory = (path: string) => join(s.root, "ostree/deploy/pine/var/lib/pine", path);
  beforeAll(async () => {
    s = await Sysroot.make();
    s.shell = shell;
    await s.pine("a", ["deploy", await s.commit("2"), "Pine 2"]);
  });
  afterAll(() => s?.end());

  test("six trials: the last five are kept, and listed in the order in which they were (48: meta-balena#1918)", async () => {
    const years = [2026, 2036, 2016, 1970, 2046, 2006];
    for (const [n, year] of years.entries()) {
      await s.pine("a", ["arm", "b", "1", "self"]);
      booted(s);
      writeFileSync(memory("trial.reason"), `reason ${n + 1}\n`);
      const date = `date() { case "$*" in *-r*) command date "$@" ;; *) echo ${year}-02-03T04:05:06Z ;; esac; }\n`;
      const { stdout } = await s.on("a", `${date}${agentScript()}\ncat /run/pine.returned`, ["ok"]);
      expect(stdout).toBe(String(n + 1));
      expect(readFileSync(memory(`reports/${n + 1}`), "utf8")).toMatch(
        new RegExp(`^phase=health\nended=${year}-.*\nreason=reason ${n + 1}$`, "m"),
      );
      utimesSync(memory(`reports/${n + 1}`), new Date(`${year}-02-03`), new Date(`${year}-02-03`));
    }
    expect(readdirSync(memory("reports")).sort()).toEqual(["2", "3", "4", "5", "6"]);
    const { stdout } = await s.on("a", `${PEOPLE}${assetText("system/rootfs/usr/sbin/pine")}`, ["logs"]);
    const listed = stdout.split("\n").filter((line) => /^\d/.test(line));
    expect(listed.map((line) => line.replace(/^(\d+) .*health: /, "$1 "))).toEqual(
      [6, 5, 4, 3, 2].map((n) => `${n} reason ${n}`),
    );
  });
});
