/** The campaign's server that pulls: how it is prepared, and how it takes an update without anybody there. */
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { run } from "../../provider/local/run.ts";
import { type Project, withInputs } from "../e2e/hijack-cli.ts";
import { signing } from "../e2e/pulling-program.ts";
import { startDisk } from "../lab/disk/disk.ts";
import { withEnding } from "../lab/ending.ts";
import type { BaseImage } from "../lab/vps/bases.ts";
import { WEB } from "../lab/vps/qemu.ts";
import { startVps } from "../lab/vps/vps.ts";
import { serveFolder } from "../lab/web.ts";
import { keyText } from "../unit/trust/a-manifest.ts";
import type { Command } from "./commands.ts";
import type { Server } from "./server.ts";
import { build, keep } from "./stack.ts";

interface Preparing {
  project: Project;
  /** Where the layers `debian` and `pine`, their memory and their stacks are, and these go. */
  into: string;
  base: BaseImage;
  raw: string;
  /** Folder of the machine. */
  dir: string;
  port: number;
  log(line: string): void;
}

/** The example's program, signed and published; its server looks for updates and leaves the reboot to who asks. */
function pulling(text: string, folder: string): string {
  const updates = { url: WEB, everyHours: 24, reboot: "manual" };
  // its own judge asks for more of an emulated processor than a person at the other end
  return withInputs(signing(text, { publish: { folder } }), { trialTimeout: 900, updates });
}

/** On top of a server that was installed; answers the commit that is offered to it. */
export function preparePulling({ project, into, base, raw, dir, port, log }: Preparing): Promise<string> {
  log("preparing: a server that pulls");
  return withEnding(async (ending, end) => {
    const published = join(project.work, "published");
    for (const name of [".backend", "store", "examples"])
      rmSync(join(project.work, name), { recursive: true, force: true });
    await run("cp", ["-a", `${join(into, "projects", "restore")}/.`, project.work]);
    mkdirSync(published);
    const web = await serveFolder(published, ending);
    const layers = [join(into, "debian"), join(into, "pine")];
    const disk = await startDisk({ base: raw, dir, top: join(into, "pull"), layers });
    ending.unshift(() => disk.close());
    const memoryFile = join(into, "pine.memory");
    const vps = await startVps({ base, dir, port, faulty: disk, memoryFile, web, wait: false, log });
    ending.unshift(() => vps.stop());
    await vps.waitSsh(60_000);
    project.edit((text) => pulling(text, published));
    await project.secret("signingKey", keyText(1));
    await project.ok(["up", "--skip-preview"]);
    await project.set({ page: "Hello from what was published" });
    const offered = await build(project);
    await keep(project.work, into, "pull", ["published"]);
    await vps.freezeTo(join(into, "pull.memory"));
    await disk.save();
    await end();
    return offered;
  });
}

/** How it ended. */
export interface Ran {
  exitCode: number;
  output: string;
}

/** As what the campaign does with Pulumi's CLI. */
export interface Begun {
  /** Its event log: none here. */
  events: string;
  ended: Promise<Ran>;
  interrupt(): void;
}

/** Its words go to the console: the connection ends with its reboot. A look that is under way ends first. */
const PULL = (args: string[]) =>
  `(until pine ${args.join(" ")}; do [ $? = 75 ] || break; sleep 5; done; echo "pine ended") </dev/null >/dev/console 2>&1 &`;

/** Ended well once the slot that it was to boot is confirmed, and that is on the disk. */
export function beginPull({ vps, disk }: Server, command: Command): Begun {
  let stopped = false;
  const ended = (async () => {
    const r = await vps.ssh(PULL(command.args));
    if (r.exitCode !== 0) return { exitCode: 1, output: r.stderr };
    const from = (await vps.console()).length;
    while (!stopped) {
      await sleep(PAUSE_MS);
      const look = await vps.ssh("sed -n 's/^pine_slot=//p' /boot/grub/pine/env", { timeout: 20_000 }).catch(() => {});
      const { states, flushedStates } = await disk.stat();
      if (look?.stdout === "b" && states === flushedStates) return { exitCode: 0, output: "" };
      const said = (await vps.console()).slice(from);
      // up to date: it runs on trial already
      if (/^pine ended/m.test(said) && !/reboots into version|is up to date/.test(said))
        return { exitCode: 1, output: said };
    }
    return { exitCode: 130, output: "stopped" };
  })();
  return {
    events: "",
    ended,
    interrupt: () => {
      stopped = true;
    },
  };
}

/** A look takes an emulated processor a second or two, which the trial needs. */
const PAUSE_MS = 8000;

/**
 * The same once more. A person has to allow what did not stay; what the power cut off must not count as bad for good.
 */
export async function pullsAgain(server: Server, command: Command): Promise<Ran> {
  for (let tries = 1; ; tries++) {
    const refused = (await server.vps.ssh("cat /var/lib/pine/refused 2>/dev/null; true")).stdout;
    if (/^[0-9a-f]{64} bad /m.test(refused)) return { exitCode: 1, output: `the commit counts as bad: ${refused}` };
    const commit = refused.split(" ")[0];
    if (commit) await server.vps.ssh(`pine unhold ${commit}`);
    const begun = beginPull(server, command);
    const timer = setTimeout(() => begun.interrupt(), NEXT_MS);
    const result = await begun.ended;
    clearTimeout(timer);
    // what became of a trial is written down at the end of the next boot, which may have come just now
    if (tries === 3 || !/not booted again, unclear/.test(result.output)) return result;
  }
}

/** Two boots, and the dead-man between them. */
export const NEXT_MS = 20 * 60_000;
