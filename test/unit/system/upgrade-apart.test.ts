/**
 * Stage and reboot are two acts: what a reboot that does not come, or leads nowhere, leaves of a server that pulled;
 * libexec/pine/upgrade with a real OSTree, in both shells. Names with a number are public reports of what broke for
 * others.
 */
import { existsSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Puller } from "./a-puller.ts";
import { GREEN, RED, Updater } from "./an-updater.ts";
import { booted } from "./booted.ts";

const MANIFEST = "pine/pine/x86_64/stable.manifest";

describe.each([["dash"], ["busybox", "sh"]])("a server that updates itself, by %s", (...shell) => {
  let u: Updater;
  let p: Puller;
  beforeAll(async () => {
    u = await Updater.make(shell);
    p = u.p;
    p.settings({ reboot: "now" });
    u.turn("");
  });
  afterAll(() => p?.end());

  const stays = () => {
    u.expectUntouched();
    expect([p.s.env.slot, p.s.bootable().a]).toEqual(["a", "1"]);
  };
  /** A person's hold, which no update and no return ends (40: snapd#12244). */
  const hold = () => writeFileSync(p.memory("hold"), "since=x\nby=anna\nreason=backup\n");
  const stillHeld = () => {
    expect(p.text("hold")).toMatch(/^reason=backup$/m);
    rmSync(p.memory("hold"));
  };
  const notRebooted = () => expect(existsSync(join(p.s.root, "rebooted"))).toBe(false);

  test("one that cannot be deployed: no reboot, the turn is free, and each time later (35, 43: rpm-ostree#1568)", async () => {
    const none = await p.s.commit("none", { kernel: false, repo: p.repo });
    await p.publish("none", "1.0.1", { checksum: none });
    await p.run("upgrade", ["stage"]);
    const waits: number[] = [];
    for (let n = 0; n < 3; n++) {
      const begun = Date.now() / 1000;
      expect(await u.reboot()).toMatch(/version 1\.0\.1 cannot be deployed: \S/);
      waits.push(Number(p.state("apply_after")) - begun);
      expect(u.turns().map((turn) => turn.split(" ")[0])).toEqual(["take", "check", "release"]);
      u.turn("");
      // until then nobody is asked for anything
      expect([await u.reboot(), u.turns()]).toEqual([expect.stringMatching(/cannot be deployed/), [""]]);
      const state = p.text("pull/state").replace(/^apply_after=.*\n/m, "");
      writeFileSync(p.memory("pull/state"), state);
    }
    expect(waits[0]!).toBeGreaterThan(290);
    expect([waits[1]! > waits[0]! * 1.8, waits[2]! > waits[1]! * 1.8]).toEqual([true, true]);
    stays();
    notRebooted();
  });

  test.each([
    ["armed", "arm", /made up/],
    ["rebooted into", "reboot", /the reboot could not be begun/],
  ])("one that cannot be %s is not: what was there boots on, and the turn is free (35)", async (_, step, message) => {
    writeFileSync(p.memory("pull/state"), "");
    await u.stage(`2-${step}`, step === "arm" ? "1.1.0" : "1.1.1");
    p.program(
      "fails",
      `[ "$1" != ${step} ] || { echo "pine: made up" >&2; exit 1; }\nexec /run/scripts/lib/agent "$@"`,
    );
    u.turn("");
    expect(await u.reboot({ before: "export PINE_AGENT=/run/scripts/bin/fails" })).toMatch(message);
    expect(u.turns().at(-1)).toMatch(/^release none/);
    stays();
    notRebooted();
    expect(p.s.bootable().b).toBeUndefined();
  });

  test.each(["arm", "reboot"])(
    "killed after %s: its service takes it back at the next look, and nothing waits for another's reboot (33: zincati#1186)",
    async (step) => {
      writeFileSync(p.memory("pull/state"), "");
      p.settings({ reboot: "now" });
      await u.stage(`3-${step}`, step === "arm" ? "1.2.0" : "1.2.1");
      const kill = 'read -r _ _ _ _ group _ </proc/$$/stat; kill -9 -"$group"';
      p.program("dies", `/run/scripts/lib/agent "$@"\ncode=$?\n[ "$1" != ${step} ] || { ${kill}; }\nexit $code`);
      const killed =
        "PINE_AGENT=/run/scripts/bin/dies setsid /run/scripts/lib/upgrade reboot >/dev/null 2>&1 & wait $!";
      const armed = "grep -o 'pine_trial=b' /boot/grub/pine/env >/var/lib/pine/armed";
      const later = "[ ! -e /run/pine.rebooting ] || touch -t 202001010000 /run/pine.rebooting";
      u.turn("");
      // a person is asked from now on, so the service does not go on by itself
      const manual = "sed -i s/^reboot=.*/reboot=manual/ /var/lib/pine/updates";
      const before = `${killed}; ${armed}; ${later}; ${manual}`;
      const { stdout } = await p.run("upgrade", ["tick"], { health: GREEN, before });
      expect(p.text("armed")).toBe("pine_trial=b\n");
      stays();
      expect(u.turns().at(-1)).toBe("settle");
      expect(u.turns().at(-2)).toMatch(/^release none/);
      expect(p.state("waiting")).toMatch(/^version 1\.2\.\d waits for `pine upgrade --reboot`/);
      expect(Number(stdout)).toBeLessThanOrEqual(3600);
      expect(p.text("pull/staged.commit")).toContain(u.commits[`3-${step}`]);
    },
  );

  test("/etc is merged last: what was changed since it was staged, and by a hook, is there (34: rpm-ostree#40, uupd#152)", async () => {
    writeFileSync(p.memory("pull/state"), "");
    p.settings({ reboot: "now" });
    await u.stage("4", "1.3.0");
    const byHand = "echo anna >/etc/passwd; echo rule >/etc/firewall";
    const hook = u.hook("adds", "echo hook >/etc/by-hook");
    expect(await u.reboot({ before: `${byHand}; ${hook}` })).toBe("done");
    expect(p.s.env).toMatchObject({ slot: "a", trial: "b", tries: 1 });
    booted(p.s);
    const seen = "cd /etc; cat release passwd firewall by-hook";
    const { stdout } = await p.s.on("b", seen, [], { trial: true });
    expect(stdout).toBe("4\nanna\nrule\nhook");
  });

  test("it is confirmed, whatever hooks and the store say afterwards (47: mender#823)", async () => {
    hold();
    u.turn('[ "$1" != settle ] || exit 1');
    await u.judge("b", GREEN, { trial: true, before: u.hook("tells", "echo nobody listens; exit 1") });
    expect(p.s.env).toMatchObject({ slot: "b", trial: undefined });
    expect(u.turns().at(-1)).toBe("settle");
    expect([p.state("result"), p.state("hook")]).toEqual([
      "version 1.3.0 runs and is confirmed",
      "tells (after): nobody listens",
    ]);
    await p.run("agent", ["ok"], { slot: "b" });
    expect(p.s.env).toMatchObject({ slot: "b", trial: undefined });
    stillHeld();
    u.turn("");
  });

  test("two bad ones after it: back to what was confirmed last, never to what was before (45: talos#10364)", async () => {
    for (const [name, version] of [
      ["5", "1.4.0"],
      ["6", "1.5.0"],
    ] as const) {
      await u.stage(name, version, "b");
      expect(await u.reboot({ slot: "b" })).toBe("done");
      expect(p.s.bootable().b).toBe("4");
      booted(p.s);
      await u.judge("a", RED, { trial: true });
      hold();
      // five starts, as after cuts of the power: none is a trial (44: greenboot#105)
      for (let n = 0; n < 5; n++) {
        await p.run("agent", ["ok"], { slot: "b" });
        expect([p.s.env.slot, p.s.env.tries ?? 0]).toEqual(["b", 0]);
      }
      await u.judge("b", GREEN);
      expect(p.s.env.slot).toBe("b");
      stillHeld();
      expect(p.state("result")).toBe(`version ${version} did not stay: web: status 500`);
    }
    expect(Object.values(p.s.bootable())).not.toContain("5");
  });

  test("a look that was missed for days is made up for once; a clock that jumped stops none (28: nixpkgs#15689)", async () => {
    p.settings({ reboot: "manual" });
    const tick = async (next: number) => {
      const state = p.text("pull/state").replace(/^next=.*\n/m, "");
      writeFileSync(p.memory("pull/state"), `next=${Math.floor(Date.now() / 1000) + next}\n${state}`);
      const before = p.asked.filter((path) => path === MANIFEST).length;
      await p.run("upgrade", ["tick"], { slot: "b" });
      const once = p.asked.filter((path) => path === MANIFEST).length - before;
      await p.run("upgrade", ["tick"], { slot: "b" });
      return [once, p.asked.filter((path) => path === MANIFEST).length - before];
    };
    expect(await tick(-3 * 86_400)).toEqual([1, 1]);
    expect(await tick(3600)).toEqual([0, 0]);
    expect(await tick(3650 * 86_400)).toEqual([1, 1]);
  });
});
