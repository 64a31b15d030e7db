/**
 * What the tests of containers share: one of the lab's container VPSes, a mirror, and the example's project that knows
 * both.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { withEnding } from "../lab/ending.ts";
import { type Lxc, type LxcOptions, startLxc } from "../lab/lxc/index.ts";
import { ensureMirror, type MirrorServer, serveMirror } from "../lab/mirror/index.ts";
import { Project } from "./hijack-cli.ts";
import { configure, giveInputs, teller } from "./hijack-lab.ts";

/** A start of a container and SSH to it, at most. */
export const START_MS = 120_000;

export interface ContainerLab {
  work: string;
  vps: Lxc;
  mirror: MirrorServer;
  project: Project;
  /** A line of the report, with the seconds since the last one. */
  tell(line: string): void;
  end(): Promise<void>;
}

/**
 * A container that runs Debian, and a stack `test` of examples/server-yaml for it, with a store of its own or a given
 * one.
 */
export async function startContainerLab(name: string, o: LxcOptions & { store?: string }): Promise<ContainerLab> {
  const tell = teller(name);
  return withEnding(async (ending, end) => {
    const work = mkdtempSync(join(tmpdir(), `pine-${name}-`));
    ending.push(() => rmSync(work, { recursive: true, force: true }));
    const tree = await ensureMirror(tell);
    const mirror = await serveMirror(tree);
    ending.unshift(() => mirror.close());
    const vps = await startLxc({ name, log: tell, ...o });
    ending.unshift(() => vps.stop());
    const project = new Project(work);
    ending.unshift(() => project.end());
    await configure(project, { work, vps, mirror }, tree.keys);
    if (o.store) await project.set({ "pine:store": o.store });
    await giveInputs(project);
    await project.set({ target: "container" });
    tell("the lab stands");
    return { work, vps, mirror, project, tell, end };
  });
}
