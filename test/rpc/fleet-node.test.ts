/** The same Fleet from a program in TypeScript, through the generated SDK: its order, and what an output waits for. */
import { mkdirSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import * as pine from "@pine/pulumi-pine";
import * as auto from "@pulumi/pulumi/automation/index.js";
import * as pulumi from "@pulumi/pulumi/index.js";
import { afterAll, beforeAll, expect, test } from "vitest";
import { pulumiBinary } from "../lab/pulumi.ts";
import { commit, type FleetLab, fleetLab, groups, kept, ORDERS } from "./fleet-lab.ts";

const NAMES = ["a", "b", "c", "d"];
let lab: FleetLab;
let stack: auto.Stack;
/** What the program asks for; changed between runs. */
let rollout: pine.types.input.RolloutArgs;
let letter: string;

const program = async () => {
  const servers = Object.fromEntries(NAMES.map((name) => [name, { connection: { port: lab.ports.of[name] } }]));
  // a secret within stays one, and the rest of the server is no secret for it
  const privateKey = pulumi.secret("CANARY-KEY");
  const defaults = { connection: { host: "127.0.0.1", privateKey } };
  const web = new pine.Fleet("web", { servers, defaults, commit: commit(letter), rollout });
  const connection = web.connections.apply((all) => all.b!);
  const later = new pine.HostHijack("later", { connection: connection as never, commit: commit(letter) });
  return { summary: web.summary, booted: web.booted, later: later.installationId };
};

beforeAll(async () => {
  lab = await fleetLab(NAMES);
  process.env.PATH = `${dirname(pulumiBinary())}${delimiter}${process.env.PATH}`;
  const workDir = join(lab.folder, "node");
  mkdirSync(workDir);
  const plugins = { providers: [{ name: "pine", path: lab.plugin }] };
  const projectSettings = { name: "shop", runtime: "nodejs", plugins } as auto.ProjectSettings;
  const { PATH: _, ...envVars } = lab.env;
  stack = await auto.LocalWorkspace.createOrSelectStack(
    { projectName: "shop", stackName: "node", program },
    { workDir, projectSettings, envVars },
  );
}, 180_000);
afterAll(() => lab?.end());

// pulumi#7540, #7542: what depends on a component of a construct call did not wait for its children
test.each(ORDERS)(
  "commit %s, %j",
  async (next, given, order) => {
    letter = next;
    rollout = given;
    const lines: string[] = [];
    const { outputs } = await stack.up({ parallel: 100, onOutput: (text) => void lines.push(text) });
    const said = lines.join("");
    expect(groups(lab.journal())).toBe(`${order}, later`);
    const words = next === "a" ? "installed" : "rebooted";
    expect(outputs.summary!.value).toBe(`4 servers: 4 ${words}`);
    expect(outputs.booted!.value).toEqual(Object.fromEntries(NAMES.map((name) => [name, commit(next)])));
    expect(said).not.toContain("CANARY");
    expect(said).toMatch(/4 servers: 4 (installed|reboot)/);
    expect(kept(lab, "node")).toContain(commit(next));
    expect(kept(lab, "node")).not.toContain("CANARY");
  },
  120_000,
);
