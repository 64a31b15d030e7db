/**
 * A Fleet of six containers: a bad canary leaves five alone, then batches of two; one that is off counts as down. Who
 * answers is looked at twice a second.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { answers } from "../../provider/host/ssh/reach.ts";
import { quietTask } from "../../provider/task.ts";
import { type Lxc, startLxc } from "../lab/lxc/index.ts";
import { ensureMirror, type MirrorServer, serveMirror } from "../lab/mirror/index.ts";
import { asRootBySudo, isRoot } from "./as-root.ts";
import { START_MS } from "./container-vps.ts";
import { type Ended, Project } from "./hijack-cli.ts";
import { configure, giveInputs, on, steps, teller } from "./hijack-lab.ts";

const NAMES = ["a", "b", "c", "d", "e", "f"];
/** When the first process of a container started: another time after each start. */
const STARTED = "sed 's/.*) //' /proc/1/stat | cut -d' ' -f20";

const servers: Record<string, Lxc> = {};
const work = mkdtempSync(join(tmpdir(), "pine-fleet-"));
const tell = teller("fleet");
let mirror: MirrorServer;
let project: Project;
/** The program without its server. */
let head: string | undefined;

/** The example's program with a Fleet in place of its server. */
function program(rollout: object): void {
  const file = join(project.dir, "Pulumi.yaml");
  head ??= readFileSync(file, "utf8").split("  server:\n")[0]!;
  const health = [{ http: "http://127.0.0.1/", contains: "atomic", timeout: 20 }];
  // biome-ignore lint/suspicious/noTemplateCurlyInString: YAML's own
  const [commit, privateKey, token] = ["${commit.checksum}", "${privateKey}", "${token}"];
  const properties = {
    commit,
    rollout,
    defaults: {
      connection: { host: "127.0.0.1", user: "root", privateKey },
      files: { "/etc/pine-demo/token": { content: token } },
      health,
    },
    servers: Object.fromEntries(
      NAMES.map((name) => [
        name,
        { hostname: `web-${name}`, connection: { port: servers[name]!.port, hostKey: servers[name]!.hostKey } },
      ]),
    ),
  };
  const web = `  web:\n    type: pine:Fleet\n    properties: ${JSON.stringify(properties)}\n`;
  // biome-ignore lint/suspicious/noTemplateCurlyInString: YAML's own
  writeFileSync(file, `${head}${web}outputs:\n  summary: ${"${web.summary}"}\n`);
}

/** Runs the CLI, and says which servers were down at one time meanwhile, beginning with the most. */
async function watched(args: string[]): Promise<Ended & { down: string[] }> {
  const seen = new Set<string>();
  let over = false;
  const watch = (async () => {
    while (!over) {
      const down = await Promise.all(
        NAMES.map(async (name) => {
          const { host, port } = servers[name]!;
          return (await answers({ host, port }, quietTask(), 0)) ? [] : [name];
        }),
      );
      seen.add(down.flat().join("+"));
      await sleep(500);
    }
  })();
  const ended = await project.run(args);
  over = true;
  await watch;
  return { ...ended, down: [...seen].filter(Boolean).sort((x, y) => y.length - x.length) };
}

const most = (down: string[]) => Math.max(0, ...down.map((names) => names.split("+").length));
const started = async (name: string) => on(servers[name]!, STARTED);
const startedAll = async (names = NAMES) =>
  Object.fromEntries(await Promise.all(names.map(async (n) => [n, await started(n)])));
const state = async (name: string) =>
  (await project.state()).find((r) => r.urn.endsWith(`HostHijack::web-${name}`))!.outputs;
const page = (name: string) => on(servers[name]!, "wget -qO- http://127.0.0.1/");
const line = (ended: Ended) => ended.said.filter((s) => /^\d+ servers: /.test(s.message)).map((s) => s.message);

if (!isRoot) asRootBySudo("fleet", import.meta.filename);

if (isRoot)
  describe("a fleet of six containers", () => {
    const step = steps(test);
    beforeAll(async () => {
      const tree = await ensureMirror(tell);
      mirror = await serveMirror(tree);
      const one = async (name: string) => {
        servers[name] = await startLxc({
          name: `fleet-${name}`,
          privileged: false,
          release: "bookworm",
          log: () => {},
        });
      };
      for (const name of NAMES) await one(name);
      project = new Project(work);
      await configure(project, { work, vps: servers.a!, mirror }, tree.keys);
      await giveInputs(project);
      await project.set({ target: "container" });
      tell("six containers stand");
    });
    afterAll(async () => {
      project?.end();
      for (const server of Object.values(servers)) await server.stop();
      await mirror?.close();
      rmSync(work, { recursive: true, force: true });
    });

    step("all are installed, three at a time", async () => {
      program({ canaries: 0, maxUnavailable: 3 });
      const up = await watched(["up", "--skip-preview", "--parallel", "100"]);
      expect(up.exitCode, up.output).toBe(0);
      expect(line(up)).toEqual(["6 servers: 6 installed"]);
      expect(most(up.down)).toBeLessThanOrEqual(3);
      tell(`installed; down: ${up.down}`);
    });

    let first: Record<string, string>;
    step("a canary that is not healthy goes back, and five are not touched; nor by --continue-on-error", async () => {
      program({ canaries: 1, maxUnavailable: 2 });
      first = await startedAll();
      const { booted } = await state("a");
      await project.set({ webPort: "81" });
      const failed = await watched(["up", "--skip-preview", "--parallel", "100"]);
      expect(failed.exitCode).not.toBe(0);
      expect(failed.output).toMatch(/was booted and failed; commit [0-9a-f]{12} runs again/);
      expect(line(failed)).toEqual(["6 servers: 1 failed, 5 not touched"]);
      expect(failed.down.every((names) => names === "a")).toBe(true);
      expect((await state("a")).booted.checksum).toBe(booted.checksum);
      const again = await watched(["up", "--skip-preview", "--continue-on-error"]);
      expect(again.exitCode).not.toBe(0);
      expect(again.output).toMatch(/failed on this server before/);
      // pulumi#17949: a refresh must not make a success of it
      const refreshed = await watched(["up", "--refresh", "--skip-preview"]);
      expect(refreshed.exitCode).not.toBe(0);
      expect([again.down, refreshed.down]).toEqual([[], []]);
      const { a: _, ...others } = await startedAll();
      const { a: __, ...before } = first;
      expect(others).toEqual(before);
      tell("a bad canary");
    });

    step("a good commit: the canary, then two at a time", async () => {
      await project.set({ webPort: "80", page: "An atomic page" });
      const preview = await project.ok(["preview"]);
      expect(line(preview)).toEqual(["6 servers: 6 reboot"]);
      const up = await watched(["up", "--skip-preview", "--parallel", "100"]);
      expect(up.exitCode, up.output).toBe(0);
      expect(line(up)).toEqual(["6 servers: 6 rebooted"]);
      expect(most(up.down)).toBeLessThanOrEqual(2);
      for (const name of NAMES) expect(await page(name)).toContain("An atomic page");
      expect(JSON.parse(await project.simple(["stack", "output", "--json"])).summary).toBe("6 servers: 6 rebooted");
      expect(line(await project.ok(["preview"]))).toEqual(["6 servers: 6 unchanged"]);
      tell(`batches of two; down: ${up.down}`);
    });

    step("one is off: its state is kept and marked; with room for one nobody else goes down", async () => {
      await servers.e!.kill();
      await project.ok(["refresh"]);
      expect(await state("e")).toMatchObject({ unreachable: true, booted: { slot: expect.any(String) } });
      program({ canaries: 1, maxUnavailable: 1 });
      await project.set({ page: "Another atomic page" });
      const preview = await project.ok(["preview"]);
      expect(line(preview)).toEqual(["6 servers: 5 reboot, 1 cannot be reached"]);
      const before = await startedAll(NAMES.filter((n) => n !== "e"));
      const refused = await watched(["up", "--skip-preview"]);
      expect(refused.exitCode).not.toBe(0);
      expect(refused.output).toMatch(/e of this fleet is down already, and rollout\.maxUnavailable is 1/);
      expect(refused.down).toEqual(["e"]);
      expect(await startedAll(NAMES.filter((n) => n !== "e"))).toEqual(before);
      tell("one is off");
    });

    step("with room for two exactly one at a time goes down; the one that was off comes later", async () => {
      program({ canaries: 1, maxUnavailable: 2 });
      const up = await watched(["up", "--skip-preview", "--parallel", "100"]);
      expect(up.exitCode, up.output).toBe(0);
      expect(line(up)).toEqual(["6 servers: 5 rebooted, 1 cannot be reached"]);
      expect(most(up.down)).toBeLessThanOrEqual(2);
      await servers.e!.start();
      await servers.e!.waitForSsh(START_MS);
      const back = await project.ok(["up", "--skip-preview"]);
      expect(line(back)).toEqual(["6 servers: 1 rebooted, 5 unchanged"]);
      expect(await page("e")).toContain("Another atomic page");
      expect((await state("e")).unreachable).toBeUndefined();
      tell(`one off, five updated; down: ${up.down}`);
    });

    step("destroy gives them back in the reverse order, two at a time", async () => {
      const gone = await watched(["destroy"]);
      expect(gone.exitCode, gone.output).toBe(0);
      expect(most(gone.down)).toBeLessThanOrEqual(2);
      for (const name of NAMES) expect(await on(servers[name]!, ". /etc/os-release; echo $ID")).toBe("debian");
      tell(`given back; down: ${gone.down}`);
    });
  });
