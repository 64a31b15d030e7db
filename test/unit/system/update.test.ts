/** The steps of update.sh on a server that runs Pine with a real OSTree, in both shells. */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { updateScript } from "../../../provider/host/scripts.ts";
import { run } from "../../../provider/local/run.ts";
import { Sysroot } from "./sysroot-tools.ts";

describe.each([["dash"], ["busybox", "sh"]])("update.sh by %s", (...shell) => {
  let s: Sysroot;
  let delta: Buffer;
  let commit: string;
  const step = async (args: string[], input?: string | Uint8Array) => {
    const { exitCode, stderr } = await s.on("a", updateScript(), args, { input, ok: [0, 1, 2] });
    return `${exitCode} ${stderr.trim()}`;
  };
  const sha256 = (data: Uint8Array) => createHash("sha256").update(data).digest("hex");
  const incoming = () => existsSync(join(s.root, "ostree/deploy/pine/var/lib/pine/incoming"));
  beforeAll(async () => {
    s = await Sysroot.make();
    s.shell = shell;
    const repo = join(s.dir, "other");
    mkdirSync(repo);
    await s.ostree(["init", `--repo=${repo}`, "--mode=archive"]);
    commit = await s.commit("2", { repo });
    const file = join(s.dir, "delta");
    const made = [
      "static-delta",
      "generate",
      `--repo=${repo}`,
      "--empty",
      `--to=${commit}`,
      "--inline",
      "--min-fallback-size=0",
    ];
    await s.ostree([...made, `--filename=${file}`]);
    delta = readFileSync(file);
  });
  afterAll(() => s?.end());

  const receive = (name: string, holds: string, sent: Uint8Array) =>
    step(["receive", name, String(delta.length), "0", holds], sent);

  test("a delta that did not arrive whole is not applied, and what came of it stays", async () => {
    expect(await step(["part", sha256(delta), String(delta.length)])).toBe("0 ");
    const [most, all] = [delta.length - 1, delta.length];
    expect(await receive(sha256(delta), commit, delta.subarray(0, most))).toBe(
      `1 pine: the delta did not arrive whole: ${most} of ${all} bytes are there`,
    );
    expect([await s.has(commit), incoming()]).toEqual([false, true]);
  });
  test("another one, whole: the digest says that it is not what was meant", async () => {
    expect(await receive("0".repeat(64), commit, delta)).toBe(
      "1 pine: the delta did not arrive whole: it was changed on the way, or the disk is bad",
    );
    expect([await s.has(commit), incoming()]).toEqual([false, false]);
  });
  test("one that holds another commit is told, and nothing of it is in the repository", async () => {
    const other = "1".repeat(64);
    expect(await receive(sha256(delta), other, delta)).toBe(`1 pine: the delta does not hold commit ${other}`);
    expect(await s.has(commit)).toBe(false);
  });
  test("whole, it is in the repository, and can be deployed; then it is forgotten", async () => {
    expect(await receive(sha256(delta), commit, delta)).toMatch(/^0/);
    expect([await s.has(commit), incoming()]).toEqual([true, true]);
    expect(await step(["forget"])).toBe("0 ");
    expect(incoming()).toBe(false);
    await s.pine("a", ["deploy", commit, "Pine 2"]);
    expect(s.bootable()).toEqual({ a: "1", b: "2" });
  });
  test("a file of /etc is written to both slots, and removed from both", async () => {
    const there = [`${s.first}.0`, `${commit}.0`].map((d) => join(s.root, "ostree/deploy/pine/deploy", d, "etc/app/x"));
    expect(await step(["write", "/etc/app/x", "640", "0:0"], "text")).toBe("0 ");
    for (const file of there) {
      expect(readFileSync(file, "utf8")).toBe("text");
      expect((await run("stat", ["-c", "%a", file])).stdout.trim()).toBe("640");
    }
    expect(await step(["remove", "/etc/app/x"])).toBe("0 ");
    expect(there.map((file) => existsSync(file))).toEqual([false, false]);
  });
  test("a file for the other deployment alone", async () => {
    expect(await step(["write-in", `${commit}.0`, "/etc/only", "600", "0:0"], "text")).toBe("0 ");
    expect(await step(["write-in", `${commit}.0`, "/var/x", "600", "0:0"], "text")).toBe(
      "1 pine: /var/x is not in /etc",
    );
    const etc = (d: string) => existsSync(join(s.root, "ostree/deploy/pine/deploy", d, "etc/only"));
    expect([etc(`${s.first}.0`), etc(`${commit}.0`)]).toEqual([false, true]);
  });
  test("the record names who has it, and that it has ended", async () => {
    const record = () => readFileSync(join(s.slots, "install"), "utf8");
    expect(await step(["adopt", "j", "t", "v", "fresh"])).toBe("0 ");
    expect(record()).toBe("id=j\nstack=t\nurn=v\nfresh=1\nmethod=container\n");
    expect(await step(["done"])).toBe("0 ");
    expect(record()).toBe("id=j\nstack=t\nurn=v\nmethod=container\ndone=1\n");
  });
  test("/etc anew has the commit's files, and name and network of the running one", async () => {
    const of = (d: string, name: string) => join(s.root, "ostree/deploy/pine/deploy", d, "etc", name);
    writeFileSync(of(`${s.first}.0`, "hostname"), "web\n");
    expect(await step(["fresh", `${commit}.0`])).toBe("0 ");
    expect(existsSync(of(`${commit}.0`, "only"))).toBe(false);
    expect(readFileSync(of(`${commit}.0`, "hostname"), "utf8")).toBe("web\n");
    expect(await step(["fresh", `${s.first}.0`])).toBe(`1 pine: deployment ${s.first}.0 runs`);
  });
});
