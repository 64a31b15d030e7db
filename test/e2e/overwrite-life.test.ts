/**
 * A server whose disk was written over, afterwards: written anew with its data kept, updated by delta, broken and back,
 * renamed.
 */
import { afterAll, beforeAll, expect, test } from "vitest";
import { bootId, type Lab, labFirmware, on, startLab, steps } from "./hijack-lab.ts";
import { overwriteProgram } from "./overwrite-lab.ts";

const step = steps(test);
const PAGE = "Hello from an atomic server";

let lab: Lab;
beforeAll(async () => {
  lab = await startLab("overwrite-life", { memory: 256, firmware: labFirmware() });
  overwriteProgram(lab.project, { data: true });
});
afterAll(() => lab?.end());

step("the disk is written over", async () => {
  await lab.project.ok(["up", "--skip-preview"]);
  await on(lab.vps, "echo kept >/srv/data/file; echo kept >/var/bulk/file; echo gone >/var/file; sync");
  lab.tell("up");
});

step("written anew by --replace: the data partitions are kept, the rest is new", async () => {
  const before = await lab.project.server();
  const partitions = await on(lab.vps, "grep vda[45] /proc/partitions");
  const urn = (await lab.project.state()).find((r) => r.type === "pine:index:HostHijack")!.urn;
  const up = lab.project.start(["up", "--skip-preview", "--replace", urn]);
  await up.saw(/^rebooting into the RAM system/);
  const { exitCode, output } = await up.ended;
  expect(exitCode, output).toBe(0);
  const now = await lab.project.server();
  expect(now.installationId).not.toBe(before.installationId);
  expect(await on(lab.vps, "cat /srv/data/file /var/bulk/file; ls /var/file 2>&1; true")).toMatch(
    /^kept\nkept\nls: \/var\/file: No such file/,
  );
  expect(await on(lab.vps, "grep vda[45] /proc/partitions")).toBe(partitions);
  lab.tell("written anew");
});

step("an update goes by delta into the other slot", async () => {
  const before = await lab.project.server();
  await lab.project.set({ packages: ["lighttpd", "tree"] });
  await lab.project.ok(["up", "--skip-preview"]);
  const now = await lab.project.server();
  expect(now.booted.slot).not.toBe(before.booted.slot);
  const image = (await lab.project.state()).find((r) => r.type === "pine:index:DiskImage")!;
  expect(now.sent).toBeLessThan(0.02 * image.outputs.fileSize);
  expect(await on(lab.vps, "tree --version; cat /srv/data/file /var/bulk/file")).toMatch(/^tree v.*\nkept\nkept$/s);
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

step("another hostname alone: a new deployment of the same commit, on trial", async () => {
  const boot = await bootId(lab.vps);
  const { booted } = await lab.project.server();
  await lab.project.set({ hostname: "web-2" });
  await lab.project.ok(["up", "--skip-preview"]);
  const now = (await lab.project.server()).booted;
  expect(await on(lab.vps, "hostname")).toBe("web-2");
  expect(await bootId(lab.vps)).not.toBe(boot);
  expect(now.checksum).toBe(booted.checksum);
  expect(now.deployment).not.toBe(booted.deployment);
  expect(now.slot).not.toBe(booted.slot);
  lab.tell("up with another hostname");
});
