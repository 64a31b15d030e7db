/** One cut: a prepared server, the real command, the power gone at its moment, the power back, and what answers. */
import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { messageOf } from "../../provider/errors.ts";
import { BOOT_MS } from "../e2e/hijack-lab.ts";
import { damage } from "../lab/disk/index.ts";
import { completes, faultsOf, systemOf } from "./judge.ts";
import { type Length, lengthOf } from "./length.ts";
import { moment } from "./moment.ts";
import { COMMANDS, type Command, PHASES } from "./phases.ts";
import type { Cut } from "./plan.ts";
import type { Prepared } from "./prepared.ts";
import { type Begun, beginPull, type Ran } from "./pulling.ts";
import type { Result } from "./results.ts";
import { lookAt, type Server, startServer } from "./server.ts";
import { Watch } from "./watch.ts";

export interface Where {
  prepared: Prepared;
  /** Folder of this worker; emptied for each cut. */
  dir: string;
  /** The plugin. */
  bin: string;
  /** More arguments for the command. */
  more: string[];
  /** Folder for what a failed cut leaves. */
  evidence: string;
}

const commandOf = (name: string): Command => COMMANDS[name as keyof typeof COMMANDS];

/** The command from its prepared state; `ended` notes the mark `end` when it ended as it should. */
function begin(server: Server, command: Command, more: string[]) {
  const running: Begun =
    command.by === "server" ? beginPull(server, command) : server.project.start([...command.args, ...more]);
  const watch = new Watch(command, server.disk, { events: running.events, serial: server.vps.serialLog });
  const ended = running.ended.then(async (r: Ran) => {
    if ((r.exitCode !== 0) === (command.ends.fails ?? false)) await watch.note("end").catch(() => {});
    return r;
  });
  return { running, watch, ended };
}

/** Lengths of an undisturbed run, measured when it is asked for the first time. */
export async function lengths(name: string, o: Where, log: (line: string) => void): Promise<Length> {
  const file = join(o.prepared.folder, `length-${name}.json`);
  if (!existsSync(file)) {
    log(`measuring an undisturbed ${name}`);
    const command = commandOf(name);
    const server = await startServer(o.prepared, command.state, o);
    try {
      const { watch, ended } = begin(server, command, []);
      const { output } = await ended;
      await watch.close();
      if (!watch.seen.has("end")) throw new Error(`an undisturbed ${name} did not end as it should:\n${output}`);
      const missing = Object.keys(command.marks).filter((mark) => !watch.seen.has(mark));
      if (missing.length > 0) throw new Error(`an undisturbed ${name} did not show ${missing.join(", ")}:\n${output}`);
      // what it built need not be built for each cut
      const deltas = join(server.project.work, "store", "deltas");
      const kept = join(o.prepared.folder, "projects", command.state, "store", "deltas");
      if (existsSync(deltas)) cpSync(deltas, kept, { recursive: true, preserveTimestamps: true });
      writeFileSync(file, JSON.stringify(lengthOf(watch)));
    } finally {
      await server.end();
    }
  }
  return JSON.parse(readFileSync(file, "utf8")) as Length;
}

/** What is known of a cut, also when it goes wrong half-way. */
type Known = Omit<Result, "seed" | "n" | "phase" | "moment" | "mode" | "sample" | "seconds" | "allowed">;

export async function makeCut(cut: Cut, o: Where, length: Length): Promise<Result> {
  const began = performance.now();
  const { seed, n, phase, moment, sample } = cut;
  const known: Known = { faults: [] };
  try {
    await cutIn(cut, o, length, known);
  } catch (error) {
    known.faults.push(messageOf(error));
  }
  if (known.faults.length > 0) keepEvidence(cut, o);
  const seconds = Math.round((performance.now() - began) / 1000);
  const allowed = known.faults.length === 0;
  return { seed, n, phase, moment, mode: cut.choice.mode, sample, seconds, ...known, allowed };
}

async function cutIn(cut: Cut, o: Where, length: Length, known: Known): Promise<void> {
  const command = commandOf(PHASES[cut.phase]!.command);
  const server = await startServer(o.prepared, command.state, o);
  const { vps, disk, project } = server;
  const { running, watch, ended } = begin(server, command, o.more);
  try {
    let over = false;
    void ended.then(() => {
      over = true;
    });
    known.hit = await moment(cut, { watch, disk, ended, length });
    const stat = await disk.freeze();
    if (over && !watch.seen.has("end")) {
      const { output } = await ended;
      throw new Error(`the command ended before its cut, not as it should:\n${output.slice(-3000)}`);
    }
    known.at = watch.seconds();
    Object.assign(known, await vps.cut(cut.choice));
    if (!over) running.interrupt();
    if ((await Promise.race([ended, sleep(STOP_MS, undefined, { ref: false })])) === undefined) {
      project.end();
      known.killed = true;
    }
    await ended;
    await watch.close();
    const stage = watch.stage(stat);
    Object.assign(known, { stage: stage.since, expected: stage.allowed });
    if (cut.sample) known.faults.push(...(await wholeDisk(server)));

    const told = (await vps.console()).length;
    const dark = performance.now();
    await vps.boot();
    await vps.waitSsh(BOOT_MS);
    known.boot = Math.round((performance.now() - dark) / 1000);
    const look = await lookAt(vps);
    known.came = systemOf(look);
    known.checksum = look.status.checksum;
    const console = (await vps.console()).slice(told);
    const armed = cut.phase === "restore" ? false : watch.seen.has("armed") || command.state !== "debian";
    known.faults.push(...faultsOf(look, { command, stage, commits: o.prepared.commits, console, armed }));
    if (cut.sample && known.faults.length === 0) {
      if (known.killed && command.by !== "server") await project.simple(["cancel", "--yes"]);
      known.faults.push(...(await completes(server, command, o.more, o.prepared.commits)));
      known.completed = known.faults.length === 0;
    }
  } finally {
    await watch.stop();
    await server.end();
  }
}

/** Pulumi gives its plugins 5 s after an interrupt. */
const STOP_MS = 30_000;

async function wholeDisk({ disk, dir }: Server): Promise<string[]> {
  const image = join(dir, "disk.raw");
  await disk.export(image);
  return damage(image);
}

/** Logs and the disk of a cut that failed. */
function keepEvidence(cut: Cut, o: Where): void {
  const to = join(o.evidence, `${cut.seed}-${cut.n}-${cut.phase}`);
  mkdirSync(to, { recursive: true });
  for (const name of ["vm/vps.serial.log", "vm/vps.disk.log", "work/events"])
    if (existsSync(join(o.dir, name))) cpSync(join(o.dir, name), join(to, name), { recursive: true });
}
