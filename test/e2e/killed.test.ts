/**
 * The CLI is killed while the first trial boots: nothing is in the state, and the next `up` says what is there and
 * takes the server all the same.
 */
import { afterAll, beforeAll, expect, test } from "vitest";
import { bootId, type Lab, on, startLab, steps, until } from "./hijack-lab.ts";

const step = steps(test);
let lab: Lab;
beforeAll(async () => {
  lab = await startLab("killed");
});
afterAll(() => lab?.end());

step("killed in the trial boot", async () => {
  const debian = await bootId(lab.vps);
  const up = lab.project.start(["up", "--skip-preview"]);
  await up.saw(/waiting for the server to answer/);
  up.crash();
  lab.tell("up, killed in the trial boot");
  expect((await lab.project.state()).map((r) => r.type)).not.toContain("pine:index:HostHijack");
  await until("the trial answers", async () => (await bootId(lab.vps).catch(() => debian)) !== debian);
  await lab.project.simple(["cancel", "--yes"]); // Pulumi's own lock of the stack
});

step("the next up goes back to Debian first, as its preview says, and takes the server", async () => {
  const { output } = await lab.project.ok(["up"]);
  expect(output).toMatch(/an unconfirmed trial runs: 1 reboot back to Debian/);
  const { booted } = await lab.project.server();
  expect(await on(lab.vps, "ostree admin status")).toContain(`* pine ${booted.checksum}`);
  lab.tell("up");
});
