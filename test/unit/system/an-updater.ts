/** A {@link Puller} that reboots: with hooks, and a queue of reboots that notes what it is asked. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import { Puller } from "./a-puller.ts";

/** What health checks print. */
export const GREEN = "echo 'checked=x uptime=1 ran=1 of=1 result=green'; echo 'web ok 1 '";
export const RED = "echo 'checked=x uptime=1 ran=1 of=1 result=red'; echo 'web red 1 status 500'; exit 1";

export class Updater {
  readonly commits: Record<string, string> = {};
  private constructor(readonly p: Puller) {}

  static async make(shell: string[], etc: Record<string, string> = {}): Promise<Updater> {
    const u = new Updater(await Puller.make(shell, etc));
    // what it has of SSH servers is in host/files and e2e
    u.piece("hostkeys", 'echo "$*" >>/var/lib/pine/hostkeys');
    return u;
  }

  private piece(name: string, text: string): void {
    writeFileSync(join(this.p.s.scripts, "lib", name), `#!/bin/sh\n${text}\n`, { mode: 0o755 });
  }

  /** A hook of a person; answers what puts it there. */
  hook(name: string, text: string): string {
    this.p.program(name, text);
    return `mkdir -p /run/hooks/update.d; cp /run/scripts/bin/${name} /run/hooks/update.d/; export PINE_OWN_HOOKS=/run/hooks`;
  }
  /** One that writes down with what it was called. */
  writes = () => this.hook("writes", 'echo "$1 $(printf %.4s "$2") $(printf %.4s "$3") $4" >>/var/lib/pine/hooks');
  hooks = () => (this.p.has("hooks") ? this.p.text("hooks") : "");

  /** The queue of reboots from now on: what it does after it noted the question. */
  turn(answer: string): void {
    this.piece(
      "turn",
      `echo "$*" | sed 's/\\([0-9a-f]\\{4\\}\\)[0-9a-f]\\{60\\}/\\1/' >>/var/lib/pine/turns\n${answer}`,
    );
    writeFileSync(this.p.memory("turns"), "");
    writeFileSync(this.p.memory("lock"), "backend=made-up\n");
  }
  turns = () => (this.p.has("turns") ? this.p.text("turns").trim().split("\n") : []);

  async stage(name: string, version: string, slot: "a" | "b" = "a"): Promise<string> {
    this.commits[name] = await this.p.publish(name, version);
    await this.p.run("upgrade", ["stage"], { slot });
    return this.commits[name];
  }

  reboot(o: Parameters<Puller["run"]>[2] = {}, ...how: string[]): Promise<string> {
    return this.p.refused("upgrade", ["reboot", ...how], { health: GREEN, ...o });
  }

  /** The boot that follows, as far as the judge. */
  judge(slot: "a" | "b", health: string, o: { trial?: boolean; before?: string } = {}) {
    const { trial, before = "true" } = o;
    return this.p.run("judge", [], { slot, trial, health, before: `: >/run/pine.completed; ${before}` });
  }

  expectUntouched(): void {
    expect([this.p.s.env.trial, this.p.has("pull/trial")]).toEqual([undefined, false]);
  }
}
