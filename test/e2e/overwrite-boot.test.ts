/**
 * A server whose disk is written over by an image with a /boot partition, and written anew: through the RAM system in
 * that partition.
 */
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Lab, labFirmware, on, startLab, steps } from "./hijack-lab.ts";
import { overwriteProgram } from "./overwrite-lab.ts";

const step = steps(test);

let lab: Lab;
beforeAll(async () => {
  lab = await startLab("overwrite-boot", { memory: 256, firmware: labFirmware() });
  overwriteProgram(lab.project, { data: true, bootSize: 96 });
});
afterAll(() => lab?.end());

const layout =
  "awk '$5 ~ \"^/(sysroot|sysroot/boot|boot|srv/data)$\" { print $5, $(NF - 1) }' /proc/self/mountinfo | sort";
const LAYOUT = "/boot /dev/vda3\n/sysroot /dev/vda4\n/sysroot/boot /dev/vda3";

step("the disk is written over, and /boot is the image's partition", async () => {
  await lab.project.ok(["up", "--skip-preview"]);
  expect(await on(lab.vps, layout)).toContain(LAYOUT);
  expect(await on(lab.vps, "cat /boot/grub/pine/install")).toMatch(/^method=overwrite$/m);
  await on(lab.vps, "echo kept >/srv/data/file; sync");
  lab.tell("up");
});

step("written anew by --replace, and the RAM system leaves nothing in /boot", async () => {
  const before = await lab.project.server();
  const urn = (await lab.project.state()).find((r) => r.type === "pine:index:HostHijack")!.urn;
  const up = lab.project.start(["up", "--skip-preview", "--replace", urn]);
  await up.saw(/^rebooting into the RAM system/);
  const { exitCode, output } = await up.ended;
  expect(exitCode, output).toBe(0);
  expect((await lab.project.server()).installationId).not.toBe(before.installationId);
  expect(await on(lab.vps, layout)).toContain(LAYOUT);
  expect(await on(lab.vps, "cat /srv/data/file; ls /boot")).toMatch(/^kept\n(?!.*pine-ram)/s);
  lab.tell("written anew");
});
