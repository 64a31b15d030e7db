/**
 * A Fleet of three containers that pull, a ring each: what is published bad is booted by the canary alone, though all
 * look for updates again and again (Datadog's account of March 2023); the fix goes on ring by ring.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Lxc, startLxc } from "../lab/lxc/index.ts";
import { NETWORK } from "../lab/lxc/stage.ts";
import { ensureMirror, type MirrorServer, serveMirror } from "../lab/mirror/index.ts";
import { keyText } from "../unit/trust/a-manifest.ts";
import { asRootBySudo, isRoot } from "./as-root.ts";
import { Project } from "./hijack-cli.ts";
import { configure, giveInputs, on, steps, teller, until } from "./hijack-lab.ts";

const NAMES = ["a", "b", "c"];
const PORT = 8481;
/** When the first process of a container started: another time after each start. */
const STARTED = "sed 's/.*) //' /proc/1/stat | cut -d' ' -f20";
const TICK = "sed -i '/^next=/d' /var/lib/pine/pull/state 2>/dev/null; /usr/libexec/pine/upgrade tick >/dev/null";

const servers: Record<string, Lxc> = {};
const work = mkdtempSync(join(tmpdir(), "pine-rings-"));
const published = join(work, "published");
const tell = teller("rings");
let mirror: MirrorServer;
let project: Project;

/** The example's program with a Fleet in place of its server. */
function program(): void {
  const file = join(project.dir, "Pulumi.yaml");
  const head = readFileSync(file, "utf8")
    .split("  server:\n")[0]!
    .replace(
      "      services:\n",
      '      healthChecks: [{ name: web, http: "http://127.0.0.1/", timeout: 5 }]\n      services:\n',
    )
    .replace("resources:\n", "  signingKey:\n    type: string\n    secret: true\nresources:\n")
    .replace("{rootfs.digest}\n", "{rootfs.digest}\n      signingKey: $" + "{signingKey}\n");
  // biome-ignore lint/suspicious/noTemplateCurlyInString: YAML's own
  const [commit, privateKey, token, signingKey] = ["${commit.checksum}", "${privateKey}", "${token}", "${signingKey}"];
  const rings = {
    order: [
      { name: "canary", servers: ["a"] },
      { name: "early", servers: ["b"] },
    ],
    publish: { path: published },
    signingKey,
  };
  const defaults = {
    connection: { host: "127.0.0.1", user: "root", privateKey },
    files: { "/etc/pine-demo/token": { content: token } },
    updates: { url: `http://${NETWORK.gateway}:${PORT}`, everyHours: 1, reboot: "now", waitForSessionsMinutes: 0 },
  };
  const all = NAMES.map((name) => {
    const { port, hostKey } = servers[name]!;
    return [name, { hostname: `web-${name}`, connection: { port, hostKey } }];
  });
  const properties = { commit, rings, defaults, servers: Object.fromEntries(all) };
  const web = `  web:\n    type: pine:Fleet\n    properties: ${JSON.stringify(properties)}\n`;
  // biome-ignore lint/suspicious/noTemplateCurlyInString: YAML's own
  writeFileSync(file, `${head}${web}outputs: { waiting: "${"${web.waiting}"}" }\n`);
}

const signed = (ring: string) =>
  /^checksum=(.*)$/m.exec(readFileSync(join(published, `pine/pine/web/${ring}.manifest`), "utf8"))![1];
const started = async (name: string) => on(servers[name]!, STARTED);
const status = async (name: string): Promise<Record<string, string>> =>
  JSON.parse((await servers[name]!.ssh("pine status --json").catch(() => undefined))?.stdout || "{}");
/** Every server looks for updates, and does what is due. */
const allLook = () => Promise.all(NAMES.map((name) => servers[name]!.ssh(TICK).catch(() => undefined)));
const page = async (name: string) =>
  (await servers[name]!.ssh("wget -qO- http://127.0.0.1/").catch(() => undefined))?.stdout.trim();
/** All look until a server's page is this one, and it is confirmed. */
const runs = (name: string, text: string) =>
  until(`${name} serves ${text}, confirmed`, async () => {
    await allLook();
    return (await status(name)).state === "confirmed" && (await page(name)) === text;
  });

if (!isRoot) asRootBySudo("fleet", import.meta.filename);

if (isRoot)
  describe("a fleet of three containers that pull", () => {
    const step = steps(test);
    beforeAll(async () => {
      const tree = await ensureMirror(tell);
      mirror = await serveMirror(tree);
      for (const name of NAMES)
        servers[name] = await startLxc({
          name: `rings-${name}`,
          privileged: false,
          release: "bookworm",
          network: "host",
          log: () => {},
        });
      mkdirSync(published);
      for (const { beside } of Object.values(servers))
        beside.start(
          "a web server",
          ["python3", "-m", "http.server", "-b", NETWORK.gateway, "-d", published, String(PORT)],
          "ignore",
        );
      project = new Project(work);
      await configure(project, { work, vps: servers.a!, mirror }, tree.keys);
      await giveInputs(project);
      await project.set({ target: "container", page: "The first page" });
      await project.secret("signingKey", keyText(1));
      program();
      tell("three containers stand");
    });
    afterAll(async () => {
      project?.end();
      for (const server of Object.values(servers)) await server.stop();
      await mirror?.close();
      rmSync(work, { recursive: true, force: true });
    });

    step("all are installed, and each ring is signed for what the one before runs", async () => {
      const preview = await project.ok(["preview"]);
      expect(preview.output).toMatch(/the new commit is signed for this ring at once/);
      const up = await project.ok(["up", "--skip-preview"]);
      expect(up.output).toContain("3 servers: 3 installed");
      expect(up.output).not.toContain("waits for");
      expect(signed("early")).toBe(signed("canary"));
      expect(signed("rest")).toBe(signed("canary"));
      expect((await status("c")).updates).toBe(`http://${NETWORK.gateway}:${PORT}`);
      await project.ok(["up", "--expect-no-changes"]);
      tell("installed");
    });

    let first: string | undefined;
    let before: string[];
    step("a bad commit is booted by the canary alone, though all look for it", async () => {
      first = signed("rest");
      before = await Promise.all(NAMES.map(started));
      await project.set({ webPort: "81" });
      const preview = await project.ok(["preview"]);
      expect(preview.output).toContain("3 servers: 3 unchanged");
      const up = await project.ok(["up", "--skip-preview"]);
      expect(up.output).toMatch(/pine\/web\/early: version \S+ waits for a \(commit [0-9a-f]{12} runs; it looked/);
      expect(up.output).toMatch(/3 servers: 3 unchanged; ring early: version/);
      expect([signed("early"), signed("rest")]).toEqual([first, first]);
      expect(signed("canary")).not.toBe(first);
      await until("the canary came back", async () => {
        await allLook();
        return (await status("a")).updatesResult?.includes("did not stay") === true;
      });
      for (let n = 0; n < 3; n++) await allLook();
      const [a, ...others] = await Promise.all(NAMES.map(started));
      expect(a).not.toBe(before[0]);
      expect(others).toEqual(before.slice(1));
      for (const name of ["b", "c"]) expect((await status(name)).stagedCommit).toBeUndefined();
      tell("a bad commit");
    });

    step("up fails with the canary's reason, as often as it runs, and signs nothing", async () => {
      for (let n = 0; n < 2; n++) {
        const failed = await project.run(["up", "--skip-preview"]);
        expect(failed.exitCode).not.toBe(0);
        expect(failed.output).toMatch(/version \S+ failed on a \(it came back at .*: web: status none/);
        expect([signed("early"), signed("rest")]).toEqual([first, first]);
      }
      tell("told");
    });

    step("the fix goes ring by ring, each with an `up` once the one before has confirmed it", async () => {
      await project.set({ webPort: "80", page: "The fix" });
      const up = await project.ok(["up", "--skip-preview"]);
      expect(up.output).toMatch(/early: version \S+ waits for a/);
      const fix = signed("canary");
      await runs("a", "The fix");
      expect([signed("early"), await page("b"), await page("c")]).toEqual([first, "The first page", "The first page"]);
      expect((await project.ok(["up", "--skip-preview"])).output).toMatch(/rest: version \S+ waits for b/);
      expect([signed("early"), signed("rest")]).toEqual([fix, first]);
      await runs("b", "The fix");
      expect(await page("c")).toBe("The first page");
      await project.ok(["up", "--skip-preview"]);
      await runs("c", "The fix");
      expect(JSON.parse(await project.simple(["stack", "output", "--json"])).waiting).toEqual({});
      await project.ok(["up", "--expect-no-changes"]);
      tell("the fix");
    });

    step("destroy gives them back, and what is published stays", async () => {
      await project.ok(["destroy"]);
      for (const name of NAMES) expect(await on(servers[name]!, ". /etc/os-release; echo $ID")).toBe("debian");
      expect(signed("rest")).toBe(signed("canary"));
    });
  });
