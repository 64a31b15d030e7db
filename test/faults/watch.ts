/** Watches a command of the campaign: which of its marks were seen, when, and how the disk stood then. */
import { closeSync, existsSync, openSync, readSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { bytesOf } from "../e2e/hijack-traces.ts";
import type { DiskStat, FaultyDisk } from "../lab/disk/index.ts";
import type { Command, Stage } from "./phases.ts";

export interface Seen {
  /** Seconds since the start. */
  seconds: number;
  disk: DiskStat;
}

/** New text of a file that grows. */
class Tail {
  private offset = 0;
  private rest = "";
  constructor(private readonly file: string) {}

  /** Everything since the last call. */
  read(): string {
    if (!existsSync(this.file)) return "";
    const fd = openSync(this.file, "r");
    const buffer = Buffer.alloc(1 << 20);
    const count = readSync(fd, buffer, 0, buffer.length, this.offset);
    closeSync(fd);
    this.offset += count;
    return buffer.toString("latin1", 0, count);
  }
  /** Whole lines since the last call. */
  lines(): string[] {
    const parts = (this.rest + this.read()).split("\n");
    this.rest = parts.pop()!;
    return parts;
  }
}

const POLL_MS = 20;

export class Watch {
  readonly seen = new Map<string, Seen>();
  /** Of the bytes of the transfer. */
  share = 0;
  private readonly began = performance.now();
  private readonly events: Tail;
  private readonly serial: Tail;
  private console = "";
  private over = false;
  private failed: unknown;
  private readonly polling: Promise<void>;

  constructor(
    private readonly command: Command,
    private readonly disk: FaultyDisk,
    files: { events: string; serial: string },
  ) {
    this.events = new Tail(files.events);
    this.serial = new Tail(files.serial);
    this.polling = this.poll().catch((error: unknown) => {
      this.failed = error; // told by who waits for something
    });
  }

  /** Since the start. */
  seconds(): number {
    return Math.round(performance.now() - this.began) / 1000;
  }

  /** Notes a mark, the first time. */
  async note(name: string): Promise<void> {
    if (this.seen.has(name)) return;
    const seconds = this.seconds();
    this.seen.set(name, { seconds, disk: await this.disk.stat() });
  }

  private async look(): Promise<void> {
    for (const line of this.events.lines()) {
      if (!line.includes('"diagnosticEvent"')) continue;
      const message: string = JSON.parse(line).diagnosticEvent.message.trim();
      const sent = /^sent (\S+ \S+) of (\S+ \S+?)(,|\s|$)/.exec(message);
      if (sent) this.share = Math.max(this.share, bytesOf(sent[1]!) / bytesOf(sent[2]!));
      await this.match("said", message);
    }
    // marks of the serial line are few and short; escapes of GRUB's menu are between them
    this.console = this.console.slice(-2000) + this.serial.read();
    await this.match("console", this.console);
  }

  private async match(where: "said" | "console", text: string): Promise<void> {
    for (const [name, mark] of Object.entries(this.command.marks))
      if (mark.in === where && !this.seen.has(name) && (!mark.after || this.seen.has(mark.after)))
        if (mark.pattern.test(text)) await this.note(name);
  }

  private async poll(): Promise<void> {
    await this.note("start");
    while (!this.over) {
      await this.look();
      await sleep(POLL_MS);
    }
  }

  /** Ends. */
  async stop(): Promise<void> {
    this.over = true;
    await this.polling;
  }

  /** Looks a last time, at what was told until now, and ends. */
  async close(): Promise<void> {
    await this.stop();
    if (this.failed) throw this.failed;
    await this.look();
  }

  /** Resolves when a condition holds; false when `until` comes first. */
  async until(holds: () => boolean, until: Promise<unknown>): Promise<boolean> {
    let over = false;
    void until.then(() => {
      over = true;
    });
    while (!holds()) {
      if (this.failed) throw this.failed;
      if (over) return holds();
      await sleep(POLL_MS);
    }
    return true;
  }

  /** The last stage that was reached; `now`: of the disk, when the power went. */
  stage(now: DiskStat): Stage {
    const armed = this.seen.get("armed")?.disk.states;
    const reached = ({ since }: Stage) => {
      if (since === "writing") return now.states > (this.seen.get("start")?.disk.states ?? 0);
      if (since === "counting") return armed !== undefined && now.states > armed;
      if (since === "counted") return armed !== undefined && now.flushedStates > armed;
      return this.seen.has(since);
    };
    return this.command.stages.filter(reached).at(-1)!;
  }
}
