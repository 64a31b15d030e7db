/**
 * What the tests of reinstall and import share: the example's program with more to it, and what a server must be after
 * each of them.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import type { Project, StateResource } from "./hijack-cli.ts";
import { type Lab, on, startLab } from "./hijack-lab.ts";

export const TYPE = "pine:index:HostHijack";
export const URN = `urn:pulumi:test::pine-server-yaml::${TYPE}::server`;
const NOTE = "a note of no importance";

export interface More {
  /** customTimeouts of create and update: "60s". */
  timeout?: string;
  /** A command as a further health check, and the seconds it has: 1. */
  health?: string;
  patience?: number;
  /** Further inputs of the server, as YAML. */
  inputs?: Record<string, string>;
}

export interface LongLab extends Lab {
  /** As import ids name it. */
  target: string;
  /** Writes the example's program into a project's folder, with a note among the files and more. */
  program(more?: More, projects?: Project[]): void;
  /** The installation's record on the server. */
  record(): Promise<Record<string, string>>;
  inState(): Promise<StateResource | undefined>;
  status(): Promise<string>;
  /**
   * The server is who it was, serves, has its own files, runs what the state says, and the record names the state's
   * installation.
   */
  isItself(): Promise<void>;
}

export async function startLongLab(name: string): Promise<LongLab> {
  const lab = await startLab(name);
  const { project, vps } = lab;
  const example = readFileSync(join(project.dir, "Pulumi.yaml"), "utf8");
  const record = async () =>
    Object.fromEntries((await on(vps, "cat /boot/grub/pine/install")).split("\n").map((l) => l.split(/=(.*)/s)));
  const status = () => on(vps, "/usr/libexec/pine/agent status");
  const long: LongLab = {
    ...lab,
    target: `root@${vps.host}:${vps.port}`,
    program(more, projects = [project]) {
      for (const p of projects) writeFileSync(join(p.dir, "Pulumi.yaml"), withMore(example, more));
    },
    record,
    status,
    inState: async () => (await project.state()).find((r) => r.type === TYPE),
    async isItself() {
      const files = "/etc/pine-demo/token /etc/pine-demo/note";
      const seen = await on(vps, `hostname; cat ${files}; echo; stat -c %a ${files}; wget -qO- http://127.0.0.1/`);
      expect(seen).toMatch(new RegExp(`^web-1\na token of no importance\\s*${NOTE}\\s*600\n644\nHello`));
      const { installationId, booted } = await project.server();
      expect(await record()).toMatchObject({ id: installationId, stack: "pine-server-yaml/test", done: "1" });
      const now = await status();
      expect(now).toMatch(new RegExp(`^running=${booted.slot}$`, "m"));
      expect(now).toMatch(new RegExp(`^slot=${booted.slot}\ntrial=$`, "m"));
    },
  };
  long.program();
  return long;
}

function withMore(example: string, o: More = {}): string {
  const limits = o.timeout
    ? `    options:\n      customTimeouts: { create: ${o.timeout}, update: ${o.timeout} }\n`
    : "";
  const inputs = Object.entries(o.inputs ?? {}).map(([key, value]) => `      ${key}: ${value}\n`);
  const health = o.health ? `        - command: ${o.health}\n          timeout: ${o.patience ?? 1}\n` : "";
  return example
    .replace("    type: pine:HostHijack\n    properties:\n", (own) =>
      own.replace("    properties:\n", `${limits}    properties:\n${inputs.join("")}`),
    )
    .replace(
      "      healthChecks:\n",
      `        /etc/pine-demo/note:\n          content: ${NOTE}\n      healthChecks:\n${health}`,
    );
}
