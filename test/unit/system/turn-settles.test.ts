/** When a server's turn ends after a boot: libexec/pine/judge, by both shells. Numbers are those of public reports. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Puller } from "./a-puller.ts";
import { GREEN, Updater } from "./an-updater.ts";
import { booted } from "./booted.ts";

describe.each([["dash"], ["busybox", "sh"]])("a server's turn, by %s", (...shell) => {
  let u: Updater;
  let p: Puller;
  beforeAll(async () => {
    u = await Updater.make(shell);
    p = u.p;
  });
  afterAll(() => p?.end());

  // zincati#239, kured#822: nothing else on a server without updates would ever give it back
  test("judged from outside by somebody who is gone after the confirmation: it ends all the same", async () => {
    const commit = await p.s.commit("2");
    await p.s.pine("a", ["deploy", commit, "Pine 2"]);
    await p.s.pine("a", ["arm", "b", "1"]);
    booted(p.s);
    u.turn(
      `[ "$(wc -l </var/lib/pine/turns)" != 3 ] || { /run/scripts/lib/agent confirm ${commit} && echo confirmed; } >>/var/lib/pine/turns`,
    );
    await u.judge("b", GREEN, { trial: true, before: "rm -f /var/lib/pine/updates" });
    expect(p.s.env).toMatchObject({ slot: "b", trial: undefined });
    expect(u.turns()).toEqual(["settle", "settle", "settle", "confirmed", "settle"]);
  });

  test("of a boot that is no trial it asks once, and of a store that is away until it answers", async () => {
    u.turn("");
    await u.judge("b", GREEN);
    expect(u.turns()).toEqual(["settle"]);
    u.turn('[ "$(wc -l </var/lib/pine/turns)" -ge 5 ]');
    await u.judge("b", GREEN);
    expect(u.turns()).toHaveLength(5);
    u.turn("exit 1");
    await u.judge("b", GREEN);
    expect(u.turns()).toHaveLength(19);
  });
});
