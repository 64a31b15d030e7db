/**
 * The lab's disk that drops what was not flushed, under a Debian: what a power cut leaves, saved states, writes that
 * fail.
 */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { damage, type FaultyDisk, rawBase, startDisk } from "../lab/disk/index.ts";
import { type BaseImage, ensureDebian, startVps, type Vps } from "../lab/vps/index.ts";
import { BOOT_MS, on, steps } from "./hijack-lab.ts";

const step = steps(test);
const tell = (line: string) => process.stderr.write(`  disk: ${line}\n`);
const work = mkdtempSync(join(tmpdir(), "pine-disk-"));
const saved = join(work, "saved");
const memory = join(work, "memory");
let base: BaseImage;
let raw: string;
let disk: FaultyDisk;
let vps: Vps;

const digests = (names: string) => on(vps, `cd /var/tmp && sha256sum ${names} 2>/dev/null || true`);

beforeAll(async () => {
  base = await ensureDebian(tell);
  raw = await rawBase(base.disk);
  mkdirSync(join(work, "one"));
  disk = await startDisk({ base: raw, dir: join(work, "one"), top: saved });
  vps = await startVps({ base, dir: join(work, "one"), faulty: disk, log: tell });
});
afterAll(async () => {
  await vps?.stop();
  await disk?.close();
  rmSync(work, { recursive: true, force: true });
});

step("its pace", async () => {
  const began = performance.now();
  await on(vps, "dd if=/dev/zero of=/var/tmp/big bs=1M count=100 conv=fsync 2>/dev/null");
  const wrote = performance.now();
  await on(vps, "echo 3 >/proc/sys/vm/drop_caches; cat /var/tmp/big >/dev/null; rm /var/tmp/big; sync");
  const seconds = (ms: number) => (ms / 1000).toFixed(1);
  tell(`100 MB written in ${seconds(wrote - began)} s, read in ${seconds(performance.now() - wrote)} s`);
});

step("a state is saved: memory and disk", async () => {
  await on(vps, "echo before >/var/tmp/state; sync; echo in memory >/var/tmp/unsaved");
  const began = performance.now();
  await vps.freezeTo(memory);
  await disk.save();
  await disk.close();
  tell(`saved in ${((performance.now() - began) / 1000).toFixed(1)} s`);
});

/** Another machine that goes on where the saved one was stopped. */
async function goOn(name: string): Promise<void> {
  const dir = join(work, name);
  mkdirSync(dir);
  const began = performance.now();
  disk = await startDisk({ base: raw, dir, top: join(dir, "disk"), layers: [saved] });
  vps = await startVps({ base, dir, faulty: disk, memoryFile: memory, wait: false });
  await vps.waitSsh(60_000);
  tell(`SSH ${((performance.now() - began) / 1000).toFixed(1)} s after the start from a saved memory`);
}

step("a machine goes on there; what was not flushed is lost in a cut, what was flushed is not", async () => {
  await goOn("two");
  expect(await on(vps, "cat /var/tmp/state /var/tmp/unsaved")).toBe("before\nin memory");
  // the journal is committed every 5 s of the file system's own accord
  await on(vps, "mount -o remount,commit=3600 /; sync");
  await on(vps, "head -c 200000 /dev/urandom >/var/tmp/flushed; sync /var/tmp/flushed");
  const whole = await digests("flushed");
  // written to the disk, but not flushed there: past the page cache, into blocks that a file has
  await on(vps, "dd if=/dev/zero of=/var/tmp/direct bs=4k count=16 conv=fsync 2>/dev/null");
  await on(
    vps,
    "tr '\\0' x </dev/zero | dd of=/var/tmp/direct bs=4k count=16 iflag=fullblock oflag=direct conv=notrunc",
  );
  const { waiting } = await disk.stat();
  expect(waiting).toBeGreaterThanOrEqual(65_536);
  expect(await on(vps, "tr -d x </var/tmp/direct | wc -c")).toBe("0");
  await on(vps, "head -c 200000 /dev/urandom >/var/tmp/late");
  await vps.cut({ mode: "drop", seed: 1 });
  await vps.boot();
  await vps.waitSsh(BOOT_MS);
  expect(await digests("flushed late")).toBe(whole);
  expect(await on(vps, "tr -d '\\0' </var/tmp/direct | wc -c")).toBe("0");
  expect(await on(vps, "cat /var/tmp/state")).toBe("before");
});

step("of what was not flushed, each sector survives or not", async () => {
  await on(
    vps,
    "tr '\\0' y </dev/zero | dd of=/var/tmp/direct bs=4k count=16 iflag=fullblock oflag=direct conv=notrunc",
  );
  await vps.cut({ mode: "sectors", seed: 2 });
  await vps.boot();
  await vps.waitSsh(BOOT_MS);
  const survived = Number(await on(vps, "tr -d '\\0' </var/tmp/direct | wc -c"));
  // all or none of sixteen: once in 32768
  expect(survived % 4096).toBe(0);
  expect(survived).toBeGreaterThan(0);
  expect(survived).toBeLessThan(65_536);
});

step("writes fail when they are told to, and work again", async () => {
  await disk.fail(true);
  const write = "dd if=/dev/urandom of=/var/tmp/direct bs=4k count=1 oflag=direct conv=notrunc";
  expect((await vps.ssh(write)).stderr).toContain("Input/output error");
  await disk.fail(false);
  await on(vps, write);
});

step("it cuts itself at a flush, and the power is gone for everybody", async () => {
  const before = await on(vps, "cat /var/tmp/state");
  await disk.trigger({ on: "flush", n: 1, at: "before" });
  const writing = vps.ssh("echo after >/var/tmp/state; sync /var/tmp/state", { timeout: 20_000 }).catch(() => {});
  expect((await disk.frozen()).frozen).toBe(true);
  await vps.cut({ mode: "drop", seed: 3 });
  await writing;
  await vps.boot();
  await vps.waitSsh(BOOT_MS);
  expect(["", before]).toContain(await on(vps, "cat /var/tmp/state"));
});

step("the saved state is as it was", async () => {
  const image = join(work, "disk.raw");
  await vps.stop();
  await disk.export(image);
  expect(await damage(image)).toEqual([]);
  await disk.close();
  await goOn("three");
  expect(await on(vps, "cat /var/tmp/state /var/tmp/unsaved; ls -p /var/tmp | grep -v /")).toBe(
    "before\nin memory\nstate\nunsaved",
  );
});
