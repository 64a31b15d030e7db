/** What the tests of Fleet's order share: servers that answer, a project, and who was changed when. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type PulumiProject, pulumiProject } from "../lab/pulumi.ts";
import { buildPlugin } from "./harness.ts";

export const commit = (letter: string) => letter.repeat(64);

/** Ports of 127.0.0.1 that greet as SSH does. */
export class Ports {
  private readonly open = new Map<string, Server>();
  readonly of: Record<string, number> = {};
  async answer(name: string): Promise<void> {
    const server = createServer((socket) => {
      socket.on("error", () => {});
      socket.end("SSH-2.0-lab\r\n");
    });
    await new Promise<void>((done) => server.listen(this.of[name] ?? 0, "127.0.0.1", done));
    this.of[name] = (server.address() as { port: number }).port;
    this.open.set(name, server);
  }
  async silence(name: string): Promise<void> {
    await new Promise((done) => this.open.get(name)!.close(done));
    this.open.delete(name);
  }
  async end(): Promise<void> {
    for (const name of [...this.open.keys()]) await this.silence(name);
  }
}

/** Of four servers `a` to `d`, by commit: what a program asks for, and the turns that come of it. */
export const ORDERS: [letter: string, rollout: object, turns: string][] = [
  ["a", { canaries: 0, maxUnavailable: 2 }, "a+b, c+d"],
  ["b", { canaries: 1, maxUnavailable: 2 }, "a, b+c, d"],
  ["c", { canaries: ["d", "c"], maxUnavailable: 1 }, "c, d, a, b"],
  ["d", { canaries: 4, maxUnavailable: 4 }, "a+b+c+d"],
];

/** Everything that the backend keeps of a stack, by a part of its name. */
export const kept = ({ folder }: Pick<FleetLab, "folder">, stack: string): string =>
  readdirSync(join(folder, ".backend"), { recursive: true, withFileTypes: true })
    .filter((f) => f.isFile() && f.name.includes(stack))
    .map((f) => readFileSync(join(f.parentPath, f.name), "utf8"))
    .join();

export interface FleetLab {
  folder: string;
  /** Of the plugin, for `plugins.providers`. */
  plugin: string;
  ports: Ports;
  project: PulumiProject;
  env: Record<string, string>;
  /** Sets the program: servers by name with what they say themselves, and the Fleet's other inputs. */
  program(servers: Record<string, object>, inputs: object, more?: { options?: object; outputs?: object }): void;
  server(name: string, own?: object): object;
  /** What was written since the last call, a line each. */
  journal(): string[];
  /** How many lines were written since then. */
  written(): number;
  end(): Promise<void>;
}

export async function fleetLab(names: readonly string[]): Promise<FleetLab> {
  const folder = mkdtempSync(join(tmpdir(), "pine-fleet-"));
  const built = await buildPlugin("fleet-plugin.ts");
  const project = await pulumiProject(folder, { name: "shop", stack: "dev" });
  const ports = new Ports();
  for (const name of names) await ports.answer(name);
  const file = join(folder, "journal");
  writeFileSync(file, "");
  project.env.PINE_TEST_JOURNAL = file;
  const server = (name: string, own: object = {}) => ({ connection: { port: ports.of[name] }, ...own });
  return {
    folder,
    plugin: built.folder,
    ports,
    project,
    env: project.env,
    server,
    program(servers, inputs, { options, outputs = {} } = {}) {
      const plugins = { providers: [{ name: "pine", path: built.folder }] };
      const properties = { servers, defaults: { connection: { host: "127.0.0.1" } }, ...inputs };
      const web = { type: "pine:Fleet", properties, options };
      project.program({ plugins, resources: { web }, outputs } as never);
    },
    journal() {
      const lines = readFileSync(file, "utf8").split("\n").filter(Boolean);
      writeFileSync(file, "");
      return lines;
    },
    written: () => readFileSync(file, "utf8").split("\n").length - 1,
    async end() {
      await ports.end();
      built.remove();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** The order in which servers were changed; those that were at work together are one group: `a, b+c`. */
export function groups(journal: string[]): string {
  const all: string[][] = [];
  const busy = new Set<string>();
  let most: string[] = [];
  for (const line of journal) {
    const [what, child = ""] = line.split(" ");
    const name = child.replace(/^web-/, "");
    if (what === "begin") {
      busy.add(name);
      most.push(name);
    } else if (what === "end" || what === "failed") {
      busy.delete(name);
      if (busy.size > 0) continue;
      all.push(most.sort());
      most = [];
    }
  }
  return all.map((group) => group.join("+")).join(", ");
}
