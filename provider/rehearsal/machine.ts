/** Boots the disk of a rehearsal, and watches it. */
import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { Writable } from "node:stream";
import { RunError } from "../local/run.ts";
import { redactText } from "../redact.ts";
import type { Task } from "../task.ts";
import { cardsOf, type Guest } from "./guest.ts";
import { guestArguments, REPORT } from "./qemu.ts";
import { parseReport, type Report } from "./report.ts";
import { measure, runQemu, type Speed } from "./speed.ts";
import { type Ended, reached } from "./verdict.ts";

/** Characters of the console that are kept: hundreds of lines. */
const KEPT = 64 * 1024;
/** Lines of it that a person is shown. */
const SHOWN = 20;
/** Characters of such a line. */
const WIDTH = 240;

/** Lines of a console for people: without a terminal's escapes, the menu of GRUB and empty lines. Pure. */
export function consoleLines(raw: string): string[] {
  const plain = raw
    // biome-ignore lint/suspicious/noControlCharactersInRegex: a terminal's escapes
    .replaceAll(/\u001b(\[[?0-9;]*[A-Za-z]|[()][0-9A-B]|[=>78cM])/g, "")
    // biome-ignore lint/suspicious/noControlCharactersInRegex: what no terminal shows
    .replaceAll(/[\u0000-\u0008\u000b-\u000c\u000e-\u001f\u007f-\u009f]/g, "");
  return redactText(plain.replaceAll(/GNU GRUB[\s\S]*?(?=Booting `)/g, ""))
    .split(/[\r\n]+/)
    .map((line) => line.trimEnd().slice(0, WIDTH))
    .filter((line) => line.trim() !== "");
}

/** The end of what is written to it. */
class Tail extends Writable {
  private text = "";
  /** `said` is called whenever something comes. */
  constructor(private readonly said: () => void) {
    super();
  }
  override _write(chunk: Buffer, _: unknown, done: () => void): void {
    this.said();
    this.text = (this.text + chunk.toString("latin1")).slice(-KEPT);
    done();
  }
  lines = (): string[] => consoleLines(this.text).slice(-SHOWN);
}

/** Looks at what a machine tells, each second, and says how far it is. `stop` ends that. */
function watch(dir: string, { accelerator }: Speed, limit: number, task: Task) {
  const begun = performance.now();
  const seconds = () => (performance.now() - begun) / 1000;
  const told = async () => parseReport(await readFile(join(dir, REPORT), "latin1").catch(() => ""));
  const how = accelerator === "kvm" ? "" : ", emulated";
  let lastSaid = 0;
  let lines = 0;
  const timer = setInterval(async () => {
    const now = await told();
    if (now.lines > lines) lastSaid = seconds();
    lines = now.lines;
    task.step(`rehearsal: ${reached(now)} (${Math.round(seconds())} s of at most ${Math.round(limit)} s${how})`);
  }, 1000);
  return {
    told,
    seconds,
    said: () => {
      lastSaid = seconds();
    },
    lastSaid: () => lastSaid,
    stop: () => clearInterval(timer),
  };
}

/** What a machine told, and how it ended. `limit`: seconds. */
export async function boot(
  dir: string,
  guest: Guest,
  speed: Speed,
  limit: number,
  task: Task,
): Promise<{ report: Report; ended: Ended }> {
  const { accelerator, slow } = speed;
  await rm(join(dir, REPORT), { force: true });
  const seen = watch(dir, speed, limit, task);
  const tail = new Tail(seen.said);
  try {
    const args = guestArguments(accelerator, { memory: guest.memory, cards: cardsOf(guest.network) });
    const problem = await runQemu(args, { cwd: dir, signal: task.signal, timeout: limit * 1000, output: tail }).then(
      () => undefined,
      (e) => {
        if (!(e instanceof RunError)) throw e;
        return e;
      },
    );
    const seconds = seen.seconds();
    // QEMU that is told to end says that it ended well
    const late = problem?.timedOut || seconds >= limit;
    const how = late ? "limit" : problem === undefined ? "itself" : "failed";
    const now = how === "limit" ? await measure(accelerator, dir, task) : undefined;
    const ended: Ended = {
      how,
      seconds,
      limit,
      accelerator,
      slow,
      slowNow: now?.slow,
      lastSaid: seen.lastSaid(),
      console: tail.lines(),
      problem: problem?.stderr.trim().split("\n").pop(),
    };
    return { report: await seen.told(), ended };
  } finally {
    seen.stop();
  }
}
