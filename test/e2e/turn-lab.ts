/**
 * Servers of a group for the tests of turn: each has /run, /var/lib/pine and its slots in folders of its own, in a
 * mount namespace; the network is this machine's. Its programs are busybox' and curl, or Debian's with dash.
 */
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect } from "vitest";
import { envBlock } from "../../provider/boot/state.ts";
import { turnScript } from "../../provider/host/scripts.ts";
import { startConsul } from "../lab/consul/index.ts";
import { startEtcd } from "../lab/etcd/index.ts";
import type { Store } from "../lab/store.ts";

export type Shell = "busybox" | "dash";
export const SHELLS: Shell[] = ["busybox", "dash"];

export const COMMIT = { a: "a".repeat(64), b: "b".repeat(64), c: "c".repeat(64), old: "0".repeat(64) };

interface Ran {
  code: number;
  /** Standard output, without the end of its line. */
  text: string;
  stderr: string;
}

const which = (name: string) => execFileSync("sh", ["-c", `command -v ${name}`], { encoding: "utf8" }).trim();

const IN_IT = `set -eu
mount --make-rprivate /
mkdir -p /var/lib/pine
mount --bind "$1/memory" /var/lib/pine
mount --bind "$1/run" /run
# each boot of a made-up server has another
mount --bind "$1/boot_id" /proc/sys/kernel/random/boot_id
home=$1
shift
exec env -i "PATH=$PATH" "PINE_DIR=$home/slots" "$@"`;

export interface Settings {
  backend: "consul" | "etcd" | "fleetlock";
  url: string;
  group: string;
  [name: string]: string | number;
}

/** One server. It runs commit `old` from slot a, confirmed, until it is told otherwise. */
export class Box {
  readonly dir = mkdtempSync(join(tmpdir(), "pine-turn-"));
  private boots = 0;

  constructor(
    readonly id: string,
    readonly shell: Shell,
    o: { curl?: boolean } = {},
  ) {
    for (const folder of ["memory", "run", "slots", "bin"]) mkdirSync(join(this.dir, folder));
    const bin = join(this.dir, "bin");
    const applets = execFileSync("busybox", ["--list"], { encoding: "utf8" }).trim().split("\n");
    for (const name of applets) symlinkSync(which("busybox"), join(bin, name));
    // Debian's busybox has not all that Alpine's has
    for (const name of ["cksum", "flock", ...(o.curl === false ? [] : ["curl"])])
      if (!existsSync(join(bin, name))) symlinkSync(which(name), join(bin, name));
    symlinkSync(which("busybox"), join(bin, "busybox"));
    if (shell === "dash" && o.curl === false) throw new Error("Debian's programs come with curl");
    this.runs(COMMIT.old);
    writeFileSync(join(this.dir, "turn"), turnScript());
    boxes.add(this);
  }

  /** What the program gave this server; `token` is its secret. */
  configure(settings: Settings, token?: string): this {
    const lines = Object.entries({ id: this.id, ...settings }).map(([name, value]) => `${name}=${value}\n`);
    writeFileSync(this.memory("lock"), lines.join(""), { mode: 0o600 });
    if (token) writeFileSync(this.memory("lock.token"), `${token}\n`, { mode: 0o600 });
    return this;
  }

  memory = (path: string) => join(this.dir, "memory", path);
  has = (path: string) => existsSync(this.memory(path));
  read = (path: string) => readFileSync(this.memory(path), "utf8");

  /** It has booted a commit, and its slot is confirmed, or on trial. */
  runs(commit: string, state: "confirmed" | "trial" = "confirmed"): void {
    const trial = state === "trial" ? " pine.trial=1" : "";
    this.boots++;
    rmSync(join(this.dir, "run"), { recursive: true });
    mkdirSync(join(this.dir, "run"));
    writeFileSync(join(this.dir, "run/ostree-booted"), "");
    writeFileSync(join(this.dir, "boot_id"), `${this.id}-${this.boots}\n`);
    const slot = state === "trial" ? "b" : "a";
    const arguments_ = `ostree=/ostree/deploy/pine/deploy/${commit}.0 pine.slot=${slot}${trial}\n`;
    writeFileSync(join(this.dir, "run/pine.cmdline"), arguments_);
    writeFileSync(join(this.dir, "slots/env"), envBlock({ slot: "a" }));
    if (state === "confirmed") rmSync(this.memory("trial"), { force: true });
  }

  /** As `agent arm` writes it down. */
  arm(commit: string): void {
    writeFileSync(this.memory("trial"), `slot=b\ncommit=${commit}\nfrom=${COMMIT.old}\njudge=self\n`);
  }

  /** As `agent confirm` leaves it. */
  confirm(commit: string): void {
    this.runs(commit);
  }

  /** As `agent ok` writes it down when a trial did not stay. */
  refuse(commit: string, kind: "bad" | "unclear" | "elsewhere" | "person", reason: string): void {
    writeFileSync(this.memory("refused"), `${commit} ${kind} 2026-01-31T12:00:00Z ${reason}\n`);
  }

  start(args: string[]): { pid: number; ended: Promise<Ran> } {
    const shell = this.shell === "busybox" ? [join(this.dir, "bin/busybox"), "sh"] : [which("dash")];
    const path = this.shell === "busybox" ? join(this.dir, "bin") : process.env.PATH!;
    const command = ["unshare", "--mount", "sh", "-c", IN_IT, "sh", this.dir, `PATH=${path}`, ...shell];
    const child = spawn(command[0]!, [...command.slice(1), join(this.dir, "turn"), ...args], {
      stdio: ["ignore", "pipe", "pipe"],
      detached: true,
    });
    let [stdout, stderr] = ["", ""];
    child.stdout.on("data", (part) => {
      stdout += part;
    });
    child.stderr.on("data", (part) => {
      stderr += part;
    });
    const ended = new Promise<Ran>((done) => {
      child.on("close", (code) => done({ code: code ?? -1, text: stdout.replace(/\n$/, ""), stderr }));
    });
    return { pid: child.pid!, ended };
  }

  turn = (...args: string[]) => this.start(args).ended;

  /** While `pine upgrade` or the program has the server's lock, as it does when it takes a turn. */
  async atWork<T>(work: () => Promise<T>): Promise<T> {
    const file = join(this.dir, "run/pine.lock");
    // its word comes once it has the lock
    const script = 'exec 9>>"$1" && flock 9 && echo has && exec cat';
    const holder = spawn("sh", ["-c", script, "sh", file], { stdio: ["pipe", "pipe", "ignore"] });
    const ended = once(holder, "exit");
    try {
      await Promise.race([
        once(holder.stdout, "data"),
        ended.then(([code]) => Promise.reject(new Error(`nobody has ${file}: ${code}`))),
      ]);
      return await work();
    } finally {
      holder.stdin.end();
      await ended;
    }
  }

  end = () => rmSync(this.dir, { recursive: true, force: true });
}

const boxes = new Set<Box>();
export function endBoxes(): void {
  for (const box of boxes) box.end();
  boxes.clear();
}

/** The stores of which the same must hold, each with one of the shells. */
export const STORES: ["consul" | "etcd", Shell, () => Promise<Store>][] = [
  ["consul", "busybox", startConsul],
  ["etcd", "dash", startEtcd],
];

/** Makes groups of their own in a store: all members of one have joined. */
function groupsIn(store: Store, backend: "consul" | "etcd", shell: Shell) {
  let n = 0;
  return async (names: string[], o: Partial<Settings> = {}) => {
    const name = `g${++n}`;
    const settings = { backend, url: store.url, group: name, slots: 1, ...o };
    const boxes = names.map((id) => new Box(id, shell).configure(settings));
    for (const box of boxes) {
      const { code, text } = await box.turn("join");
      if (code !== 0) throw new Error(`${box.id} cannot join: ${text}`);
    }
    return { boxes, key: `pine/turn/${name}`, settings, text: () => store.read(`pine/turn/${name}`) };
  };
}

type Group = ReturnType<typeof groupsIn>;

/** Within a `describe` of {@link STORES}: starts its store before the tests, and ends it after them. */
export function useStore(...[backend, shell, start]: (typeof STORES)[number]): { store(): Store; group: Group } {
  let store: Store;
  let group: Group;
  beforeAll(async () => {
    store = await start();
    group = groupsIn(store, backend, shell);
  });
  afterAll(async () => {
    endBoxes();
    await store?.end();
  });
  return { store: () => store, group: (names, o) => group(names, o) };
}

export const take = (box: Box, commit: string, purpose = "update") => box.turn("take", commit, purpose);

/** It boots the commit, is confirmed, and says so. */
export async function confirms(box: Box, commit: string): Promise<void> {
  box.confirm(commit);
  expect(await box.turn("release", "good", commit)).toMatchObject({ code: 0 });
}

/** Its store is away, is there, and is away again: each time it waits anew. Ends with a turn of commit a. */
export async function goesWithout(box: Box, there: Settings): Promise<void> {
  const go = { go: COMMIT.a, after: 3, deadline: 0 };
  const away = () => box.configure({ ...there, ...go, url: "http://127.0.0.1:1" });
  const waits = { code: 1, text: expect.stringMatching(/does not answer: .*; this commit may go without, in \d s$/) };
  away();
  expect(await take(box, COMMIT.a)).toMatchObject(waits);
  await new Promise((done) => setTimeout(done, 4000));
  box.configure({ ...there, ...go });
  expect((await box.turn("settle")).code).toBe(0);
  away();
  expect(await take(box, COMMIT.a)).toMatchObject(waits);
  await new Promise((done) => setTimeout(done, 4000));
  expect((await take(box, COMMIT.b)).code).toBe(1);
  expect((await take(box, COMMIT.a)).code).toBe(0);
  expect(await box.turn("check", COMMIT.a)).toMatchObject({ code: 0 });
  const without = /^turnWithout=\d{4}-\S+: this server went without the lock, for commit a{12}$/m;
  expect((await box.turn("status")).text).toMatch(without);
  box.configure(there);
  expect((await take(box, COMMIT.a)).code).toBe(0);
  expect((await box.turn("status")).text).not.toMatch(/^turnWithout/m);
}
