/**
 * What scripts begin with (libexec/pine/prelude): `sync`, which tells what it is asked, stands for the disk, and a
 * file system in memory for one that is full.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { assetText } from "../../../provider/assets.ts";
import {
  diskScript,
  enterScript,
  finalizeScript,
  hostKeysScript,
  installScript,
  lockScript,
  removeScript,
  trustScript,
  updateScript,
} from "../../../provider/host/scripts.ts";

let work: string;
beforeEach(() => {
  work = mkdtempSync(join(tmpdir(), "pine-prelude-"));
  writeFileSync(join(work, "file"), "old\n", { mode: 0o640 });
});
afterEach(() => rmSync(work, { recursive: true }));

describe.each([["dash"], ["busybox", "sh"]])("%s", (...shell) => {
  const run = (text: string, input = "new\n") => {
    const [file, ...rest] = [...shell, "-euc", `${assetText("system/rootfs/usr/libexec/pine/prelude")}\n${text}`] as [
      string,
      ...string[],
    ];
    const r = spawnSync(file, rest, { cwd: work, input, encoding: "utf8" });
    return { code: r.status, stdout: r.stdout, stderr: r.stderr };
  };
  /** Says what is asked of it, and what is there then. */
  const SYNC = 'sync() { echo "sync $*: $(cat file) $(cat file.pine-new)"; }\n';
  const file = () => readFileSync(join(work, "file"), "utf8");
  const mode = () => (statSync(join(work, "file")).mode & 0o777).toString(8);

  it("a file gets its name when what it holds is on the disk", () => {
    expect(run(`${SYNC}umask 077\nwhole file`)).toEqual({ code: 0, stdout: "sync : old new\n", stderr: "" });
    expect([file(), mode(), readdirSync(work)]).toEqual(["new\n", "600", ["file"]]);
  });
  it("with a mode, and nothing else flushed where that is wanted", () => {
    expect(run(`${SYNC}whole file 644 only`).stdout).toBe("sync file.pine-new: old new\n");
    expect([file(), mode()]).toEqual(["new\n", "644"]);
  });
  it.each([
    ["it cannot be flushed", "sync() { return 1; }\nwhole file 644"],
    ["its mode cannot be set", "sync() { :; }\nwhole file none"],
    ["it cannot get its name", "sync() { :; }\nmv() { return 1; }\nwhole file"],
    ["it cannot be read", "sync() { :; }\nwhole file </"],
    ["nobody asks for what it answers", "sync() { :; }\nwhole file none\necho on >file"],
  ])("it stays the old one where %s, and nothing else is left", (_, text) => {
    expect(run(text).code).not.toBe(0);
    expect([file(), mode(), readdirSync(work)]).toEqual(["old\n", "640", ["file"]]);
  });
  it("and on a full disk", () => {
    const text = `mount -t tmpfs -o size=64k tmpfs .
cd "$PWD"
echo old >file
sync() { :; }
whole file || ls . && cat file`;
    const how = ["-r", "-m", ...shell, "-euc", `${assetText("system/rootfs/usr/libexec/pine/prelude")}\n${text}`];
    const r = spawnSync("unshare", how, { cwd: work, input: Buffer.alloc(1 << 20), encoding: "utf8" });
    expect([r.status, r.stdout]).toEqual([0, "file\nold\n"]);
    expect(r.stderr).toMatch(/No space left/);
  });
  it("what fails says so", () =>
    expect(run("fail a 'b  c'\necho on")).toEqual({ code: 1, stdout: "", stderr: "pine: a b  c\n" }));
});

it.each<[string, string]>([
  ["install", installScript()],
  ["update", updateScript()],
  ["remove", removeScript()],
  ["finalize", finalizeScript(false)],
  ["finalize in a container", finalizeScript(true)],
  ["trust", trustScript()],
  ["host keys", hostKeysScript()],
  ["enter", enterScript()],
  ["disk", diskScript()],
  ["lock", lockScript()],
])("%s: each function has one definition, and fail comes before the script", (_, text) => {
  const names = [...text.matchAll(/^(\w+)\(\) \{/gm)].map((m) => m[1]!);
  expect(names.filter((name, n) => names.indexOf(name) !== n)).toEqual([]);
  expect(text.indexOf("\nfail() {")).toBeGreaterThan(0);
  expect(text.indexOf("\nfail() {")).toBeLessThan(text.indexOf("\nset -eu"));
});
