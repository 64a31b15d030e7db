/** How often a server asks what is offered while it waits for its turn: libexec/pine/upgrade, in both shells. */
import { readFileSync, writeFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Puller, REF } from "./a-puller.ts";
import { GREEN, Updater } from "./an-updater.ts";

const MANIFEST = `pine/${REF}.manifest`;

describe.each([["dash"], ["busybox", "sh"]])("a server that waits for its turn, by %s", (...shell) => {
  let u: Updater;
  let p: Puller;
  beforeAll(async () => {
    u = await Updater.make(shell);
    p = u.p;
    await u.stage("2", "1.1.0");
    p.settings({ reboot: "now" });
  });
  afterAll(() => p?.end());

  test("asks each ten minutes, not each time that it asks for its turn", async () => {
    u.turn("exit 75");
    const looks = () => p.asked.filter((path) => path === MANIFEST).length;
    const [before, again] = [looks(), "/run/scripts/lib/upgrade reboot || true"];
    await u.reboot({ before: `for n in 1 2 3; do ${again}; done` });
    expect([looks() - before, u.turns().length]).toEqual([1, 4]);
    await u.reboot({ before: `${again}; echo -700 >/run/pine.asked` });
    expect(looks() - before).toBe(3);
  });

  test("looks again soon, and not at once, whatever keeps it (10: ankhmorpork#1079, 14: coreos/bugs#836)", async () => {
    const next = async () => Number((await p.run("upgrade", ["tick"], { health: GREEN })).stdout);
    for (const answer of ["exit 75", "echo 'the store does not answer'; exit 1"]) {
      u.turn(answer);
      const seconds = await next();
      expect(u.turns().map((turn) => turn.split(" ")[0])).toEqual(["settle", "take"]);
      expect(seconds).toBeGreaterThanOrEqual(45);
      expect(seconds).toBeLessThanOrEqual(75);
    }
    p.settings({ reboot: "manual" });
    expect(await next()).toBe(3600);
    p.settings({ reboot: "now" });
  });

  test("asks once more when it has its turn: for another version it takes another one (36: zincati#928)", async () => {
    u.turn('[ "$1" != take ] || [ -e /run/second ] || { : >/run/second; exit 75; }');
    const offered = readFileSync(p.published(MANIFEST));
    await p.publish("3", "1.2.0");
    const next = readFileSync(p.published(MANIFEST));
    writeFileSync(p.published(MANIFEST), offered);
    let asked = 0;
    p.answer = (_, response, path) => {
      if (path !== MANIFEST || ++asked < 2) return false;
      response.end(next);
      return true;
    };
    expect(await u.reboot({ before: "/run/scripts/lib/upgrade reboot || true" })).toMatch(
      /another version is offered than 1\.1\.0/,
    );
    expect(u.turns().map((turn) => turn.split(" ")[0])).toEqual(["take", "take", "release"]);
    u.expectUntouched();
  });
});
