/**
 * What is remembered of a trial where hardly anything can be written: a full disk, no inodes, a kernel that crashed
 * before any file system was there. The agent with a real OSTree, in both shells.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { assetText } from "../../../provider/assets.ts";
import { booted } from "./booted.ts";
import { Sysroot } from "./sysroot-tools.ts";

const LIB = "system/rootfs/usr/libexec/pine";
/** No room at all, and no inode: each way to be full. */
const FULL = [
  ["no byte", { freeKib: 0 }],
  ["no inode", { freeKib: 4096, freeInodes: 0 }],
] as const;

describe.each([["dash"], ["busybox", "sh"]])("by %s", (...shell) => {
  let s: Sysroot;
  let second = "";
  const memory = (path = "") => join(s.root, "ostree/deploy/pine/var/lib/pine", path);
  const text = (path: string) => readFileSync(memory(path), "utf8");
  /** Where firmware keeps what the kernel said last, as the running slot sees it. */
  const pstore = () => join(s.root, "ostree/deploy/pine/deploy", `${s.first}.0`, "sys/fs/pstore");
  const crash = (name: string, lines: string) => {
    mkdirSync(pstore(), { recursive: true });
    writeFileSync(join(pstore(), name), lines);
  };

  beforeAll(async () => {
    s = await Sysroot.make();
    s.shell = shell;
    second = await s.commit("2");
    await s.pine("a", ["deploy", second, "Pine 2"]);
  });
  afterAll(() => s?.end());
  beforeEach(async () => {
    await s.pine("a", ["disarm"]);
    rmSync(memory("reports"), { recursive: true, force: true });
    rmSync(memory("refused"), { force: true });
    rmSync(pstore(), { recursive: true, force: true });
  });

  test("a reserve of blocks and inodes is there from the first trial on, and made anew by a boot", async () => {
    await s.pine("a", ["arm", "b", "1", "self"]);
    expect(readdirSync(memory("reserve"))).toHaveLength(6);
    expect(statSync(memory("reserve/1")).blocks * 512).toBeGreaterThanOrEqual(256 * 1024);
    rmSync(memory("reserve"), { recursive: true });
    await s.pine("a", ["ok"], { freeKib: 3 * 1024 });
    expect(existsSync(memory("reserve"))).toBe(false);
    await s.pine("a", ["ok"], { freeKib: 8 * 1024, freeInodes: 50 });
    expect(existsSync(memory("reserve"))).toBe(false);
    await s.pine("a", ["ok"], { freeKib: 8 * 1024, freeInodes: 500 });
    expect(readdirSync(memory("reserve"))).toHaveLength(6);
  });

  test.each(FULL)(
    "%s: a trial that did not stay is reported all the same, and the boot is complete",
    async (_, full) => {
      await s.pine("a", ["arm", "b", "1", "self"]);
      booted(s);
      writeFileSync(memory("trial.log"), "the console's last words\n");
      await s.pine("a", ["ok"], full);
      expect(text("reports/1")).toMatch(/^phase=silent\n(.*\n)*\nthe console's last words\n$/m);
      expect(text("refused")).toMatch(new RegExp(`^${second} unclear `));
      expect(existsSync(memory("reserve"))).toBe(false);
      expect(s.env).toMatchObject({ slot: "a" });
      // once there is room again, the next run ends well
      await s.pine("a", ["ok"]);
      expect(readdirSync(memory("reserve"))).toHaveLength(6);
      expect(readdirSync(memory("reports"))).toEqual(["1"]);
    },
  );

  test.each(FULL)("%s, and no reserve: nothing is written down, and the server goes on", async (_, full) => {
    await s.pine("a", ["arm", "b", "1", "self"]);
    booted(s);
    rmSync(memory("reserve"), { recursive: true });
    await s.pine("a", ["ok"], full);
    expect(existsSync(memory("reports/1"))).toBe(false);
    expect(s.env.boots).toBeUndefined();
  });

  test.each(FULL)("%s: a trial keeps its console by the reserve", async (_, full) => {
    await s.pine("a", ["arm", "b", "1", "self"]);
    rmSync(memory("trial.log"), { force: true });
    const file = "/var/lib/pine/trial.log";
    const written = `n=0; until grep -q hangs ${file} 2>/dev/null || [ $n = 300 ]; do n=$((n + 1)); sleep 0.1; done`;
    const script = `echo 'a service hangs' >/run/rc.log\n${shell.join(" ")} /run/log & ${written}; cat ${file}`;
    const log = `cat >/run/log <<'END'\n${assetText(LIB, "trial-log")}\nEND\n`;
    const { stdout } = await s.on("b", `${log}${script}`, [], { trial: true, ...full });
    expect(stdout).toBe("a service hangs");
  });

  test("what a person says is kept on a full disk, too", async () => {
    await s.pine("a", ["ok"]);
    const pine =
      ["words", "trials", "lock", "told"].map((name) => `${assetText(LIB, name)}\n`).join("") +
      assetText("system/rootfs/usr/sbin/pine");
    expect((await s.on("a", pine, ["hold", "backup"], { freeKib: 0 })).stdout).toMatch(/^Held/);
    expect(text("hold")).toMatch(/^reason=backup$/m);
    rmSync(memory("hold"));
  });

  test("a kernel that crashed before it had a root: its last words, in order, without those of older crashes", async () => {
    crash("dmesg-erst-1", "Panic#1 Part1\n<0>[ 9.9] Kernel panic - not syncing: of last year\n");
    await s.pine("a", ["arm", "b", "1", "self"]);
    booted(s);
    crash("dmesg-erst-3", "Panic#2 Part1\n<4>[ 1.1] Call Trace:\n<0>[ 1.2] Kernel panic - not syncing: VFS: no root\n");
    crash("dmesg-erst-2", "Panic#2 Part2\n<6>[ 1.0] \u001b[31mvirtio_blk: no disk\n");
    crash("dmesg-erst-4.enc.z", "packed");
    const last =
      "pstore: <6>[ 1.0] [31mvirtio_blk: no disk\npstore: <4>[ 1.1] Call Trace:\npstore: <0>[ 1.2] Kernel panic";
    expect((await s.pine("a", ["last"])).stdout).toContain(last);
    await s.pine("a", ["ok"]);
    expect(text("reports/1")).toMatch(
      /^phase=kernel\n.*\nreason=.*its root file system; Kernel panic - .*VFS: no root$/m,
    );
    expect(text("reports/1")).toContain(`\n\n${last}`);
    expect(text("reports/1")).not.toContain("last year");
    // firmware has little room; what is another's stays
    expect(readdirSync(pstore()).sort()).toEqual(["dmesg-erst-1", "dmesg-erst-4.enc.z"]);
    // whoever asks afterwards hears the same
    expect((await s.pine("a", ["last"])).stdout).toContain(last);
    await s.pine("a", ["arm", "b", "1", "self"]);
    expect((await s.pine("a", ["last"])).stdout).toBe("");
  });

  test("a long crash is cut", async () => {
    await s.pine("a", ["arm", "b", "1", "self"]);
    booted(s);
    crash("dmesg-ramoops-0", `Panic#1 Part1\n${`${"x".repeat(500)}\n`.repeat(200)}`);
    await s.pine("a", ["ok"]);
    const lines = text("reports/1")
      .split("\n")
      .filter((line) => line.startsWith("pstore: "));
    expect(lines.length).toBe(40);
    expect(Math.max(...lines.map((line) => line.length))).toBe("pstore: ".length + 200);
  });
});
