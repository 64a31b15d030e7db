/** A server whose disk was written over, afterwards: updated by delta, broken and back. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Lab, labFirmware, on, startLab, steps } from "./hijack-lab.ts";
import { overwriteProgram } from "./overwrite-lab.ts";

const step = steps(test);
const PAGE = "Hello from an atomic server";

let lab: Lab;
beforeAll(async () => {
  lab = await startLab("overwrite-life", { memory: 256, firmware: labFirmware() });
  overwriteProgram(lab.project);
});
afterAll(() => lab?.end());

step("the disk is written over", async () => {
  await lab.project.ok(["up", "--skip-preview"]);
  lab.tell("up");
});

step("an update goes by delta into the other slot", async () => {
  const before = await lab.project.server();
  await lab.project.set({ packages: ["lighttpd", "tree"] });
  await lab.project.ok(["up", "--skip-preview"]);
  const now = await lab.project.server();
  expect(now.booted.slot).not.toBe(before.booted.slot);
  const image = (await lab.project.state()).find((r) => r.type === "pine:index:DiskImage")!;
  expect(now.sent).toBeLessThan(0.02 * image.outputs.fileSize);
  expect(await on(lab.vps, "tree --version")).toMatch(/^tree v/);
  lab.tell("updated");
});

step("an update that breaks the web server goes back by itself", async () => {
  const { booted } = await lab.project.server();
  await lab.project.set({ webPort: "eighty" });
  const bad = await lab.project.run(["up", "--skip-preview"]);
  expect(bad.exitCode).not.toBe(0);
  expect(bad.output).toMatch(/was booted and failed; commit [0-9a-f]{12} runs again/);
  expect(await on(lab.vps, "ostree admin status; wget -qO- http://127.0.0.1/")).toMatch(
    new RegExp(`\\* pine ${booted.checksum}.*${PAGE}`, "s"),
  );
  await lab.project.set({ webPort: "80" });
  await lab.project.ok(["up", "--skip-preview"]);
  lab.tell("went back, and forward again");
});
