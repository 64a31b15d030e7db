/**
 * A server that pulls, as a whole: published, seen, fetched, rebooted into, judged, come back, mended; and what `pine
 * status`, `pulumi refresh` and a preview say at each step. The server is a container; the web server its neighbour.
 */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { NETWORK } from "../lab/lxc/stage.ts";
import { keyText } from "../unit/trust/a-manifest.ts";
import { asRootBySudo, isRoot } from "./as-root.ts";
import { type ContainerLab, startContainerLab } from "./container-vps.ts";
import { on, steps, until } from "./hijack-lab.ts";
import { publish, publishing } from "./pulling-program.ts";

if (!isRoot) asRootBySudo("fleet", import.meta.filename);

const PORT = 8480;

if (isRoot)
  describe("a container that pulls", () => {
    const step = steps(test);
    let lab: ContainerLab;
    let published: string;
    const run = (command: string) => on(lab.vps, command);
    const status = async (): Promise<Record<string, string> | undefined> => {
      await sleep(1000);
      const r = await lab.vps.ssh("pine status --json").catch(() => undefined);
      return r?.exitCode === 0 ? JSON.parse(r.stdout) : undefined;
    };
    const runs = async (page: string) => {
      await until(`it serves ${page}, confirmed`, async () => {
        const now = await status();
        return now?.state === "confirmed" && (await lab.vps.ssh("wget -qO- http://127.0.0.1/")).stdout.trim() === page;
      });
      return (await status())!;
    };

    beforeAll(async () => {
      lab = await startContainerLab("ct-pull", {
        release: "bookworm",
        privileged: false,
        memoryMiB: 64,
        network: "host",
      });
      published = join(lab.work, "published");
      mkdirSync(published);
      lab.vps.beside.start(
        "a web server",
        ["python3", "-m", "http.server", "-b", NETWORK.gateway, "-d", published, String(PORT)],
        "ignore",
      );
      await lab.project.secret("signingKey", keyText(1));
      const url = `http://${NETWORK.gateway}:${PORT}`;
      lab.project.edit((text) =>
        publishing(text, published).replace(
          "      hostname: ${hostname}\n",
          `      hostname: \${hostname}\n      updates: { url: "${url}", everyHours: 1, reboot: manual }\n`,
        ),
      );
    });
    afterAll(() => lab?.end());

    step("the preview says what it will do by itself, and the server has it after `up`", async () => {
      const { output } = await lab.project.ok(["preview"]);
      expect(output).toMatch(/in the container/);
      await lab.project.ok(["up", "--skip-preview"]);
      await lab.project.ok(["up", "--expect-no-changes"]);
      const now = (await status())!;
      expect(now).toMatchObject({ updates: `http://${NETWORK.gateway}:${PORT}`, updatesReboot: "manual" });
      expect(now.updatesDead).toBeUndefined();
      expect(await run("pine upgrade")).toMatch(/^This server is up to date: version 0\.1\.0/);
      lab.tell(`installed; memory ${JSON.stringify(lab.vps.memory())}`);
    });

    step("between two looks its service holds less than 1 MB", async () => {
      await until("it sleeps", async () => /sleep/.test(await run("pgrep -P $(pgrep -f 'libexec/pine/update[s]') -l")));
      const tree = "for p in $(pgrep -f 'libexec/pine/update[s]'); do echo $p; pgrep -P $p; done";
      // a page that others have mapped too counts in part
      const kb = await run(
        `for p in $(${tree}); do sed -n 's/^Pss: *\\([0-9]*\\) kB/\\1/p' /proc/$p/smaps_rollup; done`,
      );
      const held = kb.split("\n").map(Number);
      expect(held).toHaveLength(2);
      expect(held.reduce((sum, n) => sum + n)).toBeLessThan(1024);
      lab.tell(`its service holds ${held.join(" and ")} kB`);
    });

    step(
      "a new version is published: seen, fetched by its delta, and nothing boots until a person says so",
      async () => {
        const { version, checksum } = await publish(lab.project, { page: "The second page" });
        expect(await run("pine upgrade --check")).toContain(
          `Version ${version}, commit ${checksum.slice(0, 12)}, is offered`,
        );
        expect(await run("pine upgrade")).toMatch(
          /is here\. `pine upgrade --reboot` boots it now; otherwise: nobody does/,
        );
        expect(await status()).toMatchObject({ stagedCommit: checksum, stagedVersion: version });
        expect((await lab.project.ok(["refresh"])).output).toContain(`version ${version} is fetched`);
        await lab.vps.restart();
        await lab.vps.waitForSsh();
        expect(await runs("Hello from an atomic server")).toMatchObject({ stagedVersion: version });
        lab.tell(`fetched; memory ${JSON.stringify(lab.vps.memory())}`);
      },
    );

    step("it reboots into it, judges itself, keeps it; the program is behind, and that is no change", async () => {
      await run("pine upgrade --reboot");
      const now = await runs("The second page");
      expect(now.updatesResult).toMatch(/^version .* runs and is confirmed$/);
      expect(now.stagedCommit).toBeUndefined();
      const { output } = await lab.project.ok(["refresh"]);
      expect(output).toMatch(/ahead of the program: 0\.1\.1 runs, pulled by the server/);
      lab.tell("updated by itself");
    });

    step("the program at the same commit changes nothing", async () => {
      await lab.project.ok(["up", "--skip-preview"]);
      expect((await runs("The second page")).state).toBe("confirmed");
    });

    step("one whose service fails comes back by itself, says why, and is not taken again", async () => {
      const { version } = await publish(lab.project, { webPort: "81", page: "The third page" });
      await run("pine upgrade --reboot");
      await until(
        "it came back and says so",
        async () => (await status())?.updatesResult?.startsWith(`version ${version} did not stay`) === true,
      );
      await runs("The second page");
      expect((await status())!.updatesResult).toMatch(/web: status none/);
      const refused = await lab.vps.ssh("pine upgrade --reboot");
      expect([refused.exitCode, refused.stdout]).toEqual([
        1,
        expect.stringMatching(/is offered and not taken: not booted again, bad since/),
      ]);
      expect((await lab.project.ok(["refresh"])).output).toMatch(/did not stay: web: status none/);
      expect(await run("pine logs")).toMatch(/health: web: status none/);
      lab.tell("came back by itself");
    });

    step("the fix is published, and the service takes it by itself, in its own time", async () => {
      const { version } = await publish(lab.project, { webPort: "80", page: "The fourth page" });
      // the settings of a program: at once, and a look is due
      await run(
        "sed -i 's/^reboot=.*/reboot=now/' /var/lib/pine/updates; sed -i '/^next=/d' /var/lib/pine/pull/state; rc-service pine-updates restart",
      );
      // the service begins with a pause of its own
      await run("pkill -f 'sleep [0-9]' || true");
      await until(
        "it says so",
        async () => (await status())?.updatesResult === `version ${version} runs and is confirmed`,
      );
      const now = await runs("The fourth page");
      expect(now.title).toContain(version);
      lab.tell("mended by itself");
    });

    step("destroy gives Debian back", async () => {
      await lab.project.ok(["destroy"]);
      expect(await run(". /etc/os-release; echo $ID")).toBe("debian");
    });
  });
