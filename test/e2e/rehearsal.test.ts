/**
 * Commits that boot here before a server is touched: good ones and bad ones, on a busy machine, and runs that end in
 * the midst.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { readdirSync, readFileSync, readlinkSync, statSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { tidy } from "../../provider/image/namespace/temp.ts";
import type { Store } from "../../provider/image/store/store.ts";
import { until } from "./hijack-lab.ts";
import { type ImageLab, startImageLab } from "./image-lab.ts";
import {
  BROKEN_INIT,
  commitOf,
  GOOD,
  guest,
  leftovers,
  otherNetwork,
  rehearsed,
  SECRET,
  SICK,
  SILENT_INIT,
} from "./rehearsal-lab.ts";

let lab: ImageLab;
let store: Store;
let good: string;
beforeAll(async () => {
  lab = await startImageLab();
  store = await lab.ownStore();
  good = await commitOf(lab, store, GOOD);
});
afterAll(() => lab?.end());

/** Processes that work in the store: QEMU and what builds its disk. */
const working = () =>
  readdirSync("/proc").filter((pid) => {
    try {
      return /^\d+$/.test(pid) && readlinkSync(`/proc/${pid}/cwd`).startsWith(store.path("tmp"));
    } catch {
      return false; // ended meanwhile, or not ours to see
    }
  });
const records = () => readdirSync(store.path("rehearsals")).filter((name) => name.endsWith(".json"));
const BOOTS = /^rehearsal: making the disk$/;

test("a good commit passes, with two cards and the server's own files", async () => {
  const steps: string[] = [];
  const r = await rehearsed(lab, store, good, { steps });
  expect(r).toMatchObject({ answer: "pass", reasons: [], console: [] });
  expect(r.notes).toEqual([expect.stringMatching(/^health check room: \d+ MiB are free, expected 1000000$/)]);
  expect(steps).toContainEqual(expect.stringMatching(BOOTS));
  expect(steps).toContainEqual(expect.stringMatching(/^rehearsal: .* \(\d+ s of at most \d+ s(, emulated)?\)$/));
  expect([await leftovers(store), working()]).toEqual([[], []]);
});

test("another server of the same shape, and a second up, boot nothing again", async () => {
  const { network, identity } = await guest();
  const other = { network: otherNetwork, identity: identity.filter((f) => f.path !== "/etc/hostname") };
  expect(other.network.interfaces).not.toBe(network.interfaces);
  const steps: string[] = [];
  const r = await rehearsed(lab, store, good, { guest: other, steps });
  expect(r).toMatchObject({ answer: "pass", how: expect.stringMatching(/: known from then$/) });
  expect(steps).toEqual([]);
});

test("what is kept of it holds nothing of the program's files, and goes with its commit", async () => {
  expect(records()).toEqual([expect.stringMatching(new RegExp(`^${good}-[0-9a-f]{32}\\.json$`))]);
  expect(readFileSync(store.path("rehearsals", records()[0]!), "utf8")).not.toContain(SECRET);
  expect(statSync(store.path("rehearsals", ".salt")).mode & 0o777).toBe(0o600);
});

test("a commit whose init restarts the machine fails, and its console is told", async () => {
  const checksum = await commitOf(lab, store, BROKEN_INIT);
  const r = await rehearsed(lab, store, checksum);
  expect(r).toMatchObject({ answer: "fail", reasons: [expect.stringMatching(/^it restarted after \d+ s/)] });
  expect(r.console.join("\n")).toMatch(/Booting `Pine rehearsal/);
  expect(await rehearsed(lab, store, checksum)).toMatchObject({ answer: "fail", console: r.console });
});

test("one whose init starts nothing fails within the time that is announced", async () => {
  const steps: string[] = [];
  const r = await rehearsed(lab, store, await commitOf(lab, store, SILENT_INIT), { steps, timeout: 60 });
  const announced = /of at most (\d+) s/.exec(steps.find((line) => line.includes("of at most"))!)![1];
  expect(r.reasons[0]).toMatch(new RegExp(`^its ${announced} s were up: no service was started`));
  // the machine may get other work meanwhile: then it says so
  expect(r.answer).toBe(r.reasons[0]!.includes("slower meanwhile") ? "unknown" : "fail");
});

test("one whose service does not answer fails by its health check", async () => {
  const r = await rehearsed(lab, store, await commitOf(lab, store, SICK));
  expect(r).toMatchObject({ answer: "fail", reasons: ["health check db: no connection"] });
});

// fleet.md row 90: tailscale/tailscale#19384, systemd/systemd#8883, zephyrproject-rtos/zephyr#12553
test("on a machine with four busy loops a good commit passes, or nothing is said of it", async () => {
  const loops: ChildProcess[] = Array.from({ length: 4 }, () => spawn("sh", ["-c", "while :; do :; done"]));
  try {
    const r = await rehearsed(lab, store, good, { guest: { again: "busy" } });
    expect(["pass", "unknown"], r.reasons.join("; ")).toContain(r.answer);
  } finally {
    for (const loop of loops) loop.kill("SIGKILL");
  }
});

test("Ctrl-C ends it, and nothing is left", async () => {
  const [stop, kept] = [new AbortController(), records()];
  const steps: string[] = [];
  const running = rehearsed(lab, store, good, { guest: { again: "Ctrl-C" }, signal: stop.signal, steps });
  running.catch(() => {});
  await until("the guest runs", () => steps.some((line) => line.includes("of at most")));
  stop.abort();
  await expect(running).rejects.toThrow();
  expect([await leftovers(store), working(), records()]).toEqual([[], [], kept]);
});

test("kill -9 of who rehearses ends the guest, and its disk goes at the next start", async () => {
  const input = { config: lab.config(store), checksum: good, guest: await guest({ again: "kill" }) };
  const script = join(import.meta.dirname, "rehearse-process.ts");
  const child = spawn(process.execPath, ["--import", "tsx", script, JSON.stringify(input)], { stdio: "inherit" });
  const qemu = () => working().some((pid) => readFileSync(`/proc/${pid}/cmdline`, "latin1").includes("file=disk.raw"));
  await until("the guest runs", () => {
    if (child.exitCode !== null) throw new Error(`it ended: ${child.exitCode}`);
    return qemu();
  });
  const [folder] = await leftovers(store);
  const disk = statSync(store.path("tmp", folder!, "work", "disk.raw"));
  expect([disk.mode & 0o777, statSync(store.path("tmp", folder!, "work")).mode & 0o777]).toEqual([0o600, 0o700]);
  child.kill("SIGKILL");
  await until("the guest has ended", () => working().length === 0);
  await sleep(100);
  await tidy(store.dir);
  expect(await leftovers(store)).toEqual([]);
});
