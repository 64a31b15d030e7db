/** The script that a server runs, in dash and in busybox's shell, on folders of this machine. */
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeEach, describe, expect, it } from "vitest";
import { parseList, parseLook } from "../../../../provider/publish/ssh/place.ts";

const SCRIPT = join(import.meta.dirname, "../../../../provider/publish/ssh/place.sh");
const OBJECT = `objects/00/${"ab".repeat(31)}.filez`;
const LONG = `deltas/aB/${"c".repeat(41)}-${"d".repeat(43)}+/superblock`;

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "pine-publish-"));
});
afterEach(() => rmSync(dir, { recursive: true }));

/** Programs of busybox alone, and flock, which Alpine's busybox has and Debian's has not. */
const tools = mkdtempSync(join(tmpdir(), "pine-busybox-"));
execFileSync("busybox", ["--install", "-s", tools]);
if (!existsSync(join(tools, "flock"))) symlinkSync("/usr/bin/flock", join(tools, "flock"));
afterAll(() => rmSync(tools, { recursive: true }));

describe.each([
  ["dash", process.env.PATH],
  ["busybox", tools],
])("with %s", (shell, PATH) => {
  const sh = (command: string, o: { input?: string | Buffer; folder?: string } = {}, ...names: string[]) => {
    const file = shell === "dash" ? "dash" : join(tools, "sh");
    const args = [SCRIPT, command, o.folder ?? dir, ...names];
    return execFileSync(file, args, { input: o.input ?? "", env: { PATH }, stdio: ["pipe", "pipe", "inherit"] });
  };
  const look = (folder = dir) => parseLook(sh("look", { folder }, "a/b").toString(), folder);
  const put = (path: string, text: string) => {
    mkdirSync(join(dir, path, ".."), { recursive: true });
    writeFileSync(join(dir, path), text);
  };

  it("looks", () => {
    expect(look()).toEqual({});
    expect(look(join(dir, "none")).problem).toMatch(/none is not there: make it/);
    put("file", "");
    expect(look(join(dir, "file")).problem).toMatch(/file is not a folder/);
    expect(look().problem).toMatch(/holds something else/);
    rmSync(join(dir, "file"));
    put(OBJECT, "cut off the first time");
    put(".pine.new/x", "");
    expect(look()).toEqual({});
    put("config", "[core]\nmode=bare\n");
    expect(look().problem).toMatch(/holds something else/);
    put("config", "[core]\nmode=archive-z2\n");
    expect(look()).toEqual({});
    put("refs/heads/a/b", `${"c1".repeat(32)}\n`);
    expect(look()).toEqual({ commit: "c1".repeat(32) });
    put("refs/heads/a/b", "nonsense\n");
    expect(look()).toEqual({});
  });

  it("puts files in their places, lists them, gives them, and removes them", () => {
    const from = join(dir, "from");
    const [there, names] = [join(dir, "there"), [OBJECT, LONG, "summary", "refs/heads/a/b"]];
    mkdirSync(there);
    for (const name of names) put(`from/${name}`, name);
    put("there/summary", "old");
    put("there/index.html", "somebody's");
    const packed = execFileSync("tar", ["-cf", "-", "-C", from, ...names]);
    sh("put", { input: packed, folder: there });
    for (const name of names) expect(readFileSync(join(there, name), "utf8")).toBe(name);
    expect(readdirSync(there).filter((name) => name.startsWith("."))).toEqual([]);
    const list = parseList(sh("list", { folder: there }).toString());
    expect([...list].sort()).toEqual(names.map((name) => [name, name.length]).sort());

    const got = sh("get", { folder: there }, LONG, "summary");
    expect(execFileSync("tar", ["-tf", "-"], { input: got }).toString()).toBe(`${LONG}\nsummary\n`);

    const stamp = sh("stamp", { folder: there }).toString();
    sh("remove", { input: `${LONG}\nsummary\nnonesuch\n`, folder: there });
    expect(existsSync(join(there, LONG, ".."))).toBe(false);
    expect(sh("stamp", { folder: there }).toString()).not.toBe(stamp);
    expect(existsSync(join(there, "index.html"))).toBe(true);
  });

  it("holds the folder until its input ends: who comes meanwhile waits", async () => {
    const file = shell === "dash" ? "dash" : join(tools, "sh");
    const start = () => spawn(file, [SCRIPT, "hold", dir], { env: { PATH }, stdio: ["pipe", "pipe", "ignore"] });
    const saying = (child: ReturnType<typeof start>, word: string) =>
      new Promise<void>((seen, ended) => {
        child.stdout.on("data", (text) => `${text}`.includes(word) && seen());
        child.on("close", () => ended(new Error(`it ended before it said "${word}"`)));
      });
    const first = start();
    const children = [first];
    try {
      await saying(first, "held");
      const second = start();
      children.push(second);
      let text = "";
      second.stdout.on("data", (more) => {
        text += more;
      });
      await saying(second, "busy");
      expect(text).not.toContain("held");
      first.stdin.end();
      await saying(second, "held");
    } finally {
      for (const child of children) child.stdin.end();
      await Promise.all(children.map((c) => c.exitCode ?? once(c, "close")));
    }
  });
});
