/** Who is alive: two Pines in two PID namespaces share store, cache and /tmp, and neither takes the other for dead. */
import { type ChildProcess, spawn } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildSync } from "esbuild";
import { afterAll, afterEach, beforeEach, describe, expect, it } from "vitest";
import { privateFolder } from "../../../provider/host/ssh/private-folder.ts";
import { removeLeftovers } from "../../../provider/image/namespace/temp.ts";
import {
  type Evidence,
  FORGOTTEN_MS,
  type Holder,
  hasEnded,
  hold,
  isAbandoned,
  myself,
} from "../../../provider/local/holder.ts";

const me: Holder = { pid: 7, start: "100", boot: "b1", host: "h1", machine: "m1", namespace: "pid:[1]", flock: false };
const seen = (e: Partial<Evidence> = {}): Evidence => ({
  me,
  locked: false,
  local: true,
  start: "",
  age: 60_000,
  ...e,
});
const other = { ...me, pid: 9, start: "200", namespace: "pid:[2]", flock: true };
const DAYS = 24 * 3_600_000;

describe("has it ended", () => {
  it.each<[string, boolean, Partial<Holder> | undefined, Partial<Evidence>]>([
    ["here, the same process", false, { ...me, pid: 9, start: "200" }, { start: "200" }],
    ["here, with its lock gone by a file system without locks", false, { ...me, start: "200" }, { start: "200" }],
    ["here, no such process", true, { ...me, start: "200" }, { start: "" }],
    ["here, its pid given again", true, { ...me, start: "200" }, { start: "300" }],
    ["another PID namespace, locked", false, other, { locked: true }],
    ["another PID namespace, where its pid is nobody's here", false, { ...other, flock: false }, {}],
    ["another PID namespace, not locked any more", true, other, { locked: false }],
    ["another PID namespace, no flock to ask with", false, other, { locked: undefined }],
    ["another PID namespace, over NFS, of whose locks one cannot be sure", false, other, { local: false }],
    ["another PID namespace, locked for a month", false, other, { locked: true, age: 30 * DAYS }],
    ["here, and /proc is another namespace's", false, { ...me, start: "200" }, { start: undefined }],
    ["the boot before, of this machine", true, { ...me, boot: "b0" }, { locked: undefined }],
    ["a container with a boot id of its own (systemd-nspawn), locked", false, { ...me, boot: "b0" }, { locked: true }],
    ["the boot before, of this machine, over NFS", false, { ...me, boot: "b0" }, { local: false }],
    ["a guest that has our host's name", false, { ...me, boot: "b0", machine: "m2" }, {}],
    ["another machine", false, { ...me, boot: "b2", host: "h2" }, {}],
    ["another machine, a week and a day ago", true, { ...me, boot: "b2", host: "h2" }, { age: 8 * DAYS }],
    ["a Pine before this one, which had no lock", false, { pid: 9, start: "200", boot: "b1", host: "h1" }, {}],
    ["nobody says who", false, undefined, {}],
    ["nobody says who, and it is old", true, undefined, { age: 8 * DAYS }],
  ])("%s: %s", (_, ended, h, e) => expect(hasEnded(h, seen(e))).toBe(ended));
  it("without a boot id, nothing is known", () => {
    const blind = { ...me, boot: "", namespace: "" };
    expect(hasEnded({ ...blind, pid: 9, start: "200" }, seen({ me: blind }))).toBe(false);
  });
});

let dir = "";
const children: ChildProcess[] = [];
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "pine-h-"));
});
afterEach(async () => {
  for (const c of children.splice(0)) await end(c);
  rmSync(dir, { recursive: true });
});

const bundle = mkdtempSync(join(tmpdir(), "pine-b-"));
afterAll(() => rmSync(bundle, { recursive: true }));
const program = join(bundle, "holder-process.mjs");
// as the plugin is: in one file, which starts at once
buildSync({
  entryPoints: [join(import.meta.dirname, "holder-process.ts")],
  outfile: program,
  bundle: true,
  platform: "node",
  format: "esm",
  logLevel: "error",
  banner: { js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);' },
});
/** In a PID namespace of its own, with a /proc that shows it. */
const APART = ["unshare", "--map-root-user", "--pid", "--fork", "--kill-child", "--mount-proc"];
const node = [process.execPath, program];

/** Starts one; answers at its first line. */
function start(argv: string[]): Promise<{ child: ChildProcess; line: string }> {
  const [file = "", ...args] = argv;
  const cwd = join(import.meta.dirname, "../../..");
  const child = spawn(file, args, { cwd, stdio: ["ignore", "pipe", "inherit"] });
  children.push(child);
  return new Promise((resolve, reject) => {
    child.stdout!.once("data", (d) => resolve({ child, line: String(d).trim() }));
    child.once("exit", (code) => reject(new Error(`${argv.join(" ")}: exit ${code}`)));
  });
}
function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((done) => {
    child.removeAllListeners("exit").once("exit", () => done());
    child.kill("SIGKILL");
  });
}
/** What two Pines share, by a living one's first line: what must be there as long as it lives. */
const KINDS = [
  ["temp", (line: string) => existsSync(line)],
  ["lock", () => JSON.parse(readFileSync(join(dir, "lock"), "utf8")).what === "a build"],
  ["ssh", (line: string) => existsSync(join(line, "config"))],
] as const;

describe.each(KINDS)("%s", (kind, there) => {
  const run = (act: string, apart: boolean) => start([...(apart ? APART : []), ...node, act, kind, dir]);

  it.each([
    ["one apart, tidied from here", true, false],
    ["one here, tidied from apart", false, true],
    ["both apart", true, true],
  ])("of a living process stays, and goes when it was killed: %s", async (_, first, second) => {
    const { child, line } = await run("hold", first);
    expect((await run("tidy", second)).line).toBe(kind === "lock" ? "waited" : "done");
    expect(there(line)).toBe(true);
    await end(child);
    // who is in a PID namespace of its own ends a moment after the one that was killed
    const left = async () => {
      expect((await run("tidy", second)).line).toBe("done");
      if (kind === "temp") return readdirSync(join(dir, "tmp"));
      return readdirSync(dir).filter((name) => /^lock|^pine-/.test(name));
    };
    await expect.poll(left, { timeout: 30_000 }).toEqual([]);
  });
});

describe("what nobody says the owner of", () => {
  const longAgo = new Date(Date.now() - FORGOTTEN_MS - 60_000);
  it("stays until it is old: working folders", async () => {
    // the second is as a Pine before this one named them
    for (const name of ["1-0123456789abcdef", "1-1-01234567"]) mkdirSync(join(dir, name));
    await removeLeftovers(dir);
    expect(readdirSync(dir)).toHaveLength(2);
    utimesSync(join(dir, "1-1-01234567"), longAgo, longAgo);
    await removeLeftovers(dir);
    expect(readdirSync(dir)).toEqual(["1-0123456789abcdef"]);
  });
  it("stays until it is old: private folders of connections", async () => {
    const before = process.env.XDG_RUNTIME_DIR;
    process.env.XDG_RUNTIME_DIR = dir;
    try {
      for (const name of ["pine-ssh-1-fresh", "pine-ssh-1-old"]) mkdirSync(join(dir, name), { mode: 0o700 });
      utimesSync(join(dir, "pine-ssh-1-old"), longAgo, longAgo);
      (await privateFolder()).remove();
      expect(readdirSync(dir)).toEqual(["pine-ssh-1-fresh"]);
    } finally {
      if (before === undefined) delete process.env.XDG_RUNTIME_DIR;
      else process.env.XDG_RUNTIME_DIR = before;
    }
  });
  it("but for private folders whose removal had begun, whatever is left of them", async () => {
    const before = process.env.XDG_RUNTIME_DIR;
    process.env.XDG_RUNTIME_DIR = dir;
    try {
      for (const name of ["pine-gone-pine-ssh-1-a", "pine-gone-pine-ssh-1-b"]) mkdirSync(join(dir, name));
      writeFileSync(join(dir, "pine-gone-pine-ssh-1-b", "key"), "");
      (await privateFolder()).remove();
      expect(readdirSync(dir)).toEqual([]);
    } finally {
      if (before === undefined) delete process.env.XDG_RUNTIME_DIR;
      else process.env.XDG_RUNTIME_DIR = before;
    }
  });
  it("a file that is cut counts as one that says nothing", async () => {
    writeFileSync(join(dir, "owner"), '{"pid":1,');
    expect(await isAbandoned(join(dir, "owner"), dir)).toBe(false);
  });
});

it("what is held says by whom, and is the kernel's until it is given back", async () => {
  const letGo = await hold(join(dir, "owner"));
  const said = JSON.parse(readFileSync(join(dir, "owner"), "utf8"));
  expect(said).toEqual({ ...myself(), flock: true });
  // as another namespace sees it: by the lock alone
  writeFileSync(join(dir, "owner"), JSON.stringify({ ...said, namespace: "pid:[1]" }));
  expect(await isAbandoned(join(dir, "owner"))).toBe(false);
  await letGo();
  expect(await isAbandoned(join(dir, "owner"))).toBe(true);
  expect(await isAbandoned(join(dir, "gone"))).toBe(false);
});
