/**
 * Hard kills and power cuts of a container at random moments of install, update and restore: it always comes up with
 * SSH, and the next run completes. PINE_KILLS: how many (12), PINE_SEED: which moments. Every other one loses what was
 * not synced.
 */
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Lxc, startLxc } from "../lab/lxc/index.ts";
import { asRootBySudo, isRoot } from "./as-root.ts";
import { type ContainerLab, startContainerLab } from "./container-vps.ts";
import { on, seeded } from "./hijack-lab.ts";

const KILLS = Number(process.env.PINE_KILLS ?? 12);
const MiB = { memoryMiB: 64, diskMiB: 1024, root: "loop", privileged: true } as const;

interface Phase {
  args: string[];
  packages: string[];
  /** What the container has on its disk, and the stack knows. */
  from: "debian" | "pine";
  /** The work on the container begins with this line. */
  begins: RegExp;
  /** Milliseconds from there to its end, once seen. */
  takes: number;
  /** What it is at the end. */
  end: (vps: Lxc) => Promise<void>;
}

const runs = (vps: Lxc) =>
  on(
    vps,
    ". /etc/os-release; echo $ID; tree --version 2>/dev/null | head -n 1 | cut -c1-4; ls -d /ostree /sbin/init.pine-old 2>/dev/null || true",
  );
const whole = (vps: Lxc) => on(vps, "ostree fsck -q --repo=/ostree/repo && /usr/libexec/pine/agent status", 300_000);
const phases: Record<string, Phase> = {
  install: {
    args: ["up", "--skip-preview"],
    packages: ["lighttpd"],
    from: "debian",
    begins: /^preparing/,
    takes: 0,
    async end(vps) {
      expect(await runs(vps)).toMatch(/^alpine\n/);
      expect(await whole(vps)).toMatch(/^slot=a\ntrial=\n/m);
    },
  },
  update: {
    args: ["up", "--skip-preview"],
    packages: ["lighttpd", "tree"],
    from: "pine",
    begins: /^the host's own files/,
    takes: 0,
    async end(vps) {
      expect(await runs(vps)).toMatch(/^alpine\ntree/);
      expect(await whole(vps)).toMatch(/^slot=[ab]\ntrial=\n/m);
    },
  },
  restore: {
    args: ["destroy"],
    packages: ["lighttpd"],
    from: "pine",
    begins: /^the old system is the default/,
    takes: 0,
    end: async (vps) => expect(await runs(vps)).toBe("debian"),
  },
};

let lab: ContainerLab;
let vps: Lxc | undefined;
const kept = (what: string) => join(lab.work, `${what}.img`);
const state = (what: string) => join(lab.work, `${what}.json`);

/** The container and the stack as they were prepared. */
async function begin(phase: Phase): Promise<Lxc> {
  await lab.project.simple(["stack", "import", "--file", state(phase.from)]);
  await lab.project.set({ packages: phase.packages });
  vps = await startLxc({ ...MiB, from: kept(phase.from), port: lab.vps.port, name: "ct-kills" });
  return vps;
}
async function over(): Promise<void> {
  await vps?.stop();
  vps = undefined;
}

if (!isRoot) asRootBySudo("kills", import.meta.filename);

if (isRoot)
  describe("a container that dies", () => {
    beforeAll(async () => {
      lab = await startContainerLab("ct-kills", { ...MiB });
      await lab.vps.stopAndKeep(kept("debian"));
      vps = await startLxc({ ...MiB, from: kept("debian"), port: lab.vps.port, name: "ct-kills" });
      await lab.project.ok(["up", "--skip-preview"]);
      await lab.project.simple(["stack", "export", "--file", state("pine")]);
      const { urn } = (await lab.project.state()).find((r) => r.type === "pine:index:HostHijack")!;
      await lab.project.simple(["state", "delete", "--yes", urn]);
      await lab.project.simple(["stack", "export", "--file", state("debian")]);
      await vps.stopAndKeep(kept("pine"));
      vps = undefined;
      // once each without harm, for how long it takes
      for (const [name, phase] of Object.entries(phases)) {
        const it = await begin(phase);
        const run = lab.project.start(phase.args);
        await run.saw(phase.begins);
        const began = Date.now();
        const { exitCode, output } = await run.ended;
        expect(exitCode, output).toBe(0);
        phase.takes = Date.now() - began;
        await phase.end(it);
        await over();
        lab.tell(`${name} takes ${phase.takes} ms`);
      }
    });
    afterAll(async () => {
      await over();
      await lab?.end();
    });

    test(
      `${KILLS} times the container dies at a random moment`,
      async () => {
        const random = seeded("ct-kills");
        const names = Object.keys(phases);
        const bad: string[] = [];
        for (let n = 0; n < KILLS; n++) {
          const name = names[n % names.length]!;
          const phase = phases[name]!;
          const cut = Math.floor(n / names.length) % 2 === 1;
          const after = Math.round(random() * phase.takes * 1.1);
          const it = await begin(phase);
          const run = lab.project.start(phase.args);
          let said = `${n} ${name}: ${cut ? "power cut" : "kill"} ${after} ms after it began`;
          try {
            await run.saw(phase.begins);
            await Promise.race([run.ended, sleep(after)]);
            await (cut ? it.powerCut() : it.kill());
            await it.start();
            await it.waitForSsh();
            said += `: ${(await runs(it)).split("\n").join(" ")}`;
            const { exitCode } = await run.ended;
            await it.waitForSsh();
            said += `; the run ended with ${exitCode}`;
            // a destroy that ended well has nothing left to do
            const again = exitCode === 0 && name === "restore" ? undefined : await lab.project.run(phase.args);
            if (again && again.exitCode !== 0) throw new Error(`the next run: ${again.output.slice(-3000)}`);
            await phase.end(it);
            lab.tell(`${said}; whole`);
          } catch (error) {
            bad.push(`${said}: ${error instanceof Error ? error.message : error}\n${it.consoleText.slice(-1500)}`);
            lab.tell(`BAD ${bad.at(-1)}`);
          }
          await run.ended;
          await over();
        }
        expect(bad).toEqual([]);
      },
      6 * 3_600_000,
    );
  });
