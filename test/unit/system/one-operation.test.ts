/**
 * `pulumi up` and a server's own update at random moments of each other: one of them wins, the other says who is at it,
 * and nothing is half done (72: coreos/zincati#1072, #671, coreos/rpm-ostree#4519). PINE_CUTS: how many.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { lockScript } from "../../../provider/host/scripts.ts";
import type { Puller } from "./a-puller.ts";
import { Updater } from "./an-updater.ts";

const CUTS = Number(process.env.PINE_CUTS ?? 6);

let u: Updater;
let p: Puller;
beforeAll(async () => {
  u = await Updater.make(["busybox", "sh"]);
  p = u.p;
  p.settings({ reboot: "now" });
  u.turn("");
  writeFileSync(join(p.s.scripts, "up"), lockScript());
  await u.stage("2", "1.1.0");
});
afterAll(() => p?.end());

const said = (name: string) => p.text(name).trim();
/** It holds the server until the other one has ended. */
const UP =
  "{ printf .; until [ -e /run/done ]; do sleep 0.2; done; } | sh /run/scripts/up 'pulumi up of anna' >/var/lib/pine/up 2>&1";
const OWN = "/run/scripts/lib/upgrade reboot now >/var/lib/pine/own 2>&1; : >/run/done";

test(
  `${CUTS} times, the one up to a second before the other, or three after it`,
  async () => {
    const winners = new Set<string>();
    for (let n = 0; n < CUTS; n++) {
      const skew = n === 0 ? -3 : -1 + 4 * Math.random();
      const [first, second] = skew < 0 ? [UP, OWN] : [OWN, UP];
      const before = `export PINE_PROC=/run/proc; mkdir /run/proc; { ${first}; } & sleep ${Math.abs(skew).toFixed(2)}; { ${second}; } & wait`;
      await p.run("agent", ["status"], { before });
      const armed = p.s.env.trial === "b";
      const what = `after ${skew.toFixed(2)} s: up: ${said("up")}; own: ${said("own")}`;
      if (said("up") === "locked") {
        winners.add("up");
        expect(said("own"), what).toBe("pine: another operation holds this server's lock: pulumi up of anna");
        expect([armed, p.has("pull/trial"), p.s.deployments()], what).toEqual([false, false, ["1"]]);
      } else {
        winners.add("own");
        expect(said("up"), what).toMatch(
          /^busy (reboot into version 1\.1\.0 by root on the server|this server, which reboots into version 1\.1\.0, which is rebooting the server)$/,
        );
        expect(said("own"), what).toMatch(/^This server reboots into version 1\.1\.0\./);
        expect([armed, p.has("pull/trial"), p.s.bootable()], what).toEqual([true, true, { a: "1", b: "2" }]);
      }
      await p.run("agent", ["disarm"]);
      await p.run("upgrade", ["after"]);
      await p.run("agent", ["undeploy"]);
    }
    expect([...winners].sort()).toEqual(["own", "up"]);
  },
  CUTS * 60_000,
);
