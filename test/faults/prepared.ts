/**
 * Prepared servers with their stacks: made once, kept in the lab's cache by what they are made of, and started from for
 * each cut.
 */
import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { run } from "../../provider/local/run.ts";
import { Project, SERVER, withInputs } from "../e2e/hijack-cli.ts";
import { configure } from "../e2e/hijack-lab.ts";
import { rawBase, startDisk } from "../lab/disk/disk.ts";
import { ensureMirror } from "../lab/mirror/index.ts";
import { serveMirror } from "../lab/mirror/server.ts";
import { labCache } from "../lab/processes.ts";
import { pluginFolder } from "../lab/pulumi.ts";
import type { BaseImage } from "../lab/vps/bases.ts";
import { ensureDebian } from "../lab/vps/debian.ts";
import { withLock } from "../lab/vps/key.ts";
import { startVps } from "../lab/vps/vps.ts";
import { COMMANDS, type Commit, type StateName } from "./commands.ts";
import type { Kind } from "./kinds.ts";
import { preparePulling } from "./pulling.ts";
import { build, keep } from "./stack.ts";

export interface Prepared {
  folder: string;
  base: BaseImage;
  raw: string;
  /** What the stacks say and each start replaces: SSH port, folder of the project. */
  was: { port: number; work: string };
  /** Of the mirror: its address is part of every rootfs, so it stays. */
  mirrorPort: number;
  commits: Record<Commit, string>;
}

const FORMAT = 3;

/** Which disk layers and which memory a state begins with, in the folder. */
export const MACHINES: Record<StateName, { layers: string[]; memory: string }> = {
  debian: { layers: ["debian"], memory: "debian.memory" },
  update: { layers: ["debian", "pine"], memory: "pine.memory" },
  return: { layers: ["debian", "pine"], memory: "pine.memory" },
  restore: { layers: ["debian", "pine"], memory: "pine.memory" },
  finalize: { layers: ["debian", "pine"], memory: "pine.memory" },
  pull: { layers: ["debian", "pine", "pull"], memory: "pull.memory" },
};

/** Of every file in a folder, by name and content. */
export function digestOf(folder: string): string {
  const hash = createHash("sha256");
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((f) => f.isFile());
  for (const path of files.map((f) => join(f.parentPath, f.name)).sort())
    hash.update(path.slice(folder.length)).update("\0").update(readFileSync(path));
  return hash.digest("hex");
}

/**
 * The prepared states of a kind of server for this build of the provider; made when they are not there, in about five
 * minutes.
 */
export async function prepare(kind: Kind, log: (line: string) => void): Promise<Prepared> {
  const base = await ensureDebian(log, kind.release, kind.way, [], kind.layout);
  const raw = await rawBase(base.disk);
  const tree = await ensureMirror(log);
  const made = [FORMAT, basename(dirname(base.disk)), basename(tree.dir), digestOf(pluginFolder)];
  const key = createHash("sha256").update(JSON.stringify(made)).digest("hex").slice(0, 16);
  const folder = join(labCache(), "faults", key);
  const open = (): Prepared => ({
    folder,
    base,
    raw,
    ...JSON.parse(readFileSync(join(folder, "prepared.json"), "utf8")),
  });
  if (existsSync(folder)) return open();
  return withLock(join(labCache(), "faults"), async () => {
    if (existsSync(folder)) return open();
    const work = mkdtempSync(join(labCache(), "faults", "tmp-"));
    try {
      await make(work, base, raw, log);
      renameSync(work, folder);
    } finally {
      rmSync(work, { recursive: true, force: true });
    }
    return open();
  });
}

async function make(into: string, base: BaseImage, raw: string, log: (line: string) => void): Promise<void> {
  const work = mkdtempSync(join(tmpdir(), "pine-faults-"));
  const dir = join(work, "vm");
  mkdirSync(dir);
  const tree = await ensureMirror(log);
  const mirror = await serveMirror(tree);
  const layer = (name: string) => join(into, name);
  const project = new Project(work);
  const ending: (() => unknown)[] = [() => mirror.close(), () => project.end()];
  try {
    log("preparing: Debian");
    let disk = await startDisk({ base: raw, dir, top: layer("debian") });
    ending.unshift(() => disk.close());
    let vps = await startVps({ base, dir, faulty: disk, log });
    ending.unshift(() => vps.stop());
    const { port } = vps;
    await configure(project, { work, vps, mirror }, tree.keys);
    // under an emulator a kernel may find that its timer does not tick in time, and panic; it does not look on KVM and
    // the like
    project.edit((text) => withInputs(text, { kernelArguments: ["no_timer_check"] }));
    await project.set({ hostname: "web-1" });
    await project.secret("token", "a token of no importance");
    await vps.freezeTo(join(into, "debian.memory"));
    await disk.save();
    await disk.close();

    log("preparing: the first commit");
    const first = await build(project);
    await keep(work, into, "debian");

    log("preparing: Pine beside it");
    disk = await startDisk({ base: raw, dir, top: layer("pine"), layers: [layer("debian")] });
    vps = await startVps({ base, dir, port, faulty: disk, memoryFile: join(into, "debian.memory"), wait: false, log });
    await vps.waitSsh(60_000);
    await project.ok([...COMMANDS.install.args]);
    await vps.freezeTo(join(into, "pine.memory"));
    await disk.save();
    await run("cp", ["-a", join(work, "store", "sysroots"), join(into, "projects", "debian", "store")]);
    await keep(work, into, "restore");
    const removing = { removeOldSystem: true };
    project.edit((text) => withInputs(text, removing));
    await keep(work, into, "finalize");
    project.edit((text) => text.replace(withInputs(SERVER, removing), SERVER));

    log("preparing: a healthy update, and one that is not");
    await project.set({ page: "Hello again" });
    const next = await build(project);
    await keep(work, into, "update");
    await project.simple(["config", "rm", "page"]);
    await project.set({ webPort: "81" }); // health is asked for on 80
    const bad = await build(project);
    await keep(work, into, "return");
    const offered = await preparePulling({ project, base, raw, dir, port, into, log });
    const prepared = { was: { port, work }, mirrorPort: mirror.port, commits: { first, next, bad, offered } };
    writeFileSync(join(into, "prepared.json"), JSON.stringify(prepared));
  } finally {
    for (const step of ending) await step();
    rmSync(work, { recursive: true, force: true });
  }
}
