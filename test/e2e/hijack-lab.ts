/** What the hijack tests share: one of the lab's servers, a mirror, and the example's project that knows both. */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { test as vitestTest } from "vitest";
import { die } from "../../provider/errors.ts";
import { type FaultyDisk, rawBase, startDisk } from "../lab/disk/index.ts";
import { withEnding } from "../lab/ending.ts";
import { ensureMirror, type Fault, type MirrorServer, serveMirror } from "../lab/mirror/index.ts";
import {
  BOOT_WAYS,
  type BootWay,
  ensureDebian,
  LAYOUTS,
  type Layout,
  RELEASES,
  type Release,
  startBooted,
  startVps,
  type Vps,
} from "../lab/vps/index.ts";
import { Project } from "./hijack-cli.ts";

/** Boot of an emulated machine, at most: two of them on a loaded machine with two cores, and then some. */
export const BOOT_MS = 600_000;

/** Debian of the lab's servers: PINE_RELEASE, else bookworm. */
export function labRelease(): Release {
  const name = process.env.PINE_RELEASE || "bookworm";
  return RELEASES.find((r) => r === name) ?? die(`PINE_RELEASE=${name}`, `expected is one of ${RELEASES.join(", ")}`);
}

/** What the lab's servers boot by: PINE_FIRMWARE, else bios. */
export function labFirmware(): BootWay {
  const name = process.env.PINE_FIRMWARE || "bios";
  return (
    BOOT_WAYS.find((way) => way === name) ?? die(`PINE_FIRMWARE=${name}`, `expected is one of ${BOOT_WAYS.join(", ")}`)
  );
}

/** File systems of the lab's servers: PINE_LAYOUT, else plain. */
export function labLayout(): Layout {
  const name = process.env.PINE_LAYOUT || "plain";
  const layouts = Object.keys(LAYOUTS) as Layout[];
  return (
    layouts.find((layout) => layout === name) ?? die(`PINE_LAYOUT=${name}`, `expected is one of ${layouts.join(", ")}`)
  );
}

export interface Lab {
  work: string;
  vps: Vps;
  /** Of a server that was asked for with a disk that can fail. */
  disk?: FaultyDisk;
  mirror: MirrorServer;
  project: Project;
  /** Set while a test runs: what goes wrong with the mirror's answers. */
  fault: { of?: (path: string) => Fault | undefined };
  /** A line of the report, with the seconds since the last one. */
  tell(line: string): void;
  /** Ends everything that was started, and removes the folder. */
  end(): Promise<void>;
}

/**
 * A server that boots, a mirror that serves, a stack `test` of examples/server-yaml configured for them, with a store
 * of its own. `ownCache`: a cache of its own too, instead of the user's. `release`: default {@link labRelease};
 * `firmware`: bios (a test that takes any gives it {@link labFirmware}); `layout`: default {@link labLayout}; `faulty`:
 * on a disk that can fail; `memory`: MiB, unless PINE_MEMORY says how many; `packages`: further ones of Debian;
 * `disks`: further ones, in MiB; `erst`: its firmware keeps what a kernel says as it crashes.
 */
export async function startLab(
  name: string,
  o: {
    ownCache?: boolean;
    release?: Release;
    firmware?: BootWay;
    layout?: Layout;
    faulty?: boolean;
    memory?: number;
    packages?: string[];
    disks?: number[];
    erst?: boolean;
  } = {},
): Promise<Lab> {
  const tell = teller(name);
  return withEnding(async (ending, end) => {
    const work = mkdtempSync(join(tmpdir(), `pine-${name}-`));
    ending.push(() => rmSync(work, { recursive: true, force: true }));
    const fault: Lab["fault"] = {};
    const tree = await ensureMirror(tell);
    const mirror = await serveMirror(tree, { intercept: (path) => fault.of?.(path) });
    ending.unshift(() => mirror.close());
    mkdirSync(join(work, "vps"));
    const dir = join(work, "vps");
    const base = await ensureDebian(tell, o.release ?? labRelease(), o.firmware, o.packages, o.layout ?? labLayout());
    const disk = o.faulty
      ? await startDisk({ base: await rawBase(base.disk), dir, top: join(dir, "disk") })
      : undefined;
    ending.unshift(() => disk?.close());
    const memory = process.env.PINE_MEMORY ? Number(process.env.PINE_MEMORY) : o.memory;
    const plain = !disk && !memory && !o.disks && !o.erst && base.firmware === "bios";
    const machine = { base, dir, log: tell };
    const more = { faulty: disk, memory, disks: o.disks, erst: o.erst };
    const vps = plain ? await startBooted(machine) : await startVps({ ...machine, ...more });
    ending.unshift(() => vps.stop());
    const project = new Project(work);
    ending.unshift(() => project.end());
    const lab = { work, vps, disk, mirror, project, fault, tell, end };
    await configure(project, lab, tree.keys);
    if (o.ownCache) await project.set({ "pine:cache": join(work, "cache") });
    await giveInputs(project);
    tell("the lab stands");
    return lab;
  });
}

/** The same stack in another folder and another backend, as on a second laptop. The caller ends it. */
export async function secondLaptop(lab: Lab): Promise<Project> {
  const second = new Project(join(lab.work, "two"));
  await configure(second, lab);
  await giveInputs(second);
  return second;
}

/** What the example's program asks for beside the server. */
export async function giveInputs(project: Project): Promise<void> {
  await project.set({ hostname: "web-1" });
  await project.secret("token", "a token of no importance");
}

/** Makes a stack `test` of a project and tells it about the lab. */
export async function configure(
  project: Project,
  o: { work: string; vps: Pick<Vps, "host" | "port" | "hostKey" | "privateKey">; mirror: Pick<MirrorServer, "url"> },
  keys?: Record<string, string>,
): Promise<void> {
  const { vps } = o;
  await project.simple(["stack", "init", "test"]);
  await project.set({
    host: vps.host,
    port: String(vps.port),
    hostKey: vps.hostKey,
    "pine:store": join(o.work, "store"),
    "pine:mirror": o.mirror.url,
    "pine:repositoryKeys": JSON.stringify(keys ?? (await ensureMirror()).keys),
  });
  await project.secret("privateKey", vps.privateKey);
}

/** Runs a command on the server as root; another exit code than 0 is an error. */
export async function on(vps: Pick<Vps, "ssh">, command: string, timeout?: number): Promise<string> {
  const r = await vps.ssh(command, { timeout });
  return r.exitCode === 0
    ? r.stdout
    : die(`on the server: ${command}: exit code ${r.exitCode}: ${r.stderr || r.stdout}`);
}

export const bootId = (vps: Vps) => on(vps, "cat /proc/sys/kernel/random/boot_id");

/** Waits until a condition holds; dies after `limit` ms with what `why` says. */
export async function until(what: string, holds: () => Promise<boolean> | boolean, limit = BOOT_MS): Promise<void> {
  const end = performance.now() + limit;
  while (!(await holds())) {
    if (performance.now() > end) die(`waited in vain: ${what}`);
    await new Promise((done) => setTimeout(done, 100));
  }
}

/** Folders that must not change, looked at by MD5: an emulated processor takes three times as long for SHA-256. */
const FOLDERS = "/etc /usr /boot $(ls -d /boot/efi/EFI 2>/dev/null)";
/** Debian 13 touches GRUB's own environment at each of its boots: of that the time does not count. */
const TIMES = "-type f ! -path /boot/grub/grubenv -printf '%p\\t%s %T@\\n'";
type Looking = { quick?: boolean; digested?: string };
/** What lies below a /boot that is a filesystem of its own. */
const BELOW = `[ "$(stat -c %d /boot)" = "$(stat -c %d /)" ] || { mkdir -p /run/below; mount --bind / /run/below; find /run/below/boot -printf '%p\\t%y\\n'; umount /run/below; }`;

/**
 * The server's /etc, /usr and /boot, path to what it is: type, mode, owner, and a file's size, time and digest or a
 * link's target; the names in /; and what lies below the mount of a /boot. `quick`: size and times of a file instead of
 * its digest, so that nothing was even written. `digested`: the folders whose files are digested, default all; /usr
 * takes an emulated processor two minutes.
 */
export async function listing(vps: Pick<Vps, "ssh">, o: Looking = {}): Promise<Map<string, string>> {
  const format = o.quick ? "%p\\t%y %m %U:%G %s %T@ %C@ %l\\n" : "%p\\t%y %m %U:%G %l\\n";
  const commands = [`find ${FOLDERS} -xdev -printf '${format}'`, "find / -maxdepth 1 -printf '%p\\t%y\\n'", BELOW];
  if (!o.quick)
    commands.push(
      `find ${FOLDERS} -xdev ${TIMES}`,
      `find ${o.digested ?? FOLDERS} -xdev -type f -print0 | xargs -0 md5sum | sed 's/^\\([0-9a-f]*\\)  \\(.*\\)/\\2\\tfile \\1/'`,
    );
  const found = new Map<string, string>();
  for (const line of (await on(vps, commands.join("; "), 900_000)).split("\n")) {
    const tab = line.indexOf("\t");
    if (tab > 0) found.set(line.slice(0, tab), `${found.get(line.slice(0, tab)) ?? ""} ${line.slice(tab + 1)}`);
  }
  if (found.size < 5000) die(`the server's listing has only ${found.size} entries`);
  return found;
}

/** What differs between two listings, a line each. */
export function differences(before: Map<string, string>, after: Map<string, string>): string[] {
  const paths = new Set([...before.keys(), ...after.keys()]);
  return [...paths]
    .filter((path) => before.get(path) !== after.get(path))
    .sort()
    .map((path) => `${path}:${before.get(path) ?? " -"} =>${after.get(path) ?? " -"}`);
}

/** Writes lines of a test's report, each with the seconds since the last one. */
export function teller(name: string): (line: string) => void {
  let last = performance.now();
  return (line) => {
    const now = performance.now();
    process.stderr.write(`  ${name}: ${line} (${((now - last) / 1000).toFixed(1)} s)\n`);
    last = now;
  };
}

/** A random number generator that can be told to do the same again: PINE_SEED. */
export function seeded(name: string): () => number {
  const seed = Number(process.env.PINE_SEED ?? Math.floor(Math.random() * 2 ** 31));
  process.stderr.write(`  ${name}: PINE_SEED=${seed}\n`);
  let state = seed >>> 0;
  // mulberry32
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Tests that build on each other: after the first failure the others fail at once. */
export function steps(test: typeof vitestTest): (name: string, work: () => Promise<void>) => void {
  let failed: string | undefined;
  return (name, work) =>
    test(name, async () => {
      if (failed) die(`not run, since this failed: ${failed}`);
      failed = name;
      await work();
      failed = undefined;
    });
}
