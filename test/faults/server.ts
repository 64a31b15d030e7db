/** A server and its stack as they were prepared, started anew in a folder: seconds instead of minutes. */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { agentScript } from "../../provider/host/scripts.ts";
import { parseStatus } from "../../provider/host/server/agent.ts";
import { keyValues } from "../../provider/host/ssh/answers.ts";
import { run } from "../../provider/local/run.ts";
import { Project } from "../e2e/hijack-cli.ts";
import { type FaultyDisk, startDisk } from "../lab/disk/disk.ts";
import { withEnding } from "../lab/ending.ts";
import { startVps, type Vps } from "../lab/vps/vps.ts";
import { serveFolder } from "../lab/web.ts";
import type { StateName } from "./commands.ts";
import { MACHINES, type Prepared } from "./prepared.ts";

export interface Server {
  dir: string;
  disk: FaultyDisk;
  vps: Vps;
  project: Project;
  /** Ends everything; the folder stays. */
  end(): Promise<void>;
}

/** `bin`: the plugin. The folder is emptied first. */
export async function startServer(
  prepared: Prepared,
  state: StateName,
  o: { dir: string; bin: string },
): Promise<Server> {
  const { dir } = o;
  const [vm, work] = [join(dir, "vm"), join(dir, "work")];
  rmSync(dir, { recursive: true, force: true });
  for (const folder of [vm, work]) mkdirSync(folder, { recursive: true });
  const machine = MACHINES[state];
  const layers = machine.layers.map((name) => join(prepared.folder, name));
  return withEnding(async (ending, end) => {
    const disk = await startDisk({ base: prepared.raw, dir: vm, top: join(vm, "disk"), layers });
    ending.push(() => disk.close());
    const memoryFile = join(prepared.folder, machine.memory);
    const published = join(prepared.folder, "projects", state, "published");
    const web = existsSync(published) ? await serveFolder(published, ending) : undefined;
    const vps = await startVps({ base: prepared.base, dir: vm, faulty: disk, memoryFile, web, wait: false });
    ending.unshift(() => vps.stop());
    const project = new Project(work);
    ending.unshift(() => project.end());
    await run("cp", ["-a", `${join(prepared.folder, "projects", state)}/.`, work]);
    project.env.PULUMI_STACK = "test";
    retarget(work, prepared.was, { port: vps.port, work });
    rmSync(join(work, "bin"));
    symlinkSync(o.bin, join(work, "bin"));
    await vps.waitSsh(60_000);
    return { dir, disk, vps, project, end };
  });
}

/** The stack's configuration and state name the server's port and the folder. */
function retarget(work: string, was: Prepared["was"], now: Prepared["was"]): void {
  const files = [join(work, "examples", "server-yaml", "Pulumi.test.yaml")];
  const stacks = join(work, ".backend", ".pulumi", "stacks");
  for (const entry of readdirSync(stacks, { recursive: true, withFileTypes: true }))
    if (entry.isFile()) files.push(join(entry.parentPath, entry.name));
  for (const file of files) {
    const text = readFileSync(file, "utf8")
      .replaceAll(was.work, now.work)
      .replace(new RegExp(`(port"?: ?"?)${was.port}\\b`, "g"), `$1${now.port}`);
    writeFileSync(file, text);
  }
}

const AGENT = agentScript();

/** What answers, by the agent's own words. */
export interface Look {
  status: ReturnType<typeof parseStatus>;
  /** What the agent says of the state, as it says it. */
  state: Record<string, string>;
  debian: boolean;
  /** Lines of the kernel's log about a broken file system. */
  kernel: string[];
  /** Sizes of the environment files that are there. */
  sizes: number[];
}

const LOOK = `. /etc/os-release; echo "id=$ID"
find /boot /boot/grub/pine -xdev -path '*pine/env' -exec wc -c {} + 2>/dev/null | sed -n 's/^ *\\([0-9]*\\) .*env$/size=\\1/p'
dmesg | grep -E 'EXT4-fs( \\([^)]*\\))?:? (error|warning)|EXT4-fs error|XFS.*([Cc]orrupt|error)|I/O error|Remounting filesystem read-only' | sed 's/^/kernel=/'
true`;

export async function lookAt(vps: Vps): Promise<Look> {
  const agent = await vps.ssh("sh -s status", { input: AGENT });
  const more = await vps.ssh(LOOK);
  if (agent.exitCode !== 0 || more.exitCode !== 0)
    throw new Error(`cannot look at the server: ${agent.stderr} ${more.stderr}`);
  const values = (key: string) =>
    more.stdout.split("\n").flatMap((l) => (l.startsWith(`${key}=`) ? [l.slice(key.length + 1)] : []));
  return {
    status: parseStatus(agent.stdout),
    state: Object.fromEntries(keyValues(agent.stdout)),
    debian: values("id").includes("debian"),
    kernel: values("kernel"),
    sizes: values("size").map(Number),
  };
}
