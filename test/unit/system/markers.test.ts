/**
 * What another boot, or a run that was killed, left behind: it blocks nothing, and is told with its age
 * (38: zincati#1186, FCOS#1721, ostree#3025). And a look leaves nothing (74: FCOS#1608). PINE_RUNS: how many looks.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { assetText } from "../../../provider/assets.ts";
import type { Puller } from "./a-puller.ts";
import { Updater } from "./an-updater.ts";

const RUNS = Number(process.env.PINE_RUNS ?? 30);
const MARK = "export PINE_PROC=/run/proc; mkdir -p /run/proc";

describe.each([["dash"], ["busybox", "sh"]])("a server that updates itself, by %s", (...shell) => {
  let u: Updater;
  let p: Puller;
  beforeAll(async () => {
    u = await Updater.make(shell);
    p = u.p;
    u.turn("");
    await u.stage("2", "1.1.0");
  });
  afterAll(() => p?.end());
  const disarmed = async () => {
    await p.run("agent", ["disarm"]);
    await p.run("upgrade", ["after"]);
    expect([p.s.env.trial, p.has("pull/trial"), p.s.bootable().a]).toEqual([undefined, false, "1"]);
  };

  test.each<[string, () => void, string]>([
    [
      "a trial of another boot",
      () =>
        writeFileSync(
          p.memory("pull/trial"),
          `from=x\nto=${"c".repeat(64)}\nversion=0.1\nid=1\nred=\ndeployment=${"c".repeat(64)}.0\nbooted_from=another\n`,
        ),
      "",
    ],
    [
      "half-written files",
      () => {
        for (const name of ["pull/state", "pull/trial", "hold", "reserve", "refused"])
          writeFileSync(p.memory(`${name}.new`), "half");
      },
      "",
    ],
    [
      "a state that is none",
      () => writeFileSync(p.memory("pull/state"), "\x01\nnext=soon\nfailures=x\napply_after=99999999999\n"),
      "",
    ],
    ["a lock that nobody holds", () => {}, "echo 'pulumi up of anna' >/run/pine.lock"],
    [
      "a reboot that never came",
      () => {},
      "echo 'pulumi up of anna' >/run/pine.rebooting; touch -t 202001010000 /run/pine.rebooting",
    ],
    ["guests of an earlier version", () => {}, `echo "${"d".repeat(64)} 1" >/run/pine.guests`],
    [
      "folders of runs that were killed",
      () => {},
      "mkdir /run/pine-upgrade.aaaaaa /run/pine-pull.bbbbbb; echo x >/run/pine-pull.bbbbbb/got",
    ],
  ])("%s: the next run goes on", async (_, plant, before) => {
    plant();
    expect(await u.reboot({ before: `${MARK}; ${before || ":"}` }, "now")).toBe("done");
    expect(p.s.env).toMatchObject({ slot: "a", trial: "b", tries: 1 });
    await disarmed();
  });

  test("guests of an earlier version do not shorten the wait of others", async () => {
    p.settings({ reboot: "now", sessions: "60" });
    const guest = "mkdir -p /run/proc/8; echo '8 (ash) S 7 8 8 34816 8' >/run/proc/8/stat";
    const old = `echo "${"d".repeat(64)} 1" >/run/pine.guests`;
    expect(await u.reboot({ before: `${MARK}; ${guest}; ${old}` })).toMatch(/1 terminal is in use/);
    p.settings({});
  });

  test("a lock that somebody holds is told with its age", async () => {
    const holder = /^holder\(\) \{\n(.*\n)*?\}$/m.exec(assetText("system/rootfs/usr/sbin/pine"))![0];
    p.program(
      "../lib/holder",
      `run=/run\nfor piece in words system trials; do . /run/scripts/lib/$piece; done\n${holder}\nholder`,
    );
    const held = "exec 5>>/run/pine.lock; flock 5; echo 'pulumi up of anna' >/run/pine.lock";
    const { stdout } = await p.run("holder", [], { before: held });
    expect(stdout).toMatch(/^pulumi up of anna, since 20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ$/m);
  });

  // the agent's steps in their order; a step that ended may have changed what boots
  test.each(
    ["deploy", "arm", "reboot"].flatMap((step) => [
      [step, "before"],
      [step, "after"],
    ]),
  )("killed at %s, %s it: the next run of that boot takes it back, and ends", async (step, when) => {
    const kill = 'read -r _ _ _ _ group _ </proc/$$/stat; kill -9 -"$group"';
    const [first, then] = when === "before" ? [kill, ":"] : [":", kill];
    p.program(
      "dies",
      `[ "$1" != ${step} ] || { ${first}; }\n/run/scripts/lib/agent "$@"\ncode=$?\n[ "$1" != ${step} ] || { ${then}; }\nexit $code`,
    );
    const killed =
      "PINE_AGENT=/run/scripts/bin/dies setsid /run/scripts/lib/upgrade reboot now >/dev/null 2>&1 & wait $!";
    const armed = "grep -o 'pine_trial=b' /boot/grub/pine/env >/var/lib/pine/armed";
    // a reboot that was asked for is on its way for five minutes
    const later = "[ ! -e /run/pine.rebooting ] || touch -t 202001010000 /run/pine.rebooting";
    expect(await u.reboot({ before: `${MARK}; ${killed}; ${armed}; ${later}` }, "now")).toBe("done");
    expect(p.text("armed") !== "").toBe(step === "reboot" || (step === "arm" && when === "after"));
    expect(p.s.env).toMatchObject({ slot: "a", trial: "b", tries: 1 });
    await disarmed();
  });

  test(
    `${RUNS} looks leave no process, file or mount`,
    async () => {
      // busybox' timeout notices within a second that its program has ended
      // counted by the shell itself: a pipe's end may have started by then, or not
      const processes = "processes() { set -- /proc/[0-9]*; echo $#; }";
      const count = `sleep 3; processes; find /run /tmp /var/lib/pine -not -path '/run/proc*' | sort | cksum; wc -l </proc/mounts`;
      const before = `${processes}; /run/scripts/lib/pull check >/dev/null; { ${count}; } >/sysroot/counts; i=0; while [ $i -lt ${RUNS} ]; do i=$((i + 1)); /run/scripts/lib/pull check >/dev/null || echo failed >>/sysroot/counts; done; { ${count}; } >>/sysroot/counts`;
      await p.run("pull", ["check"], { before, timeout: RUNS * 5000 });
      const lines = readFileSync(join(p.s.root, "counts"), "utf8").trim().split("\n");
      expect(lines).toHaveLength(6);
      expect(lines.slice(3)).toEqual(lines.slice(0, 3));
    },
    RUNS * 6000,
  );
});
