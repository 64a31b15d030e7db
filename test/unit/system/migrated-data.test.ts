/**
 * A service that migrates its data in an update, and hooks of a person that go with it: what did not stay is undone,
 * also where the power fails in the hook (91: openshift/enhancements#1387, foundriesio/aktualizr-lite#76).
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Puller } from "./a-puller.ts";
import { GREEN, RED, Updater } from "./an-updater.ts";
import { booted } from "./booted.ts";

/** A backup by the number of its update, of which two are kept. It stands still while `cut` is there. */
const BACKUP = `at=/var/lib/app
echo "$1 $4" >>$at/hooks
[ ! -e $at/cut ] || { : >$at/waits; sleep 100; }
case $1 in
  before)
    cp $at/schema $at/backup.$4
    ls -t $at/backup.* | tail -n +3 | while read -r old; do rm "$old"; done
    ;;
  returned) cp $at/backup.$4 $at/schema ;;
esac`;
/** The service of a system that wants another schema: it migrates, and says whether it is on trial. */
const migrates = (n: number) =>
  `echo ${n} >/var/lib/app/schema; grep -c pine.trial=1 /run/pine.cmdline >/var/lib/app/trial || true`;

describe.each([["dash"], ["busybox", "sh"]])("data that an update migrates, by %s", (...shell) => {
  let u: Updater;
  let p: Puller;
  let hook: string;
  const app = (path: string) => join(p.s.root, "ostree/deploy/pine/var/lib/app", path);
  const text = (path: string) => readFileSync(app(path), "utf8").trim();
  const backups = () => readdirSync(app("")).filter((name) => name.startsWith("backup."));
  const hooks = () => text("hooks").split("\n");

  beforeAll(async () => {
    u = await Updater.make(shell);
    p = u.p;
    p.settings({ reboot: "now" });
    u.turn("");
    mkdirSync(app(""), { recursive: true });
    writeFileSync(app("schema"), "1\n");
    writeFileSync(app("hooks"), "");
    hook = u.hook("backup", BACKUP);
  });
  afterAll(() => p?.end());

  /** The new system on trial, whose service has started. */
  async function tried(version: number, slot: "a" | "b", health: string): Promise<void> {
    await u.stage(`v${version}`, `1.${version}.0`, slot);
    // a name of the second
    await sleep(1100);
    expect(await u.reboot({ slot, before: hook }, "now")).toBe("done");
    booted(p.s);
    const other = slot === "a" ? "b" : "a";
    await u.judge(other, health, { trial: true, before: `${hook}; ${migrates(version)}` });
    expect(text("trial")).toBe("1");
  }
  /** The old system runs again. */
  async function back(slot: "a" | "b", signal?: AbortSignal): Promise<void> {
    await p.run("agent", ["ok"], { slot });
    const before = `: >/run/pine.completed; ${hook}`;
    await p.run("judge", [], { slot, health: GREEN, before, signal });
  }

  test("a good one keeps what it made of the data", async () => {
    await tried(2, "a", GREEN);
    expect([text("schema"), backups().length]).toEqual(["2", 1]);
    expect(hooks().map((line) => line.split(" ")[0])).toEqual(["before", "after"]);
  });

  test("one that did not stay: the system before it has its data", async () => {
    await tried(3, "b", RED);
    expect(text("schema")).toBe("3");
    await back("b");
    expect([text("schema"), backups().length]).toEqual(["2", 2]);
    const [before, returned] = hooks().slice(-2);
    expect(returned).toBe(before!.replace("before", "returned"));
  });

  test("the power fails in the hook: the next boot runs it again, and once", async () => {
    await tried(4, "b", RED);
    writeFileSync(app("cut"), "");
    const cut = new AbortController();
    const watch = setInterval(() => existsSync(app("waits")) && cut.abort(), 20);
    await expect(back("b", cut.signal)).rejects.toThrow();
    clearInterval(watch);
    expect(text("schema")).toBe("4");
    rmSync(app("cut"));
    await back("b");
    expect([text("schema"), backups().length]).toEqual(["2", 2]);
    await back("b");
    const words = hooks().map((line) => line.split(" ")[0]);
    expect(words.slice(-3)).toEqual(["before", "returned", "returned"]);
    expect(p.has("pull/trial")).toBe(false);
  });

  test("the judge and the service of updates come together: hooks run once", async () => {
    await tried(5, "b", RED);
    await p.run("agent", ["ok"], { slot: "b" });
    const slow = u.hook("slow", "sleep 2");
    const after = "/run/scripts/lib/upgrade after";
    await p.run("upgrade", ["after"], { slot: "b", before: `${hook}; ${slow}; ${after} & ${after} &` });
    const words = hooks().map((line) => line.split(" ")[0]);
    expect(words.slice(-2)).toEqual(["before", "returned"]);
    expect(text("schema")).toBe("2");
  });
});
