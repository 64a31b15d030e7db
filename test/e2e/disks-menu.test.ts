/**
 * GRUB's menu on the serial line: a person stops the countdown and picks the other deployment. And where nobody is:
 * trials that hang go back, the one whose kernel runs by the dead-man, the one whose kernel is stuck by the hardware
 * watchdog. By BIOS and UEFI.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { diskImage } from "../../provider/image/disk/image.ts";
import { commitFromRootfs } from "../../provider/image/ostree/commits.ts";
import { startVps, type Vps } from "../lab/vps/vps.ts";
import { another, on as commandOn, complete, heard, said } from "./disks-lab.ts";
import { type ImageLab, startImageLab } from "./image-lab.ts";
import { breakSlot } from "./returning-lab.ts";

let lab: ImageLab;
let disk: string;

beforeAll(async () => {
  lab = await startImageLab();
  const { checksum } = await commitFromRootfs(lab, await lab.rootfs(), {});
  const options = { title: "Pine first", console: ["tty0", "ttyS0,115200"] };
  disk = (await diskImage(lab, checksum, options, "raw")).path;
});
afterAll(() => lab?.end());

/** As a terminal sends them. */
const DOWN = "\x1b[B";
const ENTER = "\r";
/** Longer than the countdown, ms. */
const LONG = 10_000;

describe.each(["bios", "uefi"] as const)("by %s", (firmware) => {
  let vps: Vps;
  const on = (command: string) => commandOn(vps, command);
  /** GRUB's time for a person, in the configuration that sources ours. */
  const timeout = (seconds: string, style: string) =>
    on(`sed -i 's/^set timeout=.*/set timeout=${seconds}/; s/^set timeout_style=.*/set timeout_style=${style}/' \
      /boot/grub/grub.cfg && grep -c '^set timeout=${seconds}$' /boot/grub/grub.cfg`);
  /** The kernel's own words on the serial line, and another dead-man. */
  const loud = (deadman: number) =>
    on(
      `sed -i 's/ quiet / ignore_loglevel /; s/pine.deadman=[0-9]*/pine.deadman=${deadman}/' "$(ls /boot/grub/pine/a.next 2>/dev/null || echo /boot/grub/pine/a.cfg)"`,
    );

  beforeAll(async () => {
    vps = await startVps({ base: { disk }, dir: lab.folder(), firmware, memory: 256, diskMiB: 1024 });
    await complete(vps);
  });
  afterAll(() => vps?.stop());

  test("a person picks the other deployment, which boots and stays", async () => {
    expect(await vps.console()).toMatch(
      /Pine first, packages of 20\d\d-\d\d-\d\d \[a, confirmed\].*executed automatically in 3s/s,
    );
    await on(another(1));
    expect(await on("pine deploy $(ostree rev-parse test1) 'Pine second' 2>/dev/null")).toMatch(/^0 slot=b\n/);
    // as cloud images of Ubuntu have it
    expect(await timeout("0", "hidden")).toBe("0 1");
    const from = (await vps.console()).length;
    expect(await on("pine checkpoint; pine reboot")).toBe("0");
    const menu = await said(vps, from, /executed automatically in \ds/);
    expect(menu).toMatch(/Pine first.* \[a, confirmed\].*Pine second \[b\]/s);
    await vps.type(DOWN);
    await sleep(LONG);
    const waiting = await heard(vps, from);
    expect(waiting).toMatch(/\*Pine second \[b\]/);
    expect(waiting).not.toMatch(/Booting `|pine: slot [ab] /);
    await vps.type(ENTER);
    await said(vps, from, /pine: slot b /);
    await complete(vps);
    expect(await on("/usr/libexec/pine/agent status")).toMatch(
      /^0 running=b\nrunning_trial=\n(.*\n)*slot=b\ntrial=\ntries=\nboots=\n/,
    );
    expect(await on("/usr/libexec/pine/agent status | sed -n s/^checksum=//p")).toBe(
      await on("ostree rev-parse test1"),
    );
  });

  test("a trial that nobody confirms goes back by the dead-man, also where the menu would wait for ever", async () => {
    await on(another(2));
    expect(await on("pine deploy $(ostree rev-parse test2) 'Pine third' 2>/dev/null")).toMatch(/^0 slot=a\n/);
    expect(await loud(60)).toBe("0");
    expect(await timeout("-1", "menu")).toBe("0 1");
    expect(await on("pine arm a 1")).toBe("0");
    const from = (await vps.console()).length;
    await on("pine reboot");
    const text = await said(vps, from, /dead-man: not confirmed.*pine: slot b /s);
    expect(text).toMatch(/Pine second \[b, confirmed\]/);
    expect(text).toMatch(/Pine third \[a, on trial, not confirmed\]/);
    expect(text).toMatch(/pine: slot a pine\.trial=1.*dead-man: 60 s, watchdog 1/s);
    await complete(vps);
    expect(await on("/usr/libexec/pine/agent status")).toMatch(
      /^0 running=b\n(.*\n)*slot=b\ntrial=a\ntries=0\nboots=\nstage=loaded\n/,
    );
  });

  test("a trial whose kernel is stuck goes back by the hardware watchdog", async () => {
    // a panic that does not reboot, long before the dead-man would
    const text = "echo 0 >/proc/sys/kernel/panic; echo 1 >/proc/sys/kernel/sysrq; echo c >/proc/sysrq-trigger";
    await breakSlot(vps, "a", { initramfs: { path: "bin/findfs", text: `#!/bin/sh\nsleep 3; ${text}\n` } });
    expect(await loud(3600)).toBe("0");
    expect(await on("pine arm a 1")).toBe("0");
    const from = (await vps.console()).length;
    await on("pine reboot");
    const seen = await said(vps, from, /pine: slot a pine\.trial=1.*pine: slot b /s);
    expect(seen).toMatch(/dead-man: 3600 s, watchdog 1.*Kernel panic - not syncing: sysrq triggered crash/s);
    expect(seen).not.toMatch(/dead-man: not confirmed|Rebooting in/);
    await complete(vps);
    expect(await on("/usr/libexec/pine/agent status")).toMatch(
      /^0 running=b\n(.*\n)*slot=b\ntrial=a\ntries=0\nboots=\nstage=loaded\n/,
    );
  });
});
