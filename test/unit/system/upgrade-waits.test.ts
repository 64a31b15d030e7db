/**
 * When a server does not reboot into what it pulled, and that it says why: libexec/pine/upgrade, in both shells. Names
 * with a number are public reports of what broke for others.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Puller } from "./a-puller.ts";
import { Updater } from "./an-updater.ts";

describe.each([["dash"], ["busybox", "sh"]])("a server that updates itself, by %s", (...shell) => {
  let u: Updater;
  let p: Puller;
  beforeAll(async () => {
    u = await Updater.make(shell);
    p = u.p;
    await u.stage("2", "1.1.0");
  });
  afterAll(() => p?.end());

  describe("does not reboot, and says why", () => {
    // whoever was blocked after it took its turn kept it for hours (8: kured#792, #819)
    const asksForNoTurn = async (say: RegExp, o: Parameters<Updater["reboot"]>[0], ...how: string[]) => {
      u.turn("");
      expect(await u.reboot(o, ...how)).toMatch(say);
      expect(u.turns()).toEqual([""]);
      u.expectUntouched();
    };
    test("where a person has to", async () => {
      expect(await u.reboot()).toMatch(/version 1\.1\.0 waits for `pine upgrade --reboot`/);
      expect(p.state("waiting")).toMatch(/waits for `pine upgrade/);
      u.expectUntouched();
    });
    test("while it is held", async () => {
      writeFileSync(p.memory("hold"), "since=2026-11-30T10:00:00Z\nby=anna\nreason=backup\n");
      await asksForNoTurn(/held since 2026-11-30T10:00:00Z: backup/, {}, "now");
      writeFileSync(p.memory("hold"), "");
      p.s.shell = shell;
      await p.run("../bin/logger", [], { before: "rm /var/lib/pine/hold" });
    });
    test("while another operation holds the server", async () => {
      const before = "exec 5>>/run/pine.lock; flock 5; echo 'pulumi up of anna' >/run/pine.lock";
      await asksForNoTurn(/another operation holds this server's lock: pulumi up of anna/, { before }, "now");
    });
    test("while its slot is not confirmed", async () => {
      const env = readFileSync(join(p.s.slots, "env"));
      writeFileSync(join(p.s.slots, "env"), env.toString().replace("pine_slot=a", "pine_slot=b"));
      await asksForNoTurn(/the running slot is not confirmed/, {}, "now");
      writeFileSync(join(p.s.slots, "env"), env);
    });
    test("while somebody works on it: they are told, and waited for at most so long (39, 40: zincati#115)", async () => {
      p.settings({ reboot: "now", sessions: "3600" });
      const before =
        "mkdir -p /run/proc/7 /run/proc/8; echo '7 (dropbear) S 1 7 7 0 -1' >/run/proc/7/stat; echo '8 (ash) S 7 8 8 34816 8' >/run/proc/8/stat; export PINE_PROC=/run/proc";
      await asksForNoTurn(/1 terminal is in use/, { before });
      // the longest is over
      p.settings({ reboot: "now", sessions: "0" });
      u.turn("exit 75");
      await u.reboot({ before });
      expect(u.turns()).toEqual([`take ${u.commits["2"]!.slice(0, 4)} update`]);
    });
    test("while it cannot be seen who works on it (39: FCOS#1780)", async () => {
      p.settings({ reboot: "now", sessions: "3600" });
      u.turn("");
      expect(await u.reboot({ before: "export PINE_PROC=/nowhere" })).toMatch(/logged in is not to be seen/);
      expect(u.turns()).toEqual([""]);
      u.expectUntouched();
    });
    test("while it is another's turn, and when nobody can be asked (14)", async () => {
      u.turn("echo 'web-2 holds the lock since 10:00 for commit abc'; exit 75");
      expect(await u.reboot()).toMatch(/web-2 holds the lock since 10:00/);
      u.turn("echo 'the store does not answer'; exit 1");
      expect(await u.reboot()).toMatch(/the store does not answer/);
      u.expectUntouched();
      expect(u.turns()).toEqual([expect.stringMatching(/^take/)]);
    });
    test.each([
      ["fails", "echo the backup failed; exit 1", /backup \(before\): the backup failed/],
      [
        "never ends, forks, writes and reads (41: kured#109)",
        "# timeout=2\nyes & sleep 1000 & cat; sleep 1000",
        /did not end within 2 s/,
      ],
    ])("when a hook %s: the turn is freed at once (8: kured#792)", async (_, text, message) => {
      u.turn("");
      expect(await u.reboot({ before: u.hook("backup", text) })).toMatch(message);
      expect(u.turns()).toEqual([expect.stringMatching(/^take/), expect.stringMatching(/^release none/)]);
      u.expectUntouched();
      // and not again at once
      expect(Number(p.state("apply_after"))).toBeGreaterThan(Date.now() / 1000 + 200);
      writeFileSync(p.memory("pull/state"), "");
    });
    test("when the turn was lost meanwhile (18: consul#18271)", async () => {
      u.turn('[ "$1" != check ] || { echo "the entry is gone"; exit 75; }');
      expect(await u.reboot()).toMatch(/the entry is gone/);
      expect(u.turns().map((t) => t.split(" ")[0])).toEqual(["take", "check", "release"]);
      u.expectUntouched();
      writeFileSync(p.memory("pull/state"), "");
    });
    test("when a hold came while the hook ran", async () => {
      u.turn("");
      const before = u.hook("holds", "printf 'since=x\\nby=y\\nreason=wait\\n' >/var/lib/pine/hold");
      expect(await u.reboot({ before })).toMatch(/held since x: wait/);
      expect(u.turns().map((t) => t.split(" ")[0])).toEqual(["take", "release"]);
      await p.run("../bin/logger", [], { before: "rm /var/lib/pine/hold" });
      u.expectUntouched();
    });
    test("when a hold came while its slot was armed: it is armed no more (40: zincati#1160)", async () => {
      u.turn("");
      p.program(
        "held",
        '/run/scripts/lib/agent "$@"\ncode=$?\n[ "$1" != arm ] || printf "since=x\\nby=y\\nreason=late\\n" >/var/lib/pine/hold\nexit $code',
      );
      expect(await u.reboot({ before: "export PINE_AGENT=/run/scripts/bin/held" })).toMatch(/held since x: late/);
      expect(u.turns().map((t) => t.split(" ")[0])).toEqual(["take", "check", "release"]);
      expect([p.state("waiting"), p.state("apply_failures"), p.s.bootable().b]).toEqual([
        "held since x: late",
        undefined,
        undefined,
      ]);
      await p.run("../bin/logger", [], { before: "rm /var/lib/pine/hold" });
      u.expectUntouched();
    });
    test("when an `up` brought a newer one since it was fetched, and nobody can be asked", async () => {
      const manifest = p.text("trust/manifest");
      p.trust({ text: manifest.replace(/^version=.*$/m, "version=1.1.5") });
      p.answer = (_, response) => Boolean(response.writeHead(500).end());
      expect(await u.reboot({}, "now")).toMatch(/version 1\.1\.5 runs already/);
      p.answer = () => false;
      p.trust({ text: manifest });
      u.expectUntouched();
      expect(p.has("pull/staged.commit")).toBe(false);
      await p.run("upgrade", ["stage"]);
    });
    test("when it was withdrawn since it was staged (37)", async () => {
      const next = await p.publish("2b", "1.1.1", { statement: { withdrawn: [u.commits["2"]!] } });
      p.answer = (_, response, path) =>
        path !== `pine/pine/x86_64/stable.manifest` && Boolean(response.writeHead(404).end());
      expect(await u.reboot()).toMatch(/what was staged is not offered any more/);
      p.answer = () => false;
      u.expectUntouched();
      await p.run("upgrade", ["stage"]);
      expect(p.text("pull/staged.commit")).toContain(next);
      u.commits["2"] = next;
    });
  });
});
