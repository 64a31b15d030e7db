/** Somebody else comes while a disk is written over, and the power fails there: who is told what, and what helps. */
import { rmSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { run } from "../../provider/local/run.ts";
import { ensureDebian } from "../lab/vps/debian.ts";
import type { Project } from "./hijack-cli.ts";
import { BOOT_MS, type Lab, labRelease, on, secondLaptop, startLab, steps } from "./hijack-lab.ts";
import { overwriteProgram, WRITTEN } from "./overwrite-lab.ts";

const step = steps(test);
let lab: Lab;
/** Another folder and another backend with the same stack, as on a second laptop. */
let second: Project;

beforeAll(async () => {
  lab = await startLab("overwrite-cuts", { memory: 256 });
  second = await secondLaptop(lab);
  // the RAM system asks for its address too
  for (const project of [lab.project, second]) overwriteProgram(project, { dhcp: true });
});
afterAll(async () => {
  second?.end();
  await lab?.end();
});

const half = async () => (await lab.project.state()).find((r) => r.type === "pine:index:HostHijack");

step("preview showed one disk, and another is there: nothing is done", async () => {
  // after the preview of an `up`, before it comes to the server again: the table of the disk gets another id
  const up = lab.project.start(["up"]);
  await up.saw(/^committing to OSTree/);
  await on(lab.vps, "sfdisk -q --disk-id /dev/vda 11111111-2222-4333-8444-555555555555 --no-reread --force");
  const { exitCode, errors, output } = await up.ended;
  expect(exitCode).not.toBe(0);
  expect(errors.join("\n"), output).toMatch(
    /the server has changed since the preview:\n- disk: the preview showed .*; now it is .*\n.*nothing was changed; run `pulumi up` again/s,
  );
  expect(await on(lab.vps, ". /etc/os-release; echo $ID; ls -d /run/pine-* /boot/pine* 2>/dev/null | wc -l")).toBe(
    "debian\n0",
  );
  expect(await half()).toBeUndefined();
  lab.tell("stopped");
});

step("a second up, while the first one writes, is told who does; the power fails", async () => {
  const up = lab.project.start(["up", "--skip-preview"]);
  await up.saw(WRITTEN, ([, amount]) => /^[2-9]\d MB$/.test(amount!));
  const other = await second.run(["up", "--skip-preview"]);
  expect(other.exitCode).not.toBe(0);
  expect(other.errors).toEqual([
    expect.stringMatching(/^another operation holds the server's lock: pine-server-yaml\/test by \S+@/),
  ]);
  lab.tell(`a second up: ${other.errors.join()}`);
  await lab.vps.cut();
  const { exitCode, errors, output } = await up.ended;
  expect(exitCode).not.toBe(0);
  expect(errors.join("\n"), output).toMatch(
    /the disk was being written: its old system is gone.*if the server does not answer then \(it lost its power\), have its provider install any Debian on it and run `pulumi up`/s,
  );
  expect((await half())?.initErrors).toHaveLength(1);
  lab.tell("the power failed");
});

step("the disk does not boot any more; the next up says what is lost and what to do", async () => {
  await lab.vps.boot();
  await expect(lab.vps.waitSsh(60_000)).rejects.toThrow(/no SSH/);
  const { exitCode, errors } = await lab.project.run(["up", "--skip-preview"]);
  expect(exitCode).not.toBe(0);
  expect(errors.join("\n")).toMatch(
    /cannot be reached.*an overwrite of this server was cut off: if it has lost its power since, its disk is half written and does not boot; have its provider install any Debian/s,
  );
  lab.tell("told");
});

step("its provider installs Debian again, and the next up takes it", async () => {
  await lab.vps.cut();
  const base = await ensureDebian(lab.tell, labRelease());
  rmSync(lab.vps.disk);
  await run("qemu-img", ["create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", base.disk, lab.vps.disk]);
  await lab.vps.boot();
  await lab.vps.waitSsh(BOOT_MS);
  await lab.project.ok(["up", "--skip-preview"]);
  const { booted } = await lab.project.server();
  expect(await on(lab.vps, "ostree admin status; cat /boot/grub/pine/install")).toMatch(
    new RegExp(`\\* pine ${booted.checksum}.*method=overwrite`, "s"),
  );
  lab.tell("installed");
});
